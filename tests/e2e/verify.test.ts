/**
 * From a simulated TEE through the real ledger to the relying party: bundles, result files, reports and receipts are verified by the
 * call that the command line and the console use. No agent is asked; only files are.
 */

import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { collectEndorsements, resolveTrust, type TrustAnchor } from '@assay/attestation';
import { canonicalJson } from '@assay/encoding/json';
import { expectAdvice, transcript } from '@assay/testing';
import { AIAttestationVerifier, type VerifyOptions, verify } from 'assay';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createSimulatedAttester } from '../../packages/agent/src/adapters/attesters/simulated/simulated.ts';
import { answerAttestation } from '../../packages/agent/src/identity/answer-attestation.ts';
import { createIdentity } from '../../packages/agent/src/identity/identity.ts';
import { run } from '../../packages/assay/src/command-line/program.ts';
import { openLedger } from '../../packages/ledger/src/open-ledger.ts';
import { createSigningKeys } from '../../packages/ledger/src/signing-keys.ts';
import { bundleBytes } from '../crash/test-ledger.ts';

const NOW = Date.parse('2026-06-10T12:00:00Z');
const NONCE = 'ab'.repeat(32);
const CODE = 'print(3628800)';
const sha256 = (text: string | Uint8Array): string => createHash('sha256').update(text).digest('hex');
const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

let directory = '';
let bundle = new Uint8Array();
let answer: Record<string, unknown> = {};
let report: unknown;
let root: TrustAnchor;
let options: VerifyOptions & { readonly now: number };

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'assay-verify-'));
  const clock = { now: () => NOW };
  const keys = createSigningKeys();
  const attester = await createSimulatedAttester({ directory, clock });
  const identity = createIdentity({
    attester,
    notAfter: Math.floor(NOW / 1000) + 3600,
    receiptKeys: keys.keysetEntries,
    channelKeys: [],
    channelPublicKey: null,
    clock,
  });
  const ledger = await openLedger({ directory, clock });
  const first = await identity.report(null);
  await ledger.registerReport({ report: first.document as never, nonce: null, keys });
  const draft = ledger.open({
    taskId: 't-1',
    task: 'ai_generate_and_execute',
    method: 'POST',
    endpoint: '/api/process',
    requestBody: utf8('{}'),
    nonce: NONCE,
  });
  draft.append({
    type: 'model.called',
    attempt: 1,
    provider: 'ollama',
    model: 'gemma3:4b',
    provenance: 'unverified',
    request_hash: `sha256:${sha256('q')}`,
  });
  const code_hash = draft.payload('attempt-1/code.py', 'text/x-python', utf8(CODE));
  draft.append({ type: 'code.generated', attempt: 1, language: 'python', code_hash, source: 'model' });
  const inference = {
    model: 'gemma3:4b',
    promptHash: sha256('q'),
    responseHash: sha256(CODE),
    timestamp: NOW / 1000,
    usage: { prompt_tokens: null, completion_tokens: null, total_tokens: null },
    session: null,
  };
  const { member: attestation } = await answerAttestation(identity, clock)(inference, NONCE);
  const body = {
    success: true,
    language: 'python',
    generated_code: CODE,
    retries_used: 0,
    attestation,
    receipt_id: draft.receiptId,
  };
  const bodyHash = `sha256:${sha256(canonicalJson(body))}`;
  draft.append({ type: 'response.returned', body_hash: bodyHash, form: 'jcs-without-receipt' });
  const sealed = await ledger.seal(draft);
  answer = JSON.parse(JSON.stringify({ ...body, receipt: sealed.receipt, log_proof: sealed.proof }));
  bundle = (await bundleBytes(ledger, sealed.receiptId)) ?? new Uint8Array();
  report = JSON.parse(JSON.stringify((await identity.report(NONCE)).document));
  await ledger.close();
  root = resolveTrust({ simulatedRoot: attester.rootCertificate }).anchors[0] as TrustAnchor;
  options = { now: NOW + 60_000, trust: { simulatedRoot: root } };
});

afterAll(() => rm(directory, { recursive: true, force: true }));

const file = (value: unknown): Uint8Array => utf8(JSON.stringify(value));
const failing = (checks: readonly { readonly id: string; readonly outcome: string }[]) =>
  checks.filter(({ outcome }) => outcome === 'fail').map(({ id }) => id);

