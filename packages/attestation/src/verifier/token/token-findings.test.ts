/**
 * No token that says no is accepted: claims that state failure, debug mode, revocation, mismatch, old firmware, an unmatched policy or an
 * error, of every issuer, at every depth, in old names and in unknown names; and sound tokens of every issuer are accepted.
 */

import { FAKE_NOW, FAKE_TOKENS, type FakeTokenIssuer, fakeToken } from '@assay/testing';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { RELAXED_POLICY, STRICT_POLICY } from '../../appraisal/presets.ts';
import type { Policy } from '../../model/policy.ts';
import type { VerificationResult } from '../../model/result.ts';
import { verify } from '../../verify.ts';

async function verified(issuer: FakeTokenIssuer, claims: object, policy: Policy = STRICT_POLICY): Promise<VerificationResult> {
  const { file, keySet } = await fakeToken(issuer, claims);
  return verify(file, { now: FAKE_NOW, endorsements: [keySet], policy });
}

function failed({ checks }: Pick<VerificationResult, 'checks'>): readonly string[] {
  return checks.filter(({ outcome }) => outcome === 'fail').map(({ id }) => id);
}

function soundClaims(name: string): Readonly<Record<string, unknown>> {
  const found = FAKE_TOKENS.find((each) => each.name === name);
  if (found === undefined) throw new Error(`no token named ${name}`);
  return found.claims;
}

/** `claims` with `value` at a dotted path; names that hold dots are written with `|` between them. */
function withClaim(claims: object, path: string, value: unknown): object {
  const [name = '', ...rest] = path.split('|');
  const inner = (claims as Readonly<Record<string, object>>)[name] ?? {};
  return { ...claims, [name]: rest.length === 0 ? value : withClaim(inner, rest.join('|'), value) };
}

test.each(FAKE_TOKENS.map((each) => [each.name, each] as const))(
  'a sound token is accepted: %s',
  async (_, { issuer, claims }) => {
    const result = await verified(issuer, claims);
    expect(failed(result)).toEqual([]);
    expect(result.outcome).toBe('accepted');
  },
);

const OVERALL = 'NVIDIA, overall';
const GPU = 'NVIDIA, one GPU, version 3';
const COMPOSITE = 'Intel, TDX with a GPU';
const VM = 'Azure, SNP machine';
const SPACE = 'Google, Confidential Space';
const TRUSTEE = 'Trustee';
const EVIDENCE = 'submods|cpu0|ear.veraison.annotated-evidence';

