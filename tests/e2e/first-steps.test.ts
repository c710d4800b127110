/** What a person sees first: the start message, the doctor, the first question, and the hints when an agent or its root is another one. */

import { mkdir, mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CATALOGUE, serve } from '@assay/agent';
import { transcript } from '@assay/testing';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { run } from '../../packages/assay/src/command-line/program.ts';

const small = CATALOGUE.find(({ writes }) => writes === 'words') ?? expect.fail('no such model');
const stop = new AbortController();
let home = '';
let other = '';
let url = '';
let started = '';
let ended: Promise<number>;

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'assay-first-'));
  other = await mkdtemp(join(tmpdir(), 'assay-first-'));
  await mkdir(join(other, '.assay'));
  let said = '';
  ended = serve({
    environment: { ASSAY_DATA_DIR: join(home, '.assay'), AGENT_PORT: '0', AI_PROVIDER: 'recorded', ASSAY_LOG_LEVEL: 'silent' },
    directory: home,
    color: false,
    signal: stop.signal,
    say: (text) => {
      said += text;
    },
  });
  await vi.waitFor(() => expect(said).toMatch(/console[\s\S]*packages|packages[\s\S]*console/), { timeout: 60_000 });
  started = said;
  url = /http:\/\/127[^\s]*/.exec(said)?.[0] ?? '';
}, 90_000);
afterAll(async () => {
  stop.abort();
  await ended;
  await Promise.all([home, other].map((folder) => rm(folder, { recursive: true, force: true })));
}, 30_000);

async function assay(cwd: string, ...args: readonly string[]) {
  const io = transcript({ cwd, now: Date.now(), env: { AI_PROVIDER: 'recorded', AGENT_PORT: '1' }, fetch: globalThis.fetch });
  const code = await run(args, io);
  return { code, out: io.out(), err: io.err() };
}

it('the start message says which packages are there, and how to get more', () => {
  expect(started).toMatch(/^ {2}packages +none for Python; npx assay sandbox install brings numpy, pandas and matplotlib$/m);
});

describe('assay ask', () => {
  it('needs no address for the agent of this folder, and trusts its root', async () => {
    const { code, out, err } = await assay(home, 'ask', 'What is 6 times 7?');
    expect(err).toMatch(/^SIMULATED .*trusted by the root of your own data folder, \.assay\/simulated-root\.pem\n/);
    expect(out).toBe('6 times 7 is 42.\n');
    expect(err).toMatch(/^RECORDED: no AI model ran; this answer comes from a transcript/m);
    expect(code).toBe(0);
  }, 60_000);

  it('says of a recorded answer that it is one, in JSON, too', async () => {
    const { out } = await assay(home, 'ask', 'What is 6 times 7?', '--json');
    expect(JSON.parse(out)).toMatchObject({ answer: '6 times 7 is 42.', recorded: true });
  }, 60_000);

  it("gives the agent's own advice where no model is connected", async () => {
    const { code, err } = await assay(home, 'ask', 'Who wrote Faust?');
    expect([code, err]).toEqual([expect.any(Number), expect.stringMatching(/\nhint: .*assay model fetch/)]);
    expect(err).not.toContain('change the request');
  }, 60_000);

  it('takes an address before the question, or with --url, not both', async () => {
    const root = ['--simulated-root', '.assay/simulated-root.pem'];
    expect((await assay(home, 'ask', url, 'What is 6 times 7?', ...root)).code).toBe(0);
    expect((await assay(home, 'ask', 'What is 6 times 7?', '--url', url, ...root)).code).toBe(0);
    const both = await assay(home, 'ask', url, 'What is 6 times 7?', '--url', url);
    expect([both.code, both.err]).toEqual([1, expect.stringMatching(/one address.*\[cli\/bad-option\]\nhint: quote/)]);
  }, 60_000);
});

describe('a root that is not trusted', () => {
  it('of an agent here: its root is named', async () => {
    const { code, err } = await assay(home, 'receipt', '--url', url);
    expect([code, err]).toEqual([
      3,
      expect.stringMatching(
        /hint: if it is the agent of this folder, its root is --simulated-root \.assay\/simulated-root\.pem\n$/,
      ),
    ]);
  }, 60_000);

  it('of an agent of another folder: where its root is', async () => {
    const { code, err } = await assay(other, 'receipt', '--url', url);
    expect([code, err]).toEqual([
      3,
      expect.stringMatching(/hint: a simulator keeps its root in simulated-root\.pem of its data folder/),
    ]);
  }, 60_000);

  it('although a root was named: that it is another one', async () => {
    await assay(other, 'run', 'Calculate the factorial of 10', '--quiet', '--save', 'out');
    const named = ['--simulated-root', '.assay/simulated-root.pem'];
    const { err } = await assay(other, 'receipt', '--url', url, ...named);
    expect(err).toMatch(/hint: \.assay\/simulated-root\.pem is not the root of this agent; /);
    expect((await assay(other, 'verify', 'out/bundle.json')).err).toMatch(
      /hint: .*simulator of this folder made it: --simulated-root \.assay/,
    );
    const foreign = await assay(home, 'verify', join(other, 'out/bundle.json'), ...named);
    expect([foreign.code, foreign.err]).toEqual([
      3,
      expect.stringMatching(/hint: \.assay.* is not the root of this evidence; /),
    ]);
  }, 90_000);
});