describe('a bundle', () => {
  it('is accepted under a named simulator, and marked', async () => {
    const verdict = await verify(bundle, { ...options, expected: { nonce: NONCE } });
    expect(verdict).toMatchObject({ outcome: 'accepted', type: 'bundle', simulated: true });
    expect(verdict.scope).toMatch(/^SIMULATED bundle of 1 receipt sealed in nitro/);
    expect(verdict.checks.find(({ id }) => id === 'bundle.nonce')?.outcome).toBe('pass');
  });

  it.each<readonly [string, (good: VerifyOptions) => VerifyOptions, string, string | string[]]>([
    ['no root named', ({ trust: _, ...rest }) => rest, 'not-authentic', 'certificate/root-not-trusted'],
    ['a root the policy does not name', (good) => ({ ...good, trust: { roots: [root] } }), 'refused', ['policy.simulated']],
    ['another nonce', (good) => ({ ...good, expected: { nonce: '00'.repeat(32) } }), 'refused', ['bundle.nonce']],
    [
      'sealed too long ago',
      (good) => ({
        ...good,
        now: NOW + 7_201_000,
        policy: 'moderate',
      }),
      'refused',
      ['bundle.freshness'],
    ],
    ['sealed in the future', (good) => ({ ...good, now: NOW - 301_000 }), 'refused', ['bundle.freshness']],
  ])('is not accepted: %s', async (_, change, outcome, why) => {
    const verdict = await verify(bundle, change(options));
    expect(verdict.outcome).toBe(outcome);
    if (typeof why === 'string') expect(verdict.error?.code).toBe(why);
    else expect(failing(verdict.checks)).toEqual(why);
  });

  it('fails after any change of a byte', async () => {
    for (let index = 0; index < bundle.length; index += 97) {
      const changed = new Uint8Array(bundle);
      changed[index] = (changed[index] ?? 0) ^ 1;
      const { outcome } = await verify(changed, options);
      expect(outcome, `byte ${index}`).toMatch(/^(?:malformed|not-authentic)$/);
    }
  });
});

describe('a result file', () => {
  const accepted = ['result.inclusion', 'nitro.revocation'];

  it('is accepted by the receipt and report inside it', async () => {
    const verdict = await verify(file(answer), options);
    expect(failing(verdict.checks)).toEqual([]);
    expect(verdict).toMatchObject({ outcome: 'accepted', type: 'result', simulated: true });
    const skipped = verdict.checks
      .filter(({ id, outcome }) => outcome === 'not-checked' && !id.startsWith('policy.'))
      .map(({ id }) => id);
    expect(skipped).toEqual(accepted);
  });

  it('is accepted by the bundle beside it', async () => {
    const { receipt: _, log_proof: __, ...rest } = answer;
    const collateral = collectEndorsements([{ name: 'b', bytes: bundle }]);
    expect((await verify(file(rest), { ...options, collateral })).outcome).toBe('accepted');
    expect((await verify(file(rest), options)).error?.code).toBe('result/unsigned');
  });

  const attestation = () => answer.attestation as Record<string, unknown>;
  it.each<readonly [string, () => unknown, string]>([
    ['changed code', () => ({ ...answer, generated_code: 'print(1)' }), 'result/changed'],
    ['a changed member', () => ({ ...answer, retries_used: 1 }), 'result/changed'],
    ['an added member', () => ({ ...answer, note: 'hello' }), 'result/changed'],
    [
      'a changed timestamp',
      () => ({ ...answer, attestation: { ...attestation(), timestamp: '2026-06-10T12:00:30.000Z' } }),
      'result/changed',
    ],
    ['no receipt', () => ({ ...answer, receipt: undefined }), 'result/unsigned'],
    ['the attestation member alone', () => attestation(), 'result/unsigned'],
    [
      'a receipt of another key',
      () => ({ ...answer, receipt: { ...(answer.receipt as object), key_id: 'receipt-0000000000000000' } }),
      'keyset/key-missing',
    ],
    [
      'a forged signature',
      () => ({ ...answer, receipt: { ...(answer.receipt as object), signature: '00'.repeat(64) } }),
      'receipt/signature-invalid',
    ],
    [
      'a changed member and no name of its receipt',
      () => {
        const { receipt_id: _, ...nameless } = answer;
        return { ...nameless, retries_used: 1 };
      },
      'result/changed',
    ],
  ])('is not authentic with %s', async (_, change, code) => {
    const verdict = await verify(file(change()), options);
    expect(verdict.outcome).toBe('not-authentic');
    expect(verdict.error?.code).toBe(code);
  });

  it.each<readonly [string, () => unknown, string, readonly string[]]>([
    [
      'the bundle of another answer',
      () => ({ ...answer, receipt_id: `rcpt_${'0'.repeat(32)}` }),
      'result/receipt-mismatch',
      [`rcpt_${'0'.repeat(32)}`, 'got rcpt_', 'give the bundle of this answer'],
    ],
    [
      'an attestation member that speaks of other code',
      () => {
        const inference = { ...(attestation().inference as object), response_hash: sha256('print(1)') };
        return { ...attestation(), inference };
      },
      'result/code-mismatch',
      [`expected code ${sha256(CODE)}`, `got ${sha256('print(1)')}`],
    ],
    [
      'an attestation member that speaks of no code',
      () => ({ ...attestation(), inference: null }),
      'result/code-mismatch',
      [`expected code ${sha256(CODE)}`, 'got none'],
    ],
  ])('is not authentic with %s', async (_, change, code, words) => {
    const collateral = collectEndorsements([{ name: 'b', bytes: bundle }]);
    const { outcome, error } = await verify(file(change()), { ...options, collateral });
    expect([outcome, error?.code]).toEqual(['not-authentic', code]);
    expectAdvice(error?.message ?? '', words);
  });

  it('asks the questions of the original verifier', async () => {
    const late = await verify(file(answer), { ...options, now: NOW + 601_000 });
    expect([late.outcome, failing(late.checks)]).toEqual(['refused', ['result.freshness']]);
    const other = await verify(file(answer), { ...options, code: utf8('print(1)'), expected: { nonce: '00'.repeat(32) } });
    expect([other.outcome, failing(other.checks)]).toEqual(['refused', ['result.nonce', 'result.given-code']]);
    const bare = await verify(file({ generated_code: CODE, retries_used: 0, attestation: { type: 'mock' } }), options);
    expect(failing(bare.checks)).toEqual([
      'result.structure',
      'result.nonce',
      'result.freshness',
      'result.tee-type',
      'result.inference',
      'result.code-hash',
      'result.unsigned',
    ]);
  });

  it('AIAttestationVerifier says the same in one word', async () => {
    const { now, ...rest } = options;
    const verifier = new AIAttestationVerifier({ ...rest, now: () => now });
    expect(await verifier.verifyAttestation(answer)).toBe(true);
    expect(await verifier.verifyAttestation({ ...answer, generated_code: 'print(1)' })).toBe(false);
    expect(await verifier.verifyAttestation(null)).toBe(false);
    expect(await new AIAttestationVerifier({ ...rest, now: () => now, maxAgeSeconds: 30 }).verifyAttestation(answer)).toBe(
      false,
    );
    expect(await new AIAttestationVerifier({ now: () => now }).verifyAttestation(answer)).toBe(false);
    expect(await verifier.verifyCodeHash(CODE, sha256(CODE))).toBe(true);
    expect(await verifier.verifyCodeHash(utf8(CODE), `0x${sha256(CODE).toUpperCase()}`)).toBe(true);
    expect(await verifier.verifyCodeHash(`${CODE}\n`, sha256(CODE))).toBe(false);
    expect(await verifier.verifyCodeHash(CODE, 'abc')).toBe(false);
  });
});

