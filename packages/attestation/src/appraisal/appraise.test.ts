/** Appraisal of claims against policies: a table named after the defects (spec/policy.md). */

import { describe, expect, it } from 'vitest';
import type { Claims, NamedClaims, VerifiedClaims } from '../model/claims.ts';
import type { Expected, Policy } from '../model/policy.ts';
import { mint } from '../verifier/mint.ts';
import { appraise } from './appraise.ts';
import { DEFAULT_POLICY, MODERATE_POLICY, RELAXED_POLICY, STRICT_POLICY } from './presets.ts';

const NOW = Date.parse('2026-06-10T00:00:00Z');
const ROOT = 'ab'.repeat(32);

function claims(changes: Partial<NamedClaims> = {}): VerifiedClaims {
  return mint({
    type: 'tdx',
    simulated: false,
    debug: false,
    measurements: { mrtd: 'aa', rtmr3: 'bb' },
    bindings: { reportData: '11'.repeat(64), nonce: null, userData: null, publicKey: null },
    identity: { ppid: '0123', product: 'Genoa-B1' },
    tcb: { status: 'UpToDate', advisories: [], date: '2025-05-14T00:00:00Z', evaluationNumber: 18 },
    issuedAt: null,
    validity: { notBefore: 0, notAfter: Number.MAX_SAFE_INTEGER },
    root: ROOT,
    checks: [
      { id: 'tdx.signature', outcome: 'pass', expected: null, actual: null, spec: 'x' },
      { id: 'tdx.crl', outcome: 'not-checked', expected: null, actual: 'no CRL given', spec: 'x' },
    ],
    submodules: {},
    details: { vmpl: 0, reportedTcb: { snp: 8 } },
    ...changes,
  } as Claims);
}

const policy = (changes: Partial<Policy>): Policy => ({ ...DEFAULT_POLICY, ...changes });
const tcb = (status: string, advisories: readonly string[] = []) => ({
  status,
  advisories,
  date: null,
  evaluationNumber: null,
});
const gpu = (changes: Partial<NamedClaims> = {}) =>
  claims({
    type: 'nvidia-gpu',
    tcb: null,
    identity: { architecture: 'HOPPER' },
    measurements: {},
    checks: ['nvidia.rim-driver-measurements', 'nvidia.rim-vbios-measurements'].map((id) => ({
      id,
      outcome: 'pass' as const,
      expected: null,
      actual: null,
      spec: 'x',
    })),
    ...changes,
  });
const at = (seconds: number) => ({ type: 'nitro' as const, tcb: null, issuedAt: NOW - seconds * 1000 });

interface Row {
  readonly name: string;
  readonly claims?: VerifiedClaims;
  readonly policy?: Policy;
  readonly expected?: Expected;
  /** Ids that fail; none means accepted. */
  readonly fails: readonly string[];
}

