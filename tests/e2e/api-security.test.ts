/** Seed 003's names in TypeScript against a real `assay mock-tee`, and `assay tee-validation` for every provider and its JSON configuration. */

import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startOpenAiServer, transcript } from '@assay/testing';
import {
  type ApiTranscript,
  AttestationVerifier,
  attestInOrder,
  createAttestationProvider,
  createTestConfig,
  parseSecurityConfig,
  SecureAPIBinder,
  type SessionAttestation,
} from 'assay';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { run } from '../../packages/assay/src/command-line/program.ts';

let directory: string;
let url: string;
let root: string;
let stop: () => Promise<unknown>;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'assay-security-'));
  const model = await startOpenAiServer({ answers: [{ kind: 'text', text: 'hello' }], models: ['gpt2'] });
  const abort = new AbortController();
  const env = { AI_PROVIDER: 'openai', AI_API_BASE: model.base, AI_API_KEY: 'k', AI_MODEL: 'gpt2', ASSAY_LOG_LEVEL: 'silent' };
  const said = transcript({ cwd: directory, now: Date.now(), env });
  const io = { ...said, now: () => Date.now(), fetch: globalThis.fetch, signal: abort.signal };
  const ended = run(['mock-tee', '--provider', 'sgx', '--port', '0', '--data-dir', join(directory, 'tee')], io);
  await vi.waitFor(() => expect(said.err()).toMatch(/http:\/\/127\.0\.0\.1:\d+/), { timeout: 60_000 });
  url = /http:\/\/127\.0\.0\.1:\d+/.exec(said.err())?.[0] ?? '';
  root = await readFile(join(directory, 'tee/simulated-sgx-root.pem'), 'utf8');
  stop = async () => {
    abort.abort();
    await ended;
    await model.close();
  };
}, 120_000);
afterAll(async () => {
  await stop?.();
  await rm(directory, { recursive: true, force: true });
});

const fresh = (): string => Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString('hex');
const relaxed = (more: object = {}) =>
  new AttestationVerifier({ config: createTestConfig(), trust: { simulatedRoot: root }, ...more });

async function attest(nonce: string): Promise<SessionAttestation> {
  return createAttestationProvider('sgx', { url }).generateAttestation({ name: 'gpt2' }, nonce);
}

describe('AttestationVerifier', () => {
  it('accepts a fresh attestation under the test configuration, once', async () => {
    const [nonce, verifier] = [fresh(), relaxed()];
    const session = await attest(nonce);
    const first = await verifier.verifyAttestation(session, { name: 'gpt2' }, nonce);
    expect(first).toMatchObject({ valid: true, status: 'valid', failures: [], securityLevel: 'low' });
    const again = await verifier.verifyAttestation(session, { name: 'gpt2' }, nonce);
    expect(again).toMatchObject({ valid: false, status: 'invalid', failures: [{ reason: 'replay_attack' }] });
  });

  it('is strict by default: a simulator never passes, whatever it says of itself', async () => {
    const nonce = fresh();
    const session = await attest(nonce);
    const lying = {
      ...session,
      attestation: { ...session.attestation, security_level: 'high', platform_info: { simulated: false } },
    };
    const outcome = await new AttestationVerifier({ trust: { simulatedRoot: root } }).verifyAttestation(lying, null, nonce);
    expect(outcome.valid).toBe(false);
    expect(outcome.securityLevel).toBe('low');
    expect(outcome.failures.map(({ reason }) => reason)).toEqual(['untrusted_platform', 'policy_violation']);
  });

  it.each<[string, (session: SessionAttestation) => SessionAttestation, object, string]>([
    ['without its root', (s) => s, { trust: {} }, 'invalid_certificate'],
    ['of another model', (s) => ({ ...s, model_identity: { ...s.model_identity, name: 'gpt3' } }), {}, 'policy_violation'],
    ['a day later', (s) => s, { now: () => Date.now() + 2 * 86_400_000 }, 'invalid_quote'],
    ['with another nonce in it', (s) => ({ ...s, attestation: { ...s.attestation, nonce: 'x' } }), {}, 'nonce_mismatch'],
    [
      'of a provider that is not listed',
      (s) => s,
      { config: parseSecurityConfig('{"security_policy":"relaxed","attestation_policy":{"providers":["nitro"]}}') },
      'policy_violation',
    ],
    ['without a report', (s) => ({ ...s, attestation: { ...s.attestation, report: {} } }), {}, 'invalid_quote'],
  ])('an attestation %s fails with its reason', async (_, change, options, reason) => {
    const nonce = fresh();
    const outcome = await relaxed(options).verifyAttestation(change(await attest(nonce)), { name: 'gpt2' }, nonce);
    expect(outcome.valid).toBe(false);
    const reasons = outcome.failures.map((failure) => failure.reason);
    expect(
      reasons.some((each) => each === reason || (reason === 'invalid_quote' && each === 'invalid_certificate')),
      String(reasons),
    ).toBe(true);
  });

  it('an attestation for another nonce does not answer this one', async () => {
    const outcome = await relaxed().verifyAttestation(await attest(fresh()), null, fresh());
    expect(outcome).toMatchObject({
      valid: false,
      failures: expect.arrayContaining([expect.objectContaining({ reason: 'nonce_mismatch' })]),
    });
  });
});