/** token, claim, value, the failed check. */
const SAYS_NO: readonly (readonly [string, string, unknown, string])[] = [
  [OVERALL, 'x-nvidia-overall-att-result', false, 'token.overall-result'],
  [OVERALL, 'x-nvidia-overall-att-result', 'true', 'token.overall-result'],
  [OVERALL, 'x-nvidia-error-details', { code: 4012, message: 'RIM_NOT_FOUND' }, 'token.claim.x-nvidia-error-details'],
  [GPU, 'measres', 'fail', 'token.measurement-result'],
  [GPU, 'measres', 'not-run', 'token.measurement-result'],
  [GPU, 'measres', 'absent', 'token.measurement-result'],
  [
    GPU,
    'measres',
    [
      [
        'boot',
        [
          ['loader', 'success'],
          ['kernel', 'fail'],
        ],
      ],
    ],
    'token.measurement-result',
  ],
  [GPU, 'measres', [], 'token.measurement-result'],
  [GPU, 'dbgstat', 'enabled', 'policy.debug'],
  [GPU, 'dbgstat', 0, 'policy.debug'],
  [GPU, 'secboot', false, 'token.claim.secboot'],
  [GPU, 'x-nvidia-attestation-warning', 'certificate on hold', 'token.claim.x-nvidia-attestation-warning'],
  [
    GPU,
    'x-nvidia-gpu-driver-rim-cert-chain|x-nvidia-cert-status',
    'expired',
    'token.claim.x-nvidia-gpu-driver-rim-cert-chain.x-nvidia-cert-status',
  ],
  [
    GPU,
    'x-nvidia-gpu-driver-rim-cert-chain|x-nvidia-cert-ocsp-status',
    'unknown',
    'token.claim.x-nvidia-gpu-driver-rim-cert-chain.x-nvidia-cert-ocsp-status',
  ],
  [
    GPU,
    'x-nvidia-gpu-driver-rim-cert-chain|x-nvidia-cert-revocation-reason',
    'unspecified',
    'token.claim.x-nvidia-gpu-driver-rim-cert-chain.x-nvidia-cert-revocation-reason',
  ],
  ['NVIDIA, version 1', 'measres', 'comparison-fail', 'token.measurement-result'],
  [
    'NVIDIA, version 1',
    'x-nvidia-attestation-detailed-result|x-nvidia-mismatch-indexes',
    [9],
    'token.claim.x-nvidia-attestation-detailed-result.x-nvidia-mismatch-indexes',
  ],
  [
    'NVIDIA, version 1',
    'x-nvidia-attestation-detailed-result|x-nvidia-gpu-measurements-match',
    false,
    'token.claim.x-nvidia-attestation-detailed-result.x-nvidia-gpu-measurements-match',
  ],
  [
    'NVIDIA, a switch, version 4',
    'x-nvidia-mismatch-opaque-data-records',
    [{ id: 37 }],
    'token.claim.x-nvidia-mismatch-opaque-data-records',
  ],
  [
    'NVIDIA, a switch, version 4',
    'x-nvidia-switch-bios-rim-cert-chain|x-nvidia-cert-ocsp-nonce-matches',
    false,
    'token.claim.x-nvidia-switch-bios-rim-cert-chain.x-nvidia-cert-ocsp-nonce-matches',
  ],
  [COMPOSITE, 'nvgpu|measres', 'comparison-fail', 'token.measurement-result.nvgpu'],
  [COMPOSITE, 'nvgpu|dbgstat', 'enabled', 'policy.debug'],
  [
    COMPOSITE,
    'nvgpu|x-nvidia-attestation-detailed-result|x-nvidia-mismatch-measurement-records',
    [{ index: 9 }],
    'token.claim.nvgpu.x-nvidia-attestation-detailed-result.x-nvidia-mismatch-measurement-records',
  ],
  [
    COMPOSITE,
    'nvgpu|x-nvidia-attestation-detailed-result|x-nvidia-gpu-driver-rim-fetched',
    false,
    'token.claim.nvgpu.x-nvidia-attestation-detailed-result.x-nvidia-gpu-driver-rim-fetched',
  ],
  [COMPOSITE, 'nvgpu|claim_details|GPU-0|measres', 'fail', 'token.measurement-result.nvgpu.claim_details.GPU-0'],
  [COMPOSITE, 'tdx|tdx_is_debuggable', true, 'policy.debug'],
  [COMPOSITE, 'tdx|tdx_td_attributes_debug', 1, 'policy.debug'],
  [COMPOSITE, 'tdx|attester_tcb_status', 'OutOfDate', 'policy.tcb-status'],
  [COMPOSITE, 'policy_ids_unmatched', [{ id: 'b' }], 'token.policies-unmatched'],
  ['Intel, first generation', 'amber_tcb_status', 'OUT_OF_DATE', 'policy.tcb-status'],
  ['Intel, first generation', 'amber_sgx_is_debuggable', true, 'policy.debug'],
  ['Intel, first generation', 'amber_unmatched_policy_ids', ['b'], 'token.policies-unmatched'],
  ['Intel, TDX', 'policy_defined_claims', { 'geo-check-failed': true }, 'token.claim.policy_defined_claims.geo-check-failed'],
  ['Azure, SGX, 2022', 'x-ms-sgx-is-debuggable', true, 'policy.debug'],
  ['Azure, SGX, 2020', 'is-debuggable', true, 'policy.debug'],
  ['Azure, SGX, 2020', '$is-debuggable', true, 'policy.debug'],
  ['Azure, TDX machine', 'dbgstat', 'enabled', 'policy.debug'],
  ['Azure, TDX machine', 'attester_tcb_status', 'SWHardeningNeeded', 'policy.tcb-status'],
  [VM, 'x-ms-isolation-tee|x-ms-compliance-status', 'azure-noncompliant-cvm', 'token.compliance.x-ms-isolation-tee'],
  [VM, 'x-ms-isolation-tee|x-ms-sevsnpvm-is-debuggable', true, 'policy.debug'],
  [
    VM,
    'x-ms-isolation-tee|x-ms-runtime|vm-configuration|secure-boot',
    false,
    'token.claim.x-ms-isolation-tee.x-ms-runtime.vm-configuration.secure-boot',
  ],
  [VM, 'secureboot', false, 'token.claim.secureboot'],
  [VM, 'x-ms-azurevm-debuggersdisabled', false, 'policy.debug'],
  [VM, 'x-ms-azurevm-kerneldebug-enabled', true, 'policy.debug'],
  [VM, 'x-ms-azurevm-dbxvalidated', false, 'token.claim.x-ms-azurevm-dbxvalidated'],
  [VM, 'x-ms-azurevm-testsigning-enabled', true, 'token.claim.x-ms-azurevm-testsigning-enabled'],
  [SPACE, 'dbgstat', 'enabled', 'policy.debug'],
  [SPACE, 'secboot', false, 'token.claim.secboot'],
  [SPACE, 'tdx|gcp_attester_tcb_status', 'OutOfDate', 'policy.tcb-status'],
  [SPACE, 'tdx', [{ gcp_attester_tcb_status: 'OutOfDate' }], 'policy.tcb-status'],
  [SPACE, 'submods|nvidia_gpu|cc_mode', 'OFF', 'token.gpu-confidential-mode.nvidia_gpu'],
  ['Veraison', 'submods|PSA_IOT|ear.status', 'warning', 'token.ear-status.PSA_IOT'],
  ['Veraison', 'submods|PSA_IOT|ear.status', 96, 'token.ear-status.PSA_IOT'],
  ['Veraison', 'submods|PSA_IOT|ear.trustworthiness-vector|hardware', 97, 'token.ear-vector.PSA_IOT'],
  ['Veraison', 'submods', {}, 'token.result'],
  [TRUSTEE, `${EVIDENCE}|tdx|td_attributes|debug`, true, 'policy.debug'],
  [TRUSTEE, `${EVIDENCE}|tdx|tcb_status`, 'OutOfDate', 'policy.tcb-status'],
  [
    TRUSTEE,
    `${EVIDENCE}|tdx|collateral_expiration_status`,
    '1',
    'token.claim.cpu0.ear.veraison.annotated-evidence.tdx.collateral_expiration_status',
  ],
  [TRUSTEE, `${EVIDENCE}|snp`, { policy_debug_allowed: true }, 'policy.debug'],
  [TRUSTEE, 'submods|gpu0', { 'ear.status': 'contraindicated' }, 'token.ear-status.gpu0'],
  // Names that no vocabulary has.
  [GPU, 'x-nvidia-gpu-session-key-mismatch', true, 'token.claim.x-nvidia-gpu-session-key-mismatch'],
  [GPU, 'x-nvidia-gpu-fuse-bundle-verified', false, 'token.claim.x-nvidia-gpu-fuse-bundle-verified'],
  ['Intel, TDX', 'tdx|qe_identity_out_of_date', true, 'token.claim.tdx.qe_identity_out_of_date'],
  ['Intel, TDX', 'tdx|collateral', { pckRevoked: 'yes' }, 'token.claim.tdx.collateral.pckRevoked'],
  [VM, 'x-ms-attestation-result', 'FAILED', 'token.claim.x-ms-attestation-result'],
  [VM, 'x-ms-hostguardian-status', 'nonce does not match', 'token.claim.x-ms-hostguardian-status'],
  [VM, 'x-ms-paravisor-debug-level', 3, 'policy.debug'],
  [SPACE, 'submods|launcher', { is_tampered: true }, 'token.claim.launcher.is_tampered'],
  [SPACE, 'attestation_error', 'quote expired', 'token.claim.attestation_error'],
];

