/**
 * Seed 003's surface, end to end: `assay mock-tee` for every provider, its five endpoints, the file they give offline under `assay verify`, and
 * every way to change that file: edit, omission, reorder, replay, substitution, forged quotes.
 */

import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type OpenAiServer, startOpenAiServer, transcript } from '@assay/testing';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { run } from '../../packages/assay/src/command-line/program.ts';

// biome-ignore lint/suspicious/noExplicitAny: tests reach into files by name
type Loose = any;

let directory: string;
let model: OpenAiServer;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'assay-transcripts-'));
  let count = 0;
  model = await startOpenAiServer({ answers: () => ({ kind: 'text', text: `answer ${++count}` }), models: ['gpt2'] });
});
afterAll(async () => {
  await model?.close();
  await rm(directory, { recursive: true, force: true });
});

interface Mock {
  readonly url: string;
  stop(): Promise<number>;
}

async function mockTee(provider: string, args: readonly string[] = []): Promise<Mock> {
  const stop = new AbortController();
  // The key is a client's, for another agent: a simulated TEE here asks for none.
  const env = {
    AI_PROVIDER: 'openai',
    AI_API_BASE: model.base,
    AI_API_KEY: 'k',
    AI_MODEL: 'gpt2',
    ASSAY_LOG_LEVEL: 'silent',
    ASSAY_API_KEY: 'of-a-client',
  };
  const said = transcript({ cwd: directory, now: Date.now(), env });
  const command = ['mock-tee', '--provider', provider, '--port', '0', '--data-dir', join(directory, provider), ...args];
  const ended = run(command, { ...said, now: () => Date.now(), fetch: globalThis.fetch, signal: stop.signal });
  await vi.waitFor(() => expect(said.err()).toMatch(/http:\/\/127\.0\.0\.1:\d+/), { timeout: 30_000 });
  const url = /http:\/\/127\.0\.0\.1:\d+/.exec(said.err())?.[0] ?? '';
  return {
    url,
    stop: () => {
      stop.abort();
      return ended;
    },
  };
}

async function post(url: string, body: unknown): Promise<{ status: number; body: Loose }> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  return { status: response.status, body: await response.json() };
}

const get = async (url: string): Promise<Loose> => (await fetch(url)).json();

async function verified(file: Loose, root: string) {
  await writeFile(join(directory, 'file.json'), JSON.stringify(file));
  const io = transcript({ cwd: directory, now: Date.now() });
  const code = await run(['verify', 'file.json', '--simulated-root', root, '--json'], io);
  return { code, verdict: JSON.parse(io.out()) as Loose };
}

const ROOTS: Readonly<Record<string, string>> = {
  sgx: 'sgx/simulated-sgx-root.pem',
  sev: 'sev/simulated-sev-root.pem',
  nitro: 'nitro/simulated-root.pem',
  vendor: 'vendor/simulated-vendor-root.pem',
  mock: 'mock/simulated-root.pem',
};

describe.each(Object.entries(ROOTS))('assay mock-tee --provider %s', (provider, root) => {
  it('attests, answers, exports, and its file verifies offline under its root alone', async () => {
    const mock = await mockTee(provider, ['--model-version', '2026-11']);
    const nonce = 'ab'.repeat(32);
    const { body: session } = await post(`${mock.url}/attestation/create`, { nonce });
    expect(session).toMatchObject({
      attestation: { provider_type: provider, nonce, security_level: 'low', platform_info: { simulated: true } },
      model_identity: { name: 'gpt2', version: '2026-11', hash: expect.stringMatching(/^sha256:/) },
    });
    expect(session.attestation.quote.length).toBeGreaterThan(100);
    if (provider !== 'vendor') expect(session.attestation.certificate_chain.length).toBeGreaterThan(2);
    const ask = { session_id: session.session_id, prompt: 'Hello', max_tokens: 20, temperature: 0.5 };
    const first = await post(`${mock.url}/inference`, ask);
    expect(first.body).toMatchObject({
      response: expect.stringMatching(/^answer \d+$/),
      binding: { nonce, signature: expect.stringMatching(/^[0-9a-f]{128}$/) },
    });
    expect(model.requests.at(-1)?.body).toMatchObject({ model: 'gpt2', max_completion_tokens: 20, temperature: 0.5 });
    await post(`${mock.url}/inference`, ask);
    const file = await get(`${mock.url}/evidence/bundle`);
    expect(file).toMatchObject({
      version: '1.0',
      simulated: true,
      summary: { total_transcripts: 2, valid_bindings: 2, success_rate: 1 },
    });
    expect(await post(`${mock.url}/evidence/verify`, file)).toMatchObject({ status: 200, body: { valid: true, errors: [] } });
    expect(await get(`${mock.url}/stats`)).toMatchObject({ provider_type: provider, sessions: 1, transcripts: 2 });
    expect(await get(`${mock.url}/platform/info`)).toMatchObject({
      provider_type: provider,
      simulated: true,
      model: { name: 'gpt2' },
    });
    expect(await get(`${mock.url}/health`)).toMatchObject({ status: 'ok' });
    expect(await mock.stop()).toBe(0);
    const { code, verdict } = await verified(file, root);
    expect(code, JSON.stringify(verdict.error)).toBe(0);
    expect(verdict).toMatchObject({ outcome: 'accepted', simulated: true });
    const ids = verdict.checks.map(({ id }: Loose) => id);
    expect(ids).toEqual(expect.arrayContaining(['transcripts.complete', 'transcripts.bound', 'transcripts.attested']));
    const other = provider === 'sgx' ? ROOTS.mock : ROOTS.sgx;
    if (other !== undefined && provider !== 'sgx') expect((await verified(file, other)).code).toBe(3);
  }, 120_000);
});