describe('a live report and a receipt', () => {
  it('the report is accepted for its nonce only', async () => {
    expect(await verify(file(report), { ...options, expected: { nonce: NONCE } })).toMatchObject({
      outcome: 'accepted',
      type: 'report',
    });
    expect((await verify(file(report), { ...options, expected: { nonce: '00'.repeat(32) } })).outcome).toBe('not-authentic');
    expect((await verify(file(report), options)).outcome).toBe('not-authentic');
  });

  it('a receipt needs a report', async () => {
    const receipt = file(answer.receipt);
    expect((await verify(receipt, options)).error?.code).toBe('receipt/report-missing');
    const collateral = collectEndorsements([{ name: 'report', bytes: file(report) }]);
    const asked = { ...options, collateral, expected: { nonce: NONCE } };
    expect(await verify(receipt, asked)).toMatchObject({ outcome: 'accepted', type: 'receipt' });
    const yearsLater = { ...asked, now: NOW + 3 * 365 * 86_400_000 };
    expect(await verify(receipt, yearsLater)).toMatchObject({ outcome: 'accepted', type: 'receipt' });
  });
});

describe('assay verify', () => {
  it('verifies the files by itself, with exit codes', async () => {
    await writeFile(join(directory, 'bundle.json'), bundle);
    await writeFile(join(directory, 'attestation.json'), file(answer));
    const assay = async (...args: readonly string[]) => {
      const io = transcript({ cwd: directory, now: NOW + 60_000 });
      return { code: await run(['verify', ...args], io), out: io.out(), err: io.err() };
    };
    const root = ['--simulated-root', 'simulated-root.pem'];
    expect(await assay('bundle.json', ...root)).toMatchObject({ code: 0, err: '' });
    expect(await assay('attestation.json', ...root)).toMatchObject({ code: 0, err: '' });
    expect((await assay('attestation.json', ...root)).out).toMatch(/^ACCEPTED \(SIMULATED\) {2}SIMULATED result file/);
    expect((await assay('bundle.json')).code).toBe(3);
    expect((await assay('attestation.json', ...root, '--max-age', '30')).code).toBe(5);
    expect((await assay('bundle.json', ...root, '--nonce', NONCE)).code).toBe(0);
  });
});