describe('a token that says no', () => {
  test.each(SAYS_NO)('%s: %s = %j', async (name, path, value, check) => {
    const { issuer } = FAKE_TOKENS.find((each) => each.name === name) ?? { issuer: 'nras' };
    const claims = withClaim(soundClaims(name), path, value);
    const result = await verified(issuer, claims);
    const renamed = check
      .replace('token.claim.cpu0.', 'token.claim.submods.cpu0.')
      .replace('claim.launcher', 'claim.submods.launcher');
    expect(failed(result)).toContain(renamed);
    expect(result.outcome).toBe('refused');
  });

  test('debug mode alone is accepted where the policy allows it, and named', async () => {
    const claims = withClaim(soundClaims(COMPOSITE), 'nvgpu|dbgstat', 'enabled');
    const result = await verified('intel', claims, RELAXED_POLICY);
    expect(result.outcome).toBe('accepted');
    expect(result.checks.find(({ id }) => id === 'policy.debug')?.actual).toBe('on: nvgpu.dbgstat enabled');
  });

  test('a status in unknown words is not silent', async () => {
    const { checks } = await verified('azure', { 'x-ms-host-status': 'teal' });
    expect(checks.find(({ id }) => id === 'token.claim.x-ms-host-status')).toMatchObject({ outcome: 'not-checked' });
  });

  test('a token inside the token is read, and said to be unverified', async () => {
    const inner = await fakeToken('nras', { measres: 'fail' });
    const { checks } = await verified('intel', { gpu_token: inner.text });
    expect(failed({ checks })).toEqual(['token.measurement-result.gpu_token']);
    expect(checks.find(({ id }) => id === 'token.embedded.gpu_token')?.outcome).toBe('not-checked');
  });
});

