/** The agent's RedPill upstream against a stand-in: verified before the first byte, every answer's signature checked, every lie refused. */

import { readFileSync } from 'node:fs';
import { DEFAULT_POLICY } from '@assay/attestation';
import { FAKE_NOW, type RedpillLie, type RedpillServerOptions, vectorsDirectory } from '@assay/testing';
import { parseAnswerProof, verifyAnswerProof } from '@assay/upstream';
import { describe, expect, test } from 'vitest';
import { ask, bodyOf, line, MODEL } from './redpill-line.ts';

describe.each<RedpillServerOptions & { readonly name: string }>([
  { name: 'ECDSA, members as text' },
  { name: 'members as objects', textMembers: false },
  { name: 'text with the model in front', text: 'model' },
  { name: 'Ed25519', algorithm: 'ed25519' },
  { name: 'a gateway in front', shape: 'two-layer' },
  { name: 'bound to the TLS fingerprint', tlsFingerprint: new Uint8Array(32).fill(7) },
])('$name', (options) => {
  test.each([true, false])('answers are verified and signed, streamed: %s', async (stream) => {
    const found = await line(options);
    const { standing, proof } = await ask(found, stream);
    if (standing.result === 'failed') return expect.unreachable(standing.reason);
    const { document, sessionId, facts } = standing.session;
    expect(sessionId).toMatch(/^[0-9a-f]{64}$/);
    expect(document).toMatchObject({
      api_version: 'aci/1',
      upstream_name: 'redpill',
      endpoint: found.server.origin,
      channel_binding: [],
      identity: { signing_algo: options.algorithm ?? 'ecdsa' },
      claims: {
        tee_attested: { status: 'unknown' },
        gpu_attested: { status: 'unknown' },
        tcb_up_to_date: { status: 'unknown' },
      },
      evidence: { digest: expect.stringMatching(/^sha256:/), data: expect.stringMatching(/^data:application\/json;base64,/) },
    });
    expect(facts).toMatchObject({ type: 'simulated', simulated: true, nonce: expect.stringMatching(/^[0-9a-f]{64}$/) });
    expect(proof?.event).toMatchObject({ type: 'upstream.signed', session_id: sessionId, simulated: true });
    expect(proof?.event.signed_model).toBe(options.text === 'model' ? MODEL : null);
    expect(found.upstream.sessions()).toHaveLength(1);
  });
});

test('one verification holds for many prompts, for each model its own', async () => {
  const found = await line();
  await Promise.all([ask(found), ask(found), ask(found)]);
  await ask(found);
  const reports = () => found.server.requests.filter(({ url }) => url.startsWith('/v1/attestation/report'));
  expect(reports()).toHaveLength(1);
  expect(reports()[0]?.url).toMatch(/nonce=[0-9a-f]{64}/);
  await found.upstream.standing('phala/qwen-2.5-7b-instruct');
  expect(reports()).toHaveLength(2);
  expect(found.upstream.sessions()).toHaveLength(2);
});

test('it is verified again when the session ends', async () => {
  let time = Date.now();
  const found = await line({ now: () => time });
  const first = await found.upstream.standing(MODEL);
  time += 11 * 60_000;
  expect(found.upstream.sessions()).toEqual([]);
  const second = await found.upstream.standing(MODEL);
  expect(second).not.toEqual(first);
  await expect(
    found.upstream.forward({ path: '/v1/chat/completions', body: bodyOf(true), signal: AbortSignal.timeout(5000) }, first),
  ).rejects.toMatchObject({ code: 'upstream/not-verified' });
  expect(found.server.prompts()).toEqual([]);
});

test('genuine CPU and GPU evidence is named as what it is', async () => {
  const found = await line({ gpu: true, now: () => FAKE_NOW }, { genuine: true });
  const standing = await found.upstream.standing(MODEL);
  if (standing.result === 'failed') return expect.unreachable(standing.reason);
  expect(standing.session.facts).toMatchObject({ type: 'nvidia_h100_tee', simulated: false });
  expect(standing.session.document.claims).toMatchObject({
    tee_attested: { status: 'unknown' },
    gpu_attested: { status: 'asserted', source: 'hardware_proven' },
    tcb_up_to_date: { status: 'asserted', source: 'verifier_derived' },
    extra: { gpu_arch: 'HOPPER', gpu_count: 1, tcb_status: 'UpToDate', simulated: false, signing_key_in_tee: true },
  });
  const alone = await (await line({}, { genuine: true })).upstream.standing(MODEL);
  expect(alone).toMatchObject({ session: { facts: { type: 'intel_tdx', simulated: false } } });
});