it('a policy is pinned from the bundle of a task: it accepts this software, and refuses another', async () => {
  const root = ['--simulated-root', '.assay/simulated-root.pem'];
  expect((await assay(home, 'run', 'Calculate the factorial of 10', '--quiet', '--save', 'out')).code).toBe(0);
  const pinned = await assay(home, 'policy', 'init', '--from', 'out/bundle.json', ...root, '-o', 'policy.json');
  expect([pinned.code, pinned.out]).toEqual([
    0,
    'policy.json: accepts this software and no other; assay policy explain policy.json says how\n',
  ]);
  expect((await assay(home, 'verify', 'out/bundle.json', ...root, '--policy', 'policy.json')).code).toBe(0);
  const policy = JSON.parse(await readFile(join(home, 'policy.json'), 'utf8'));
  expect(policy.measurements[0].values.pcr0).toHaveLength(1);
  policy.measurements[0].values.pcr0 = ['00'.repeat(48)];
  await writeFile(join(home, 'other.json'), JSON.stringify(policy));
  expect((await assay(home, 'verify', 'out/bundle.json', ...root, '--policy', 'other.json')).code).toBe(5);
  const unnamed = await assay(home, 'policy', 'init', '--from', 'out/bundle.json');
  expect([unnamed.code, unnamed.err]).toEqual([3, expect.stringContaining('[cli/root-not-trusted]')]);
  expect(unnamed.err).toContain('--simulated-root .assay/simulated-root.pem');
  const later = ['--at', new Date(Date.now() + 365 * 24 * 3_600_000).toISOString()];
  expect((await assay(home, 'verify', 'out/bundle.json', ...root, '--policy', 'policy.json', ...later)).code).toBe(0);
  expect((await assay(home, 'policy', 'explain', 'policy.json')).out).toMatch(/^Leaves open: .*\bage\b/m);
}, 90_000);

it('without an agent: where it was looked for, and how to name one', async () => {
  const io = transcript({ cwd: other, now: Date.now(), env: { AGENT_PORT: '1' }, fetch: globalThis.fetch });
  expect(await run(['receipt'], io)).toBe(4);
  expect(io.err()).toMatch(
    /^error: no agent answers at http:\/\/127\.0\.0\.1:1, and none left another address in \.assay \[cli\/agent-unreachable\]\nhint: start one with assay serve, or name one with --url, ASSAY_URL or AGENT_PORT\n$/,
  );
}, 60_000);

it('an agent without owners says so once, and where to read on', async () => {
  const { code, err } = await assay(home, 'variables', 'list');
  expect(code).toBe(1);
  expect(err.match(/^hint: .*$/gm)).toEqual(['hint: start it with ASSAY_OPERATOR_MANIFEST, as docs/operator.md says']);
}, 60_000);

it('the doctor finds the agent, names the models and the missing packages, and what a restart would bring', async () => {
  const file = join(home, '.assay/models', small.file);
  await mkdir(join(home, '.assay/models'), { recursive: true });
  await writeFile(file, '');
  await truncate(file, small.bytes);
  await mkdir(join(home, '.assay/sandbox/native/cp399'), { recursive: true });
  await writeFile(join(home, '.assay/sandbox/native/cp399/manifest.json'), '{"names":["pandas 9.9.9"],"sha256":"00"}');
  const { out } = await assay(home, 'doctor', '--json');
  const { findings } = JSON.parse(out) as { findings: { what: string; standing: string; detail: string }[] };
  const found = Object.fromEntries(findings.map(({ what, standing, detail }) => [what, `${standing}: ${detail}`]));
  expect(found).toMatchObject({
    models: `ok: ${small.name} (words only, no programs)`,
    packages: expect.stringMatching(/^warning: .*assay sandbox install brings numpy, pandas and matplotlib$/),
    agent: expect.stringMatching(/^warning: .* runs at http:\/\/127.*verified; restart it to use pandas 9\.9\.9$/),
  });
}, 90_000);