describe('a file that was changed', () => {
  let mock: Mock;
  let good: Loose;
  let other: Loose;

  beforeAll(async () => {
    mock = await mockTee('mock');
    const session = async (prompts: readonly string[]): Promise<string> => {
      const { body } = await post(`${mock.url}/attestation/create`, { nonce: 'any text' });
      for (const prompt of prompts) await post(`${mock.url}/inference`, { session_id: body.session_id, prompt });
      return body.session_id;
    };
    const id = await session(['one', 'two', 'three']);
    good = await get(`${mock.url}/evidence/bundle?session_id=${id}`);
    other = await get(`${mock.url}/evidence/bundle?session_id=${await session(['four'])}`);
  }, 60_000);
  afterAll(async () => {
    await mock?.stop();
  });

  const swap = (list: Loose[], a: number, b: number): void => {
    [list[a], list[b]] = [list[b], list[a]];
  };

  it.each<[string, (file: Loose) => void, string]>([
    [
      'an answer',
      (f) => {
        f.transcripts[1].full_transcript.response = f.transcripts[1].full_transcript.response.replace('answer', 'Answer');
      },
      'transcripts/substituted',
    ],
    [
      'a question',
      (f) => {
        f.transcripts[0].full_transcript.request = '{}';
      },
      'transcripts/substituted',
    ],
    [
      'the model',
      (f) => {
        f.sessions[0].model_identity.name = 'gpt-5';
      },
      'transcripts/substituted',
    ],
    [
      'the model of one call',
      (f) => {
        f.transcripts[0].binding.model_identity.name = 'gpt-5';
      },
      'transcripts/substituted',
    ],
    [
      'the attestation',
      (f) => {
        f.sessions[0].attestation = other.sessions[0].attestation;
      },
      'transcripts/substituted',
    ],
    [
      'the quote',
      (f) => {
        f.sessions[0].attestation.quote = f.sessions[0].attestation.quote.replace('A', 'B');
      },
      'transcripts/substituted',
    ],
    [
      'its time',
      (f) => {
        f.sessions[0].attestation.timestamp = '2020-01-01T00:00:00Z';
      },
      'transcripts/substituted',
    ],
    [
      'a signature, zeroed',
      (f) => {
        f.transcripts[0].binding.binding.signature = '0'.repeat(128);
      },
      'transcripts/substituted',
    ],
    [
      'the signature of the file, zeroed',
      (f) => {
        f.signature = '0'.repeat(128);
      },
      'transcripts/substituted',
    ],
    [
      'a nonce',
      (f) => {
        f.transcripts[0].binding.binding.nonce = 'x';
      },
      'transcripts/substituted',
    ],
    [
      'a hash computed again',
      (f) => {
        f.transcripts[0].binding.transcript.hash = `sha256:${'0'.repeat(64)}`;
      },
      'transcripts/substituted',
    ],
    ['the order', (f) => swap(f.transcripts, 0, 1), 'transcripts/reordered'],
    [
      'the number of one call',
      (f) => {
        f.transcripts[0].index = 1;
      },
      'transcripts/substituted',
    ],
    [
      'the first call left out',
      (f) => {
        f.transcripts.shift();
      },
      'transcripts/omitted',
    ],
    [
      'the last call left out',
      (f) => {
        f.transcripts.pop();
        f.sessions[0].count = 2;
      },
      'transcripts/omitted',
    ],
    [
      'a call twice',
      (f) => {
        f.transcripts.push(f.transcripts[0]);
      },
      'transcripts/replayed',
    ],
    [
      'a call of another session',
      (f) => {
        f.transcripts[0] = other.transcripts[0];
      },
      'transcripts/omitted',
    ],
    [
      'no closing receipt',
      (f) => {
        f.sessions[0].closing_receipt = 'none';
      },
      'transcripts/omitted',
    ],
    [
      'an age without end',
      (f) => {
        f.policy.max_binding_age = 1e9;
      },
      'transcripts/malformed',
    ],
    [
      'the bundle inside',
      (f) => {
        f.assay_bundle.receipts[0].receipt.served_at += 1;
      },
      'leaf/commitment-mismatch',
    ],
    [
      'the bundle of another session',
      (f) => {
        f.assay_bundle = other.assay_bundle;
      },
      'transcripts/omitted',
    ],
    [
      'the last receipts cut from the bundle',
      (f) => {
        f.assay_bundle.receipts.pop();
      },
      'transcripts/omitted',
    ],
    [
      'no bundle',
      (f) => {
        f.assay_bundle = undefined;
      },
      'bundle/malformed',
    ],
  ])('%s is refused, here and by the agent', async (_, edit, code) => {
    const file = structuredClone(good);
    edit(file);
    const { verdict, code: exit } = await verified(file, 'mock/simulated-root.pem');
    expect(`${verdict.error?.code}`).toContain(code);
    expect([2, 3, 4]).toContain(exit);
    const { status, body } = await post(`${mock.url}/evidence/verify`, file);
    expect([status, body.valid]).toEqual([400, false]);
    expect(body.errors[0]).toMatch(/^[a-z-]+\/[a-z-]+: /);
  });

  it('is not needed for the unchanged one to be accepted', async () => {
    expect((await verified(good, 'mock/simulated-root.pem')).code).toBe(0);
    expect((await post(`${mock.url}/evidence/verify`, good)).body.valid).toBe(true);
  });

  it("a stranger's simulator is refused", async () => {
    const theirs = await mockTee('sev');
    expect((await post(`${theirs.url}/evidence/verify`, good)).body).toMatchObject({
      valid: false,
      errors: [expect.stringContaining('certificate/root-not-trusted')],
    });
    await theirs.stop();
  }, 60_000);
});

