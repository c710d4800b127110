/** Results as EAR (RFC 9711, draft-ietf-rats-ear-04): status and vector follow the checks, and the JWT verifies. */

import { exportJWK, generateKeyPair, jwtVerify } from 'jose';
import { describe, expect, it } from 'vitest';
import { AttestationError } from '../errors.ts';
import type { Claims, NamedClaims } from '../model/claims.ts';
import type { Policy } from '../model/policy.ts';
import type { VerificationResult } from '../model/result.ts';
import { mint } from '../verifier/mint.ts';
import { appraise } from './appraise.ts';
import { earClaims, signEar } from './ear.ts';
import { DEFAULT_POLICY } from './presets.ts';

const NOW = 1_780_000_000_123;
const options = { now: NOW, verifier: { developer: 'https://example.org', build: 'assay 0.1.0' } };

function subject(changes: Partial<NamedClaims> = {}, policy: Partial<Policy> = {}): VerificationResult {
  const claims = mint({
    type: 'tdx',
    simulated: false,
    debug: false,
    measurements: { mrtd: 'aa' },
    bindings: { reportData: null, nonce: null, userData: null, publicKey: null },
    identity: {},
    tcb: { status: 'UpToDate', advisories: [], date: null, evaluationNumber: 18 },
    issuedAt: null,
    validity: { notBefore: 0, notAfter: NOW },
    root: 'ab'.repeat(32),
    checks: [],
    submodules: {},
    details: {},
    ...changes,
  } as Claims);
  const appraisal = appraise(claims, { now: NOW, policy: { ...DEFAULT_POLICY, ...policy } });
  return {
    outcome: appraisal.outcome,
    type: 'tdx',
    claims,
    checks: appraisal.checks,
    tcb: claims.tcb,
    appraisal,
  } as VerificationResult;
}

const main = (from: VerificationResult) =>
  (earClaims(from, options).submods as Record<string, Record<string, unknown>>).main ?? {};
const vector = (from: VerificationResult) => main(from).ear_trustworthiness_vector as Record<string, number>;

describe('earClaims', () => {
  it('carries profile, verifier and time', () => {
    expect(earClaims(subject(), { ...options, lifetimeSeconds: 60, nonce: '12345678' })).toMatchObject({
      eat_profile: 'tag:ietf.org,2026:rats/ear#04',
      iat: 1_780_000_000,
      exp: 1_780_000_060,
      eat_nonce: '12345678',
      ear_verifier_id: { developer: 'https://example.org', build: 'assay 0.1.0' },
    });
  });

  it.each<readonly [string, VerificationResult, string, Partial<Record<string, number>>]>([
    ['accepted', subject(), 'affirming', { 'instance-identity': 2, configuration: 2, executables: 0, hardware: 2 }],
    ['measured as wanted', subject({}, { measurements: [{ values: { mrtd: ['aa'] } }] }), 'affirming', { executables: 2 }],
    [
      'measured otherwise',
      subject({}, { measurements: [{ values: { mrtd: ['bb'] } }] }),
      'contraindicated',
      { executables: 96 },
    ],
    ['debuggable', subject({ debug: true }), 'contraindicated', { configuration: 96 }],
    ['debuggable and allowed', subject({ debug: true }, { debug: 'allow' }), 'warning', { configuration: 32 }],
    [
      'out of date',
      subject({ tcb: { status: 'OutOfDate', advisories: [], date: null, evaluationNumber: 1 } }),
      'contraindicated',
      { hardware: 96 },
    ],
    [
      'simulated and named',
      subject({ simulated: true }, { simulatedRoots: ['ab'.repeat(32)] }),
      'warning',
      { 'instance-identity': 32 },
    ],
    ['simulated', subject({ simulated: true }), 'contraindicated', { 'instance-identity': 96 }],
  ])('%s', (_, from, status, expected) => {
    expect(main(from).ear_status).toBe(status);
    expect(vector(from)).toMatchObject(expected);
  });

  it('has one submodule a part', () => {
    const gpu = subject({ type: 'nvidia-gpu', tcb: null, debug: null }).claims;
    const claims = earClaims(subject({ submodules: { 'gpu-0': gpu as never } }), options);
    expect(Object.keys(claims.submods as object)).toEqual(['main', 'gpu-0']);
  });

  it('says nothing good of what is not authentic', () => {
    const error = new AttestationError('dcap/quote-signature-invalid', 'expected a signature, got another');
    const failed = { type: 'tdx', checks: [], error } as const;
    const forged = { outcome: 'not-authentic', ...failed } as unknown as VerificationResult;
    expect(main(forged)).toMatchObject({
      ear_status: 'contraindicated',
      ear_trustworthiness_vector: { 'instance-identity': 99 },
    });
    const unknown = { outcome: 'unavailable', ...failed } as unknown as VerificationResult;
    expect(main(unknown)).toMatchObject({ ear_status: 'none', 'assay.error': 'dcap/quote-signature-invalid' });
  });
});

describe('signEar', () => {
  it('signs a JWT that verifies', async () => {
    const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true });
    const jwt = await signEar(subject(), { ...options, key: await exportJWK(privateKey), algorithm: 'ES256', keyId: 'v1' });
    const { payload, protectedHeader } = await jwtVerify(jwt, publicKey, { currentDate: new Date(NOW) });
    expect(protectedHeader).toMatchObject({ alg: 'ES256', kid: 'v1', typ: 'eat+jwt' });
    expect(payload.eat_profile).toBe('tag:ietf.org,2026:rats/ear#04');
  });
});
