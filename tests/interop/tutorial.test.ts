/**
 * Seed 004 against a running agent and against the tutorial's own server, by two clients: one in another language that was written from the
 * tutorial alone, and `assay talk`. The agent runs under the simulator, and with Nitro-shaped documents under a root that only the
 * clients are given.
 */

import { execFile, execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type CborValue, decodeCbor, encodeCbor } from '@assay/encoding/cbor';
import { encodePem } from '@assay/encoding/pem';
import {
  type FakeChain,
  fakeChain,
  fakeNitroDocument,
  type OpenAiServer,
  startOpenAiServer,
  startTalkServer,
  transcript,
} from '@assay/testing';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { createNitroAttester } from '../../packages/agent/src/adapters/attesters/nitro/nitro.ts';
import { parseConfig, type RunningAgent, type StartOptions, startAgent } from '../../packages/agent/src/index.ts';
import { run } from '../../packages/assay/src/command-line/program.ts';

const runFile = promisify(execFile);
const CLIENT = new URL('./tutorial_client.py', import.meta.url).pathname;
const KEY = 'key-of-the-caller';
const ANSWER = 'about 100,000 € “today”';

function hasCryptography(): boolean {
  try {
    execFileSync('python3', ['-c', 'import cryptography'], { stdio: 'ignore' });
    return true;
  } catch {
    process.stderr.write('\n*** LEFT OUT: the tutorial in Python (pip install cryptography) ***\n');
    return false;
  }
}
const PYTHON = hasCryptography();

let directory: string;
let model: OpenAiServer;
let chain: FakeChain;
let simulated: RunningAgent;
let nitro: RunningAgent;

/** As the Nitro Secure Module answers, under a root made here. */
async function secureModule(request: Uint8Array): Promise<Uint8Array> {
  const asked = decodeCbor(request) as ReadonlyMap<string, ReadonlyMap<string, CborValue>>;
  const fields = { ...Object.fromEntries(asked.get('Attestation') ?? []), timestamp: Date.now() };
  const { document } = await fakeNitroDocument({ chain, fields });
  return encodeCbor(new Map([['Attestation', new Map([['document', document]])]]));
}

async function start(name: string, options: StartOptions): Promise<RunningAgent> {
  const config = parseConfig({
    AGENT_PORT: '0',
    ASSAY_DATA_DIR: join(directory, name),
    ASSAY_LOG_LEVEL: 'error',
    AI_PROVIDER: 'openai',
    AI_API_BASE: model.base,
    AI_API_KEY: 'key-of-the-operator',
    AI_MODEL: 'any',
  });
  return startAgent(config, options);
}

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'assay-tutorial-'));
  model = await startOpenAiServer({ answers: [{ kind: 'text', text: ANSWER }], apiKey: KEY });
  const dates = { notBefore: Date.now() - 3_600_000, notAfter: Date.now() + 3_600_000 };
  chain = await fakeChain({ root: dates, intermediate: dates, leaf: dates });
  writeFileSync(join(directory, 'root.pem'), encodePem('CERTIFICATE', chain.root.der));
  simulated = await start('simulated', {});
  nitro = await start('nitro', { attester: createNitroAttester(secureModule) });
}, 120_000);

afterAll(async () => {
  await simulated?.close();
  await nitro?.close();
  await model?.close();
  rmSync(directory, { recursive: true, force: true });
});

const settings = { PLATFORM: 'openai', MODEL: 'gpt-4', PLATFORM_API_KEY: KEY };

describe.skipIf(!PYTHON)('the tutorial in Python', () => {
  const chat = async (url: string, more: Readonly<Record<string, string>> = {}): Promise<unknown> => {
    const env = { ...process.env, ...settings, TEE_TLS_URL: url, ROOT_PEM: join(directory, 'root.pem'), ...more };
    const { stdout } = await runFile('python3', [CLIENT, 'BTC price right now'], { env });
    return JSON.parse(stdout);
  };
  const good = { response: ANSWER, platform: 'openai', 'verify signature': true, 'verify canonical': true };

  it('under the simulator gets its answer under its own key, and both signatures verify', async () => {
    expect(await chat(simulated.url)).toEqual(good);
    expect(model.requests.at(-1)?.body).toMatchObject({
      model: 'gpt-4',
      messages: [{ role: 'user', content: 'BTC price right now' }],
    });
  });

  it('verifies a Nitro document under the root given, and refuses it under another', async () => {
    expect(await chat(nitro.url)).toEqual(good);
    const ROOT_PEM = join(directory, 'simulated', 'simulated-root.pem');
    await expect(chat(nitro.url, { ROOT_PEM })).rejects.toThrow(/Attestation failed/);
  });

  it('is told of an unknown platform in the words of the original', async () => {
    expect(await chat(simulated.url, { PLATFORM: 'myspace' })).toEqual({ error: 'invalid platform' });
  });
});