describe('bad requests', () => {
  let mock: Mock;
  beforeAll(async () => {
    mock = await mockTee('mock');
  }, 60_000);
  afterAll(async () => {
    await mock?.stop();
  });

  it.each<[string, unknown, number, string]>([
    ['/inference', { session_id: 'none', prompt: 'x' }, 401, 'Invalid session. Create attestation first.'],
    ['/inference', { session_id: 'none' }, 422, 'prompt'],
    ['/inference', { session_id: 'none', prompt: 'x', temperature: 9 }, 422, 'temperature'],
    ['/attestation/create', { nonce: '' }, 422, 'nonce'],
    ['/evidence/verify', [], 400, 'transcripts/malformed'],
  ])('%s %j is answered %i', async (path, body, status, words) => {
    const answer = await post(`${mock.url}${path}`, body);
    expect(answer.status).toBe(status);
    expect(JSON.stringify(answer.body)).toContain(words);
  });

  it('nothing to export is said in the words of the original', async () => {
    const response = await fetch(`${mock.url}/evidence/bundle`);
    expect([response.status, await response.json()]).toEqual([404, { error: 'No transcripts available' }]);
  });

  it('an unknown provider is misuse', async () => {
    const io = transcript({ cwd: directory, now: Date.now() });
    expect(await run(['mock-tee', '--provider', 'tpm'], io)).toBe(1);
    expect(io.err()).toContain('expected sgx, sev, nitro, vendor or mock, got "tpm"');
  });

  it('keys of the simulators are private to their owner', async () => {
    expect(await readFile(join(directory, 'mock/simulated-root.pem'), 'utf8')).toContain('CERTIFICATE');
  });
});