describe('SecureAPIBinder', () => {
  it('binds answers to their session, and none twice', async () => {
    const session = await attest(fresh());
    const ask = async (): Promise<ApiTranscript> => {
      const body = JSON.stringify({ session_id: session.session_id, prompt: 'Hi' });
      return (
        await fetch(`${url}/inference`, { method: 'POST', headers: { 'content-type': 'application/json' }, body })
      ).json() as Promise<ApiTranscript>;
    };
    const binder = new SecureAPIBinder({ verifier: relaxed(), config: createTestConfig() });
    const answer = await ask();
    expect(await binder.bindTranscript(answer, { name: 'gpt2' }, session)).toMatchObject({ status: 'valid', reasons: [] });
    expect(await binder.bindTranscript(answer, { name: 'gpt2' }, session)).toMatchObject({
      status: 'invalid',
      reasons: ['the transcript was bound before'],
    });
    expect(await binder.bindTranscript(await ask(), { name: 'gpt3' }, session)).toMatchObject({ status: 'invalid' });
    expect(await binder.bindTranscript(await ask(), null, await attest(fresh()))).toMatchObject({
      status: 'invalid',
      reasons: expect.arrayContaining(['the answer names another attestation']),
    });
  });

  it('under the strict policy needs a verifier that accepts the session', async () => {
    const session = await attest(fresh());
    const answer = { transcript_id: 't', attestation_hash: 'x', model_hash: 'x', binding: {} };
    expect((await new SecureAPIBinder().bindTranscript(answer, null, session)).reasons).toContain(
      'the policy asks for an attestation, and no verifier was given',
    );
  });
});

describe('createAttestationProvider', () => {
  it('refuses another provider, another model, and an address that is none', async () => {
    await expect(createAttestationProvider('nitro', { url }).generateAttestation(null, fresh())).rejects.toMatchObject({
      code: 'client/attestation-malformed',
    });
    await expect(
      createAttestationProvider('sgx', { url }).generateAttestation({ name: 'gpt3' }, fresh()),
    ).rejects.toMatchObject({ code: 'client/attestation-malformed' });
    expect(() => createAttestationProvider('sgx', { url: 'nowhere' })).toThrow(
      expect.objectContaining({ code: 'security/bad-config' }),
    );
    await expect(
      createAttestationProvider('sgx', { url: 'http://127.0.0.1:9' }).generateAttestation(null, fresh()),
    ).rejects.toMatchObject({ code: 'client/agent-unreachable' });
  });
});

