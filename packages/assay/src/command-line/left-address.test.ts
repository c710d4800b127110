/** What may stand in a data folder as an agent's address, and what is ignored. */

import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FAKE_NOW, sealedAgent, transcript } from '@assay/testing';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { leftAddress } from './left-address.ts';
import { run } from './program.ts';

let cwd = '';
beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'assay-left-address-'));
  await mkdir(join(cwd, '.assay'));
});
afterEach(() => rm(cwd, { recursive: true, force: true }));

const leave = (text: string, mode = 0o600): Promise<void> =>
  writeFile(join(cwd, '.assay/agent.json'), text, { mode }).then(() => chmod(join(cwd, '.assay/agent.json'), mode));
const found = async (): Promise<string | null> => (await leftAddress(join(cwd, '.assay')))?.href ?? null;

test.each<readonly [string, string, string | null]>([
  ['an address here', '{"url":"http://127.0.0.1:8123"}', 'http://127.0.0.1:8123/'],
  ['an address of version 6', '{"url":"https://[::1]:8123"}', 'https://[::1]:8123/'],
  ['an address elsewhere', '{"url":"https://agent.example"}', null],
  ['an address that only looks like one here', '{"url":"http://127.0.0.1.example:8000"}', null],
  ['another scheme', '{"url":"file:///etc/passwd"}', null],
  ['no address', '{"url":7}', null],
  ['no JSON', 'http://127.0.0.1:8123', null],
  ['nothing', '', null],
  ['more than an address', `{"url":"http://127.0.0.1:8123/${'x'.repeat(5000)}"}`, null],
])('%s', async (_, text, expected) => {
  await leave(text);
  expect(await found()).toBe(expected);
});

test('there is none', async () => expect(await found()).toBeNull());

test.skipIf(process.getuid === undefined)('a file that others may write is ignored', async () => {
  for (const mode of [0o620, 0o602, 0o666]) {
    await leave('{"url":"http://127.0.0.1:8123"}', mode);
    expect(await found()).toBeNull();
  }
});

describe('commands ask', () => {
  async function asked(env: Readonly<Record<string, string>>, ...flags: readonly string[]) {
    const hosts: string[] = [];
    const fetch: typeof globalThis.fetch = async (input) => {
      hosts.push(new URL(new Request(input).url).host);
      throw new TypeError('fetch failed', { cause: new Error('connect ECONNREFUSED') });
    };
    const io = transcript({ cwd, now: FAKE_NOW, env, fetch });
    expect(await run(['receipt', ...flags], io)).toBe(4);
    expect(io.err()).toContain('[cli/agent-unreachable]');
    return hosts;
  }

  test.each<readonly [string, Readonly<Record<string, string>>, readonly string[], readonly string[]]>([
    ['the address left, then the usual one', {}, [], ['127.0.0.1:8123', '127.0.0.1:8000']],
    ['the port of the settings first', { AGENT_PORT: '9000' }, [], ['127.0.0.1:9000', '127.0.0.1:8123']],
    ['no port 0', { AGENT_PORT: '0' }, [], ['127.0.0.1:8123', '127.0.0.1:8000']],
    ['ASSAY_URL and no other', { ASSAY_URL: 'http://a.example', AGENT_PORT: '9000' }, [], ['a.example']],
    ['--url and no other', { ASSAY_URL: 'http://a.example' }, ['--url', 'http://b.example'], ['b.example']],
  ])('%s', async (_, env, flags, expected) => {
    await leave('{"url":"http://127.0.0.1:8123"}');
    expect(await asked(env, ...flags)).toEqual(expected);
  });

  test('a stranger at the address left for nothing but a report', async () => {
    await leave('{"url":"http://127.0.0.1:8123"}');
    const { fetch, line } = await sealedAgent({ answer: () => Response.json({}) });
    const io = transcript({ cwd, now: FAKE_NOW, env: { ASSAY_API_KEY: 'a-secret-key-of-mine' }, fetch });
    expect(await run(['receipt'], io)).toBe(3);
    expect(line).toHaveLength(1);
    expect(line.join()).toMatch(/^GET http:\/\/127\.0\.0\.1:8123\/v1\/aci\/attestation\?nonce=[0-9a-f]{64} \[\] $/);
  });
});