describe('before any byte of the prompt leaves', () => {
  test.each<[RedpillLie, RegExp]>([
    ['wrong-nonce', /nonce/],
    ['replayed-report', /nonce/],
    ['other-address', /combined\/key-unbound/],
    ['other-public-key', /combined\/public-key-mismatch/],
    ['edited-log', /dstack[./]/],
    ['debug-td', /debug/],
    ['missing-quote', /combined\/malformed/],
    ['broken-quote', /dcap\//],
    ['expired-collateral', /dcap\/collateral-expired/],
    ['outdated-tcb', /tcb-status: expected UpToDate/],
    ['no-report', /service\/refused: .*404/],
  ])('%s is refused', async (lie, reason) => {
    const found = await line();
    found.server.lie = lie;
    expect(await found.upstream.standing(MODEL)).toEqual({ result: 'failed', reason: expect.stringMatching(reason) });
    await expect(ask(found)).rejects.toMatchObject({ code: 'upstream/not-verified' });
    expect(found.server.prompts()).toEqual([]);
    expect(JSON.stringify(found.server.requests.map(({ body }) => Buffer.from(body).toString()))).not.toContain('secret');
    expect(found.upstream.sessions()).toEqual([]);
  });

  test('a simulator that is not named is refused', async () => {
    const found = await line({}, { policy: DEFAULT_POLICY });
    expect(await found.upstream.standing(MODEL)).toEqual({ result: 'failed', reason: expect.stringMatching(/simulated/) });
  });

  test.runIf(vectorsDirectory() !== null)('a captured genuine report is refused: it answers another nonce', async () => {
    const captured = new Uint8Array(readFileSync(`${vectorsDirectory()}/combined/venice-20260610/report.json`));
    const found = await line({ captured });
    const standing = await found.upstream.standing(MODEL);
    expect(standing).toMatchObject({ result: 'failed' });
    expect(found.server.prompts()).toEqual([]);
  });

  test('a service that is not there', async () => {
    const found = await line();
    await found.server.close();
    expect(await found.upstream.standing(MODEL)).toMatchObject({ reason: expect.stringMatching(/service\/unreachable/) });
  });
});

test('the list of models is asked over a verified session; a service that is not verified gets no key', async () => {
  const found = await line();
  found.server.lie = 'wrong-nonce';
  expect(await found.upstream.models()).toEqual([MODEL]);
  expect(found.server.requests.filter(({ headers }) => headers.authorization !== undefined)).toEqual([]);
  found.server.lie = null;
  expect(await found.upstream.models()).toContain('phala/qwen-2.5-7b-instruct');
  expect(found.server.requests.at(-1)).toMatchObject({ url: '/v1/models', headers: { authorization: 'Bearer key' } });
});

describe('after the answer', () => {
  test.each<[RedpillLie, RegExp]>([
    ['tampered-response', /answer\/response-mismatch/],
    ['other-request', /answer\/request-mismatch/],
    ['forged-signature', /answer\/signature-invalid/],
    ['other-signer', /answer\/address-mismatch/],
    ['no-signature', /service\/signature-missing/],
    ['malformed-signature', /answer\/malformed/],
  ])('%s is refused', async (lie, reason) => {
    const found = await line();
    await found.upstream.standing(MODEL);
    found.server.lie = lie;
    for (const stream of lie === 'no-signature' ? [true] : [true, false])
      await expect(ask(found, stream)).rejects.toMatchObject({
        code: 'upstream/proof-invalid',
        message: expect.stringMatching(reason),
      });
  });

  test('the signature of an earlier answer is refused', async () => {
    const found = await line();
    await ask(found);
    found.server.lie = 'earlier-signature';
    await expect(ask(found)).rejects.toMatchObject({ message: expect.stringMatching(/answer\/response-mismatch/) });
  });
});

test('proofs that are no proofs are refused', async () => {
  expect(() => parseAnswerProof({ format: 'assay-proof/1', signature: 'AA==' })).toThrow(
    expect.objectContaining({ code: 'proof/malformed' }),
  );
  const empty = new Uint8Array(0);
  const side = { hash: '00'.repeat(32), bytes: null };
  const proof = { service: 'x', model: 'y', time: 10_000_000, nonce: '00'.repeat(32), report: empty, endorsements: [] };
  await expect(
    verifyAnswerProof({ ...proof, signature: empty, request: side, response: side }, { now: 0 }),
  ).rejects.toMatchObject({ code: 'proof/not-yet-made' });
});