test('any step that any issuer documents, undone at its place, refuses the token', async () => {
  const steps = FAKE_TOKENS.flatMap(({ name, issuer, claims }) =>
    leaves(claims, []).flatMap(({ path, value }) => (value === true && isStep(path) ? [{ name, issuer, claims, path }] : [])),
  );
  expect(steps.length).toBeGreaterThan(40);
  for (const { name, issuer, claims, path } of steps) {
    const { outcome } = await verified(issuer, withClaim(claims, path.join('|'), false));
    expect(outcome, `${name}: ${path.join(' ')}`).toBe('refused');
  }
});

/** Of the claims that read true in sound tokens, those that are no finding or not the issuer's. */
function isStep(path: readonly string[]): boolean {
  return (
    !/septve_disable|smt-allowed|tpm-enabled|DEBUG|runtime_data|init_data|x-ms-runtime\|(?!vm)/.test(path.join('|')) &&
    path.at(-1) !== 'debug'
  );
}

interface Leaf {
  readonly path: readonly string[];
  readonly value: unknown;
}

function leaves(value: unknown, path: readonly string[]): readonly Leaf[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [{ path, value }];
  return Object.entries(value).flatMap(([name, inner]) => leaves(inner, [...path, name]));
}

test('trouble by any name, at any depth, refuses a token of any issuer', async () => {
  const trouble = fc.constantFrom(
    ...[
      'debug',
      'failed',
      'failure',
      'error',
      'mismatch',
      'mismatched',
      'revoked',
      'out-of-date',
      'outOfDate',
      'outdated',
      'invalid',
    ],
    ...[
      'unmatched',
      'expired',
      'tampered',
      'compromised',
      'untrusted',
      'unverified',
      'rejected',
      'denied',
      'violation',
      'not-verified',
    ],
  );
  const around = fc.constantFrom('', 'x-acme-', 'acme_', 'gpu0-', 'acme.');
  const behind = fc.constantFrom('', '-found', '_flag', '-detected');
  const value = fc.constantFrom<unknown>(true, 1, 'yes', 'TRUE', ['one'], { code: 7 }, 'some text');
  const place = fc.array(fc.constantFrom('acme', 'part-0', 'x-acme'), { maxLength: 3 });
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...FAKE_TOKENS),
      around,
      trouble,
      behind,
      value,
      place,
      async (token, start, word, end, said, at) => {
        const claims = withClaim(token.claims, [...at, `${start}${word}${end}`].join('|'), said);
        expect((await verified(token.issuer, claims)).outcome).toBe('refused');
      },
    ),
    { numRuns: 150 },
  );
});

test('trouble taken back by its value or by negation is none', async () => {
  const name = fc.constantFrom(
    ...['acme-debug', 'acme_error', 'acme-mismatch-records', 'is_revoked', 'acme-out-of-date', 'failures', 'acme-warning'],
  );
  const quiet = fc.constantFrom<unknown>(false, null, 0, '', [], {}, 'none', 'disabled', 'false', 'no', 'off');
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...FAKE_TOKENS), name, quiet, async ({ issuer, claims }, claim, value) => {
      expect(failed(await verified(issuer, { ...claims, [claim]: value }))).toEqual([]);
    }),
    { numRuns: 60 },
  );
  const fine = {
    'debug-disabled': true,
    'no-conflict': true,
    'acme-not-revoked': true,
    'error-free': true,
    'revocation-checked': true,
  };
  for (const { issuer, claims } of FAKE_TOKENS) expect(failed(await verified(issuer, { ...claims, ...fine }))).toEqual([]);
  for (const name of Object.keys(fine)) expect((await verified('intel', { [name]: false })).outcome, name).toBe('refused');
});