describe('attestInOrder', () => {
  const config = (providers: object, more: object = {}) =>
    parseSecurityConfig(JSON.stringify({ tee_providers: providers, ...more }));
  const at = (address: string, priority: number) => ({ priority, config: { url: address } });
  const DEAD = 'http://127.0.0.1:9';
  let busy: Server;
  let busyUrl: string;
  beforeAll(async () => {
    busy = createServer((_, response) => response.writeHead(503, { 'content-type': 'application/json' }).end('{}'));
    await once(busy.listen(0, '127.0.0.1'), 'listening');
    busyUrl = `http://127.0.0.1:${(busy.address() as AddressInfo).port}`;
  });
  afterAll(() => void busy.close());

  it('takes the next provider where one does not answer, by priority, and says whom it passed over', async () => {
    const [nonce, model] = [fresh(), { name: 'gpt2' }];
    const order = config({ sgx: at(url, 1), nitro: at(DEAD, 10), sev: at(busyUrl, 5) });
    const { type, session, passedOver } = await attestInOrder(order, { model, nonce });
    expect(type).toBe('sgx');
    expect(passedOver.map((each) => each.type)).toEqual(['nitro', 'sev']);
    expect((await relaxed().verifyAttestation(session, model, nonce)).valid).toBe(true);
  });

  it('asks the default provider first, whatever its priority', async () => {
    const order = config({ sgx: at(url, 1), nitro: at(DEAD, 10) }, { default_provider: 'sgx' });
    expect(await attestInOrder(order, { model: null, nonce: fresh() })).toMatchObject({ type: 'sgx', passedOver: [] });
  });

  it.each<[string, object, string]>([
    [
      'an answer of another provider, which does not choose the next one',
      { nitro: at('URL', 10), sgx: at('URL', 1) },
      'client/attestation-malformed',
    ],
    ['no provider that answers', { nitro: at(DEAD, 10), sev: at(DEAD, 1) }, 'client/agent-unreachable'],
    ['no enabled provider', { sgx: { enabled: false } }, 'security/bad-config'],
    [
      'a provider without an address, before anything is sent',
      { sgx: at('URL', 10), sev: { priority: 1 } },
      'security/bad-config',
    ],
  ])('refuses %s', async (_, providers, code) => {
    const order = config(JSON.parse(JSON.stringify(providers).replaceAll('URL', url)));
    await expect(attestInOrder(order, { model: null, nonce: fresh() })).rejects.toMatchObject({ code });
  });
});

describe('assay tee-validation', () => {
  async function validate(...args: string[]) {
    const io = transcript({ cwd: directory, now: Date.now() });
    return { code: await run(['tee-validation', ...args], io), out: io.out(), err: io.err() };
  }

  it('accepts genuine evidence of every provider, and nothing else', async () => {
    const { code, out } = await validate('--provider', 'all', '--json');
    const { valid, attempts } = JSON.parse(out);
    expect(attempts.filter(({ passed }: { passed: boolean }) => !passed)).toEqual([]);
    expect([code, valid, attempts.length]).toEqual([0, true, 30]);
  }, 60_000);

  it('takes the providers of a configuration in their order', async () => {
    await writeFile(
      join(directory, 'config.json'),
      '{"tee_providers":{"sev":{"priority":1},"sgx":{"enabled":true,"priority":10},"mock":{"enabled":false}}}',
    );
    const { code, out } = await validate('--config', 'config.json');
    expect(code).toBe(0);
    expect([...out.matchAll(/✓ {2}(\w+)/g)].map(([, provider]) => provider)).toEqual([
      ...Array(6).fill('sgx'),
      ...Array(6).fill('sev'),
    ]);
  }, 60_000);

  it.each([
    [['--provider', 'tpm'], '--provider: expected all'],
    [['--provider', 'nitr'], 'did you mean nitro?'],
    [['--config', 'bad.json'], 'security/bad-config'],
  ])('%j is misuse', async (args, words) => {
    await writeFile(join(directory, 'bad.json'), '{"tee_provider":{}}');
    const { code, err } = await validate(...args);
    expect([code, err]).toEqual([1, expect.stringContaining(words)]);
  });
});