const rows: readonly Row[] = [
  { name: 'nothing given', fails: [] },
  { name: 'debuggable', claims: claims({ debug: true }), fails: ['policy.debug'] },
  { name: 'debuggable, allowed', claims: claims({ debug: true }), policy: RELAXED_POLICY, fails: [] },
  { name: 'debug unknown', claims: claims({ debug: null }), fails: [] },
  { name: 'simulated', claims: claims({ simulated: true }), policy: RELAXED_POLICY, fails: ['policy.simulated'] },
  {
    name: 'simulated under another root than named',
    claims: claims({ simulated: true }),
    policy: policy({ simulatedRoots: ['cd'.repeat(32)] }),
    fails: ['policy.simulated'],
  },
  { name: 'simulated, named', claims: claims({ simulated: true }), policy: policy({ simulatedRoots: [ROOT] }), fails: [] },
  { name: 'type not accepted', policy: policy({ types: ['nitro'] }), fails: ['policy.type'] },
  {
    name: 'part of a type not accepted',
    claims: claims({ submodules: { 'gpu-0': gpu() } }),
    policy: policy({ types: ['tdx'] }),
    fails: ['gpu-0/policy.type'],
  },
  { name: 'root not accepted', policy: policy({ roots: ['cd'.repeat(32)] }), fails: ['policy.root'] },
  { name: 'out of date', claims: claims({ tcb: tcb('OutOfDate') }), fails: ['policy.tcb-status'] },
  {
    name: 'software hardening, strict',
    claims: claims({ tcb: tcb('SWHardeningNeeded') }),
    policy: STRICT_POLICY,
    fails: ['policy.tcb-status'],
  },
  {
    name: 'software hardening, moderate',
    claims: claims({ tcb: tcb('SWHardeningNeeded') }),
    policy: MODERATE_POLICY,
    fails: [],
  },
  { name: 'revoked, relaxed', claims: claims({ tcb: tcb('Revoked') }), policy: RELAXED_POLICY, fails: ['policy.tcb-status'] },
  { name: 'intel quote without standing', claims: claims({ tcb: null }), fails: ['policy.tcb-status'] },
  {
    name: 'out of date within grace',
    claims: claims({ tcb: tcb('OutOfDate') }),
    policy: policy({ tcb: { statuses: ['UpToDate'], grace: [{ id: 'OutOfDate', until: '2026-06-10T00:00:01Z' }] } }),
    fails: [],
  },
  {
    name: 'grace over',
    claims: claims({ tcb: tcb('OutOfDate') }),
    policy: policy({ tcb: { statuses: ['UpToDate'], grace: [{ id: 'OutOfDate', until: '2026-06-10T00:00:00Z' }] } }),
    fails: ['policy.tcb-status'],
  },
  {
    name: 'advisory not listed',
    claims: claims({ tcb: tcb('UpToDate', ['INTEL-SA-1', 'INTEL-SA-2']) }),
    policy: policy({ tcb: { statuses: ['UpToDate'], advisories: [{ id: 'INTEL-SA-1', until: '2027-01-01T00:00:00Z' }] } }),
    fails: ['policy.tcb-advisories'],
  },
  {
    name: 'evaluation too old',
    policy: policy({ tcb: { statuses: ['UpToDate'], minimumEvaluationNumber: 19 } }),
    fails: ['policy.tcb-evaluation'],
  },
  {
    name: 'tcb date too old',
    policy: policy({ tcb: { statuses: ['UpToDate'], minimumDate: '2025-05-15T00:00:00Z' } }),
    fails: ['policy.tcb-date'],
  },
  {
    name: 'measurement differs',
    policy: policy({ measurements: [{ values: { mrtd: ['ac'], rtmr3: ['bb'] } }] }),
    fails: ['policy.measurements'],
  },
  { name: 'any of several values', policy: policy({ measurements: [{ values: { mrtd: ['ac', 'aa'] } }] }), fails: [] },
  {
    name: 'any of several rules',
    policy: policy({ measurements: [{ values: { mrtd: ['ac'] } }, { values: { mrtd: ['aa'] } }] }),
    fails: [],
  },
  {
    name: 'measurement absent',
    policy: policy({ measurements: [{ type: 'tdx', values: { rtmr9: ['aa'] } }] }),
    fails: ['policy.measurements'],
  },
  {
    name: 'rules for another type only',
    policy: policy({ measurements: [{ type: 'nitro', values: { pcr0: ['aa'] } }] }),
    fails: ['policy.measurements'],
  },
  {
    name: 'one of two parts measured wrong',
    claims: claims({
      type: 'combined',
      tcb: null,
      measurements: {},
      submodules: { a: claims(), b: claims({ measurements: { mrtd: 'ff' } }) },
    }),
    policy: policy({ measurements: [{ type: 'tdx', values: { mrtd: ['aa'] } }] }),
    fails: ['b/policy.measurements'],
  },
  {
    name: 'signer with too low a version',
    claims: claims({ type: 'sgx', measurements: { mrsigner: 'cc' }, identity: { 'isv-prod-id': '1', 'isv-svn': '2' } }),
    policy: policy({ measurements: [{ type: 'sgx', signer: { value: 'cc', product: 1, minimumVersion: 3 } }] }),
    fails: ['policy.measurements'],
  },
  {
    name: 'signer with a high enough version',
    claims: claims({ type: 'sgx', measurements: { mrsigner: 'cc' }, identity: { 'isv-prod-id': '1', 'isv-svn': '3' } }),
    policy: policy({ measurements: [{ type: 'sgx', signer: { value: 'cc', product: 1, minimumVersion: 3 } }] }),
    fails: [],
  },
  {
    name: 'signer without a stated version',
    claims: claims({ type: 'sgx', measurements: { mrsigner: 'cc' }, identity: {} }),
    policy: policy({ measurements: [{ type: 'sgx', signer: { value: 'cc', minimumVersion: 0 } }] }),
    fails: ['policy.measurements'],
  },
  { name: 'an hour and a second old, strict', claims: claims(at(3601)), policy: STRICT_POLICY, fails: ['policy.freshness'] },
  { name: 'an hour old, strict', claims: claims(at(3600)), policy: STRICT_POLICY, fails: [] },
  { name: 'two hours old, moderate', claims: claims(at(7200)), policy: MODERATE_POLICY, fails: [] },
  { name: 'a day and a second old, relaxed', claims: claims(at(86_401)), policy: RELAXED_POLICY, fails: ['policy.freshness'] },
  { name: 'from the future, no policy', claims: claims(at(-301)), fails: ['policy.freshness'] },
  { name: 'nonce absent', claims: claims(at(0)), expected: { nonce: '00' }, fails: ['policy.nonce'] },
  {
    name: 'nonce differs',
    claims: claims({ bindings: { reportData: null, nonce: '01', userData: null, publicKey: null } }),
    expected: { nonce: '00' },
    fails: ['policy.nonce'],
  },
  { name: 'nonce required, none given', policy: policy({ nonce: 'required' }), fails: ['policy.nonce'] },
  {
    name: 'nonce as second half of the report data',
    claims: claims({
      bindings: { reportData: '22'.repeat(32) + '33'.repeat(32), nonce: null, userData: null, publicKey: null },
    }),
    expected: { nonce: '33'.repeat(32) },
    fails: [],
  },
  {
    name: 'nonce as first half with something behind it',
    claims: claims({
      bindings: { reportData: '33'.repeat(32) + '22'.repeat(32), nonce: null, userData: null, publicKey: null },
    }),
    expected: { nonce: '33'.repeat(32) },
    fails: ['policy.nonce'],
  },
  {
    name: 'time or nonce required, neither there',
    policy: policy({ freshness: { maxAgeSeconds: 60, skewSeconds: 0, required: true } }),
    fails: ['policy.nonce'],
  },
  { name: 'report data differs', expected: { reportData: '12'.repeat(64) }, fails: ['policy.report-data'] },
  {
    name: 'report data shorter, zero-padded',
    claims: claims({
      bindings: { reportData: `${'44'.repeat(32)}${'00'.repeat(32)}`, nonce: null, userData: null, publicKey: null },
    }),
    expected: { reportData: '44'.repeat(32) },
    fails: [],
  },
  {
    name: 'report data shorter, something behind it',
    expected: { reportData: '11'.repeat(32) },
    fails: ['policy.report-data'],
  },
  { name: 'user data absent', expected: { userData: '00' }, fails: ['policy.user-data'] },
  { name: 'public key absent', policy: policy({ bindings: { publicKey: ['00'] } }), fails: ['policy.public-key'] },
  {
    name: 'refused product',
    claims: claims({ identity: { product: 'Milan-B0' } }),
    policy: STRICT_POLICY,
    fails: ['policy.product'],
  },
  { name: 'unlisted chip', policy: policy({ identity: { ppid: ['0124'] } }), fails: ['policy.identity.ppid'] },
  { name: 'chip not named', policy: policy({ identity: { 'chip-id': ['01'] } }), fails: ['policy.identity.chip-id'] },
  { name: 'step skipped', policy: policy({ requiredChecks: ['tdx.crl'] }), fails: ['policy.required.tdx.crl'] },
  { name: 'step unknown', policy: policy({ requiredChecks: ['tdx.nothing'] }), fails: ['policy.required.tdx.nothing'] },
  {
    name: 'claim differs',
    policy: policy({ claims: [{ path: 'details.vmpl', equals: 1 }] }),
    fails: ['policy.claim.details.vmpl'],
  },
  {
    name: 'claim below its floor',
    policy: policy({ claims: [{ path: 'details.reportedTcb.snp', atLeast: 9 }] }),
    fails: ['policy.claim.details.reportedTcb.snp'],
  },
  {
    name: 'claim absent',
    policy: policy({ claims: [{ path: 'details.constructor', atMost: 9 }] }),
    fails: ['policy.claim.details.constructor'],
  },
  { name: 'claim holds', policy: policy({ claims: [{ path: 'details.vmpl', oneOf: [0, 1] }] }), fails: [] },
  {
    name: 'gpu with one manifest only',
    claims: claims({
      submodules: {
        'gpu-0': gpu({
          checks: [{ id: 'nvidia.rim-driver-measurements', outcome: 'pass', expected: null, actual: null, spec: 'x' }],
        }),
      },
    }),
    policy: policy({ gpu: { minimumCount: 1, referenceManifests: 'required' } }),
    fails: ['gpu-0/policy.gpu-manifests'],
  },
  {
    name: 'signer of a guest with too low a version',
    claims: claims({ type: 'sev-snp', tcb: null, measurements: { 'id-key-digest': 'cc' }, details: { guestSvn: 1 } }),
    policy: policy({ measurements: [{ type: 'sev-snp', signer: { value: 'cc', minimumVersion: 2 } }] }),
    fails: ['policy.measurements'],
  },
  { name: 'no gpu', policy: policy({ gpu: { minimumCount: 1, referenceManifests: 'required' } }), fails: ['policy.gpu-count'] },
  {
    name: 'gpu not compared with manifests',
    claims: claims({ submodules: { 'gpu-0': gpu({ checks: [] }) } }),
    policy: policy({ gpu: { minimumCount: 1, referenceManifests: 'required', architectures: ['BLACKWELL'] } }),
    fails: ['gpu-0/policy.gpu-architecture', 'gpu-0/policy.gpu-manifests'],
  },
  {
    name: 'gpu as wanted',
    claims: claims({ submodules: { 'gpu-0': gpu() } }),
    policy: policy({ gpu: { minimumCount: 1, referenceManifests: 'required', architectures: ['hopper'] } }),
    fails: [],
  },
  {
    name: 'token of another issuer',
    claims: claims({ type: 'token', tcb: null, identity: { issuer: 'https://evil.example' } }),
    policy: policy({ tokenIssuers: ['https://nras.attestation.nvidia.com'] }),
    fails: ['policy.token-issuer'],
  },
  {
    name: 'verification step that failed without throwing',
    claims: claims({ checks: [{ id: 'tdx.x', outcome: 'fail', expected: null, actual: null, spec: 'x' }] }),
    fails: ['tdx.x'],
  },
];