describe('assay talk', () => {
  async function talk(url: string | null, args: readonly string[], more: Readonly<Record<string, string>> = {}) {
    const env = {
      ...settings,
      ASSAY_DATA_DIR: join(directory, 'simulated'),
      ...(url === null ? {} : { TEE_TLS_URL: url }),
      ...more,
    };
    const io = transcript({ cwd: directory, now: Date.now(), env, fetch: globalThis.fetch });
    const code = await run(['talk', ...args], io);
    return { code, out: io.out(), err: io.err() };
  }
  const root = ['--root', 'root.pem'];

  it('asks a simulator whose root is named, in both forms', async () => {
    const named = ['BTC price', '--simulated-root', 'simulated/simulated-root.pem'];
    const bound = await talk(simulated.url, named);
    expect(bound).toMatchObject({ code: 0, out: `${ANSWER}\n` });
    expect(bound.err).toMatch(/^SIMULATED .*\nopenai gpt-4, encrypted to you and signed over your nonce\n$/);
    const tutorial = await talk(simulated.url, [...named, '--tutorial']);
    expect(tutorial).toMatchObject({ code: 0, out: `${ANSWER}\n` });
    expect(tutorial.err).toContain('in clear, signed over question and answer');
  });

  it('asks an agent with a Nitro document under a root that is named', async () => {
    const { code, out, err } = await talk(nitro.url, ['BTC price', ...root]);
    expect([code, out]).toEqual([0, `${ANSWER}\n`]);
    expect(err).toMatch(/^verified /);
    const json = await talk(nitro.url, ['BTC price', ...root, '--json']);
    expect(JSON.parse(json.out)).toMatchObject({
      text: ANSWER,
      form: 'bound',
      verdict: { outcome: 'accepted', type: 'nitro' },
    });
  });

  it("asks the tutorial's own server in its own form", async () => {
    const server = await startTalkServer();
    onTestFinished(server.close);
    writeFileSync(join(directory, 'tutorial-root.pem'), server.rootPem);
    expect(await talk(server.url, ['BTC price', '--root', 'tutorial-root.pem', '--tutorial'])).toMatchObject({
      code: 0,
      out: `${ANSWER}\n`,
    });
    server.lie = 'mock';
    expect((await talk(server.url, ['BTC price', '--tutorial'])).code).toBe(3);
    const mock = await talk(server.url, ['BTC price', '--tutorial', '--accept-unattested-mock']);
    expect(mock).toMatchObject({ code: 0, out: `${ANSWER}\n` });
    expect(mock.err).toMatch(/^MOCK {2}no evidence/);
    server.lie = 'changed-answer';
    expect((await talk(server.url, ['BTC price', '--root', 'tutorial-root.pem', '--tutorial'])).code).toBe(3);
  });

  it('seals the question again to the key of a restarted agent', async () => {
    await nitro.rotateKeys(0);
    expect((await talk(nitro.url, ['BTC price', ...root])).code).toBe(0);
  });

  it.each<[string, readonly string[], Readonly<Record<string, string>>, number, RegExp]>([
    ['an unnamed root', ['x'], {}, 3, /certificate\/root-not-trusted/],
    ['no key', ['x'], { PLATFORM_API_KEY: '' }, 1, /PLATFORM_API_KEY: expected your key/],
    ['an unknown platform', ['x', ...root, '--platform', 'myspace'], {}, 5, /invalid platform/],
    ['another policy', ['x', ...root, '--policy', 'policy.json'], {}, 5, /policy\.measurements/],
    ['an address that is none', ['x', '--url', 'tee.example'], {}, 1, /--url: expected an http/],
  ])('%s', async (_, args, more, code, text) => {
    const values = { pcr0: ['ee'.repeat(48)] };
    writeFileSync(join(directory, 'policy.json'), JSON.stringify({ version: 1, measurements: [{ values }] }));
    const result = await talk(nitro.url, args, more);
    expect(result.out + result.err).toMatch(text);
    expect(result.code).toBe(code);
    expect(result.err).not.toContain(KEY);
  });
});
