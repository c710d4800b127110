/** Every command reads the `.env` file of its working directory, under the environment; a key stays with its address. */

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FAKE_NOW, transcript } from '@assay/testing';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { run } from './program.ts';
import { settingsOf } from './settings-file.ts';

let cwd = '';
beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'assay-settings-'));
});
afterEach(() => rm(cwd, { recursive: true, force: true }));

const settings = (text: string): Promise<void> => writeFile(join(cwd, '.env'), text);

async function assay(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const hosts: string[] = [];
  const fetch: typeof globalThis.fetch = async (input) => {
    hosts.push(new URL(new Request(input).url).host);
    throw new TypeError('fetch failed', { cause: new Error('connect ECONNREFUSED') });
  };
  const io = transcript({ cwd, now: FAKE_NOW, env, fetch });
  const code = await run(args, io);
  return { code, out: io.out(), err: io.err(), hosts };
}

describe.each([
  ['receipt', ['receipt']],
  ['run', ['run', 'a task']],
  ['variables', ['variables', 'list']],
  ['bundle', ['bundle', 'rcpt_1']],
] as const)('assay %s', (_, args) => {
  test('asks the agent that .env names', async () => {
    await settings('ASSAY_URL=http://127.0.0.1:8123\n');
    expect((await assay(args)).hosts).toEqual(['127.0.0.1:8123']);
  });

  test('asks the agent of the environment first', async () => {
    await settings('ASSAY_URL=http://127.0.0.1:8123\n');
    expect((await assay(args, { ASSAY_URL: 'http://127.0.0.1:8124' })).hosts).toEqual(['127.0.0.1:8124']);
  });

  test('ends at a line that is no setting, and does not repeat it', async () => {
    await settings('A=1\nsecret word\n');
    const { code, err, hosts } = await assay(args);
    expect([code, hosts]).toEqual([1, []]);
    expect(err).toMatch(
      /^error: \.env line 2: expected NAME=value[^\n]*\[cli\/file-unreadable\]\nhint: mend or remove the line/,
    );
    expect(err).not.toContain('secret');
  });
});

test('models are looked for in, and removed from, the data folder that .env names', async () => {
  await settings('ASSAY_DATA_DIR=elsewhere\n');
  const { out } = await assay(['model', 'list', '--json']);
  const paths = (JSON.parse(out).models as readonly { readonly path: string }[]).map(({ path }) => path);
  expect(paths.length).toBeGreaterThan(0);
  for (const path of paths) expect(path.startsWith(join(cwd, 'elsewhere'))).toBe(true);
});

test('sandbox install names the folder that it fills', async () => {
  await settings('ASSAY_DATA_DIR=elsewhere\n');
  await mkdir(join(cwd, 'wheels'));
  const { err } = await assay(['sandbox', 'install', '--lane', 'wasm', '--from', 'wheels']);
  expect(err).toContain(`into  ${join(cwd, 'elsewhere')}\n`);
});

test('help needs no settings', async () => {
  await settings('no setting\n');
  expect((await assay(['run', '--help'])).code).toBe(0);
});

test('a folder of that name holds no settings', async () => {
  await mkdir(join(cwd, '.env'));
  expect((await assay(['receipt'])).hosts).toEqual(['127.0.0.1:8000']);
});

test.each<readonly [string, string, Readonly<Record<string, string>>, string | undefined]>([
  [
    'the key of the environment for an address of the file is left out',
    'ASSAY_URL=https://a.example',
    { ASSAY_API_KEY: 'k' },
    undefined,
  ],
  ['the key of the file goes in its place', 'ASSAY_URL=https://a.example\nASSAY_API_KEY=f', { ASSAY_API_KEY: 'k' }, 'f'],
  ['both of the environment', 'ASSAY_URL=https://a.example', { ASSAY_API_KEY: 'k', ASSAY_URL: 'https://b.example' }, 'k'],
  ['both of the file', 'ASSAY_URL=https://a.example\nASSAY_API_KEY=f', {}, 'f'],
  ['no address', 'A=1', { ASSAY_API_KEY: 'k' }, 'k'],
])('%s', async (name, text, env, key) => {
  await settings(text);
  const io = transcript({ cwd, now: FAKE_NOW, env });
  expect((await settingsOf(io)).ASSAY_API_KEY).toBe(key);
  expect(io.err() !== '').toBe(name.startsWith('the key'));
});