describe('appraise', () => {
  it.each(rows)('$name', (row) => {
    const appraisal = appraise(row.claims ?? claims(), {
      now: NOW,
      ...(row.policy === undefined ? {} : { policy: row.policy }),
      ...(row.expected === undefined ? {} : { expected: row.expected }),
    });
    expect(appraisal.checks.filter(({ outcome }) => outcome === 'fail').map(({ id }) => id)).toEqual(row.fails);
    expect(appraisal.outcome).toBe(row.fails.length === 0 ? 'accepted' : 'refused');
  });

  it('reads not-checked for every question that was not put', () => {
    const { checks, warnings, scope } = appraise(claims(), { now: NOW });
    const skipped = checks.filter(({ outcome }) => outcome === 'not-checked').map(({ id }) => id);
    expect(skipped).toEqual([
      'tdx.crl',
      'policy.type',
      'policy.root',
      'policy.tcb-advisories',
      'policy.freshness',
      'policy.measurements',
      'policy.nonce',
      'policy.key-binding',
    ]);
    expect(warnings).toEqual(['not verified: tdx.crl.']);
    expect(scope).toContain('measurements not checked');
  });

  it('marks simulated evidence everywhere, also when a policy accepts it', () => {
    const { simulated, warnings, scope, limits } = appraise(claims({ simulated: true }), {
      now: NOW,
      policy: policy({ simulatedRoots: [ROOT] }),
    });
    expect(simulated).toBe(true);
    expect(scope).toMatch(/^SIMULATED /);
    expect(warnings[0]).toMatch(/^SIMULATED/);
    expect(limits[0]).toMatch(/simulator/);
  });
});

it('takes claims of a verifier only', () => {
  const parsed: Claims = claims();
  // @ts-expect-error claims that were not verified
  const ask = () => appraise(parsed, { now: NOW });
  expect(ask).not.toThrow(); // the compiler holds it, not the program
});
