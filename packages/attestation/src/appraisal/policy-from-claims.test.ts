/**
 * A policy made from evidence accepts that evidence, for every kind of evidence, and refuses what lacks any part of it: no rule is
 * silently inapplicable.
 */

import { certificatesOf, FAKE_NOW, fakeAzureVm, fakeEvidence, fakeSnp, fakeToken } from '@assay/testing';
import { describe, expect, test } from 'vitest';
import { EVIDENCE_TYPES, type VerifiedClaims } from '../model/claims.ts';
import type { Policy } from '../model/policy.ts';
import { verify, verifyEvidence } from '../verify.ts';
import { appraise } from './appraise.ts';
import { parsePolicy } from './policy-file.ts';
import { draftPolicy, hasSubstance } from './policy-from-claims.ts';
import { listNodes } from './question.ts';

const ALL = await fakeEvidence();
const AUTHENTIC = await Promise.all(
  ALL.map(async ({ name, file, options }) => [name, await verifyEvidence(file, options), options.now] as const),
);

function policyOf(claims: VerifiedClaims, now: number): Policy {
  return parsePolicy(JSON.stringify(draftPolicy(claims, { now }).policy));
}

/** Claims with another set of parts; for appraisal only. */
function withParts(claims: VerifiedClaims, submodules: Readonly<Record<string, VerifiedClaims>>): VerifiedClaims {
  return { ...claims, submodules } as VerifiedClaims;
}

/** The claims once for each part, at any depth, that is left out. */
function stripped(claims: VerifiedClaims): readonly (readonly [string, VerifiedClaims])[] {
  return Object.entries(claims.submodules).flatMap(([name, part]) => {
    const { [name]: _, ...others } = claims.submodules;
    const deeper = stripped(part).map(
      ([path, inner]) => [`${name}/${path}`, withParts(claims, { ...claims.submodules, [name]: inner })] as const,
    );
    return [[name, withParts(claims, others)] as const, ...deeper];
  });
}

test('the evidence here is of every type', () => {
  const types = new Set(AUTHENTIC.flatMap(([, claims]) => listNodes(claims).map((node) => node.claims.type)));
  // A reference manifest is no evidence of a device.
  expect([...types].sort()).toEqual(EVIDENCE_TYPES.filter((type) => type !== 'nvidia-rim').toSorted());
});

describe.each(AUTHENTIC)('a policy from %s', (_, claims, now) => {
  test('accepts its own evidence', () => {
    const { policy, failed } = draftPolicy(claims, { now });
    expect(failed).toEqual([]);
    const { outcome, checks } = appraise(claims, { now, policy: policyOf(claims, now) });
    expect(checks.filter((check) => check.outcome === 'fail')).toEqual([]);
    expect(outcome).toBe('accepted');
    expect(hasSubstance(policy)).toBe(true);
  });

  test('refuses evidence without any one of its parts', () => {
    for (const [part, without] of stripped(claims))
      expect(appraise(without, { now, policy: policyOf(claims, now) }).outcome, part).toBe('refused');
  });

  test('refuses every changed or missing measurement that it names', () => {
    const policy = policyOf(claims, now);
    const named = policy.measurements?.flatMap((rule) => ('values' in rule ? Object.keys(rule.values) : [])) ?? [];
    const measured: Readonly<Record<string, string>> = claims.measurements;
    for (const name of named.filter((each) => measured[each] !== undefined)) {
      const { [name]: value = '', ...others } = measured;
      for (const measurements of [others, { ...others, [name]: value.replace(/^../, (byte) => (byte === 'ff' ? '00' : 'ff')) }])
        expect(appraise({ ...claims, measurements } as VerifiedClaims, { now, policy }).outcome, name).toBe('refused');
    }
  });
});

describe('a rule whose part is missing refuses', () => {
  const tdx = AUTHENTIC.find(([name]) => name === 'tdx');
  if (tdx === undefined) throw new Error('no tdx evidence');
  const [, claims, now] = tdx;
  const { mrtd = '' } = claims.measurements as Readonly<Record<string, string>>;
  const own = { type: 'tdx', values: { mrtd: [mrtd] } } as const;
  const base = { version: 1, simulatedRoots: [claims.root] } as const;

  test.each<readonly [string, Omit<Policy, 'version'>, string]>([
    ['TPM registers', { measurements: [own, { type: 'tpm', values: { pcr4: ['aa'] } }] }, 'policy.measurements'],
    ['registers of a type that is not named', { measurements: [own, { values: { pcr4: ['aa'] } }] }, 'policy.measurements'],
    ['a compose file', { measurements: [own, { type: 'dstack', values: { 'compose-hash': ['aa'] } }] }, 'policy.measurements'],
    [
      'a container',
      { measurements: [own, { type: 'token', values: { 'container-image-digest': ['aa'] } }] },
      'policy.measurements',
    ],
    ['a signer', { measurements: [own, { type: 'sgx', signer: { value: 'aa' } }] }, 'policy.measurements'],
    [
      'optional rules, none of which applies',
      { measurements: [{ type: 'tpm', presence: 'optional', values: { pcr4: ['aa'] } }] },
      'policy.measurements',
    ],
    ['GPUs', { gpu: { minimumCount: 1, referenceManifests: 'when-given' } }, 'policy.gpu-count'],
    ['a number of parts', { parts: { tdx: 2 } }, 'policy.parts.tdx'],
    ['a part of a type', { parts: { 'nvidia-switch': 1 } }, 'policy.parts.nvidia-switch'],
    ['a token', { tokenIssuers: ['https://issuer.example'] }, 'policy.token-issuer'],
    ['an identity', { identity: { 'app-id': ['aa'] } }, 'policy.identity.app-id'],
    ['a step', { requiredChecks: ['dstack.compose-hash'] }, 'policy.required.dstack.compose-hash'],
    ['runtime data', { claims: [{ path: 'details.runtimeData', equals: 'x' }] }, 'policy.claim.details.runtimeData'],
    ['a claim of a type', { claims: [{ path: 'details.vmpl', type: 'sev-snp', equals: 0 }] }, 'policy.claim.details.vmpl'],
    ['bound user data', { bindings: { userData: ['aa'] } }, 'policy.user-data'],
  ])('%s', (_, rules, check) => {
    const { checks, outcome } = appraise(claims, { now, policy: { ...base, ...rules } });
    expect(outcome).toBe('refused');
    expect(checks.filter((each) => each.outcome === 'fail').map(({ id }) => id)).toEqual([check]);
  });

  test('unless it is optional and another one applies', () => {
    const other = { type: 'sev-snp', presence: 'optional', values: { measurement: ['aa'] } } as const;
    const policy: Policy = { ...base, measurements: [own, other] };
    expect(appraise(claims, { now, policy }).outcome).toBe('accepted');
  });

  test.each(['advisories', 'minimumDate', 'minimumEvaluationNumber'] as const)('a floor: %s', async (member) => {
    const value = { advisories: [], minimumDate: '2020-01-01T00:00:00Z', minimumEvaluationNumber: 1 }[member];
    const policy: Policy = { version: 1, tcb: { statuses: ['UpToDate'], [member]: value } };
    const nitro = AUTHENTIC.find(([name]) => name === 'nitro');
    if (nitro === undefined) throw new Error('no nitro evidence');
    const simulatedRoots = [nitro[1].root];
    expect(appraise(nitro[1], { now: FAKE_NOW, policy: { ...policy, simulatedRoots } }).outcome).toBe('refused');
    expect(appraise(nitro[1], { now: FAKE_NOW, policy: { version: 1, simulatedRoots } }).outcome).toBe('accepted');
  });
});

test('an Azure VM whose vTPM quote was left out, or is of another machine, is refused', async () => {
  const [mine, other] = await Promise.all([fakeAzureVm(1), fakeAzureVm(2)]);
  const options = { now: FAKE_NOW, endorsements: certificatesOf(mine.chain), trust: { roots: [mine.anchor] } };
  const policy = policyOf(await verifyEvidence(mine.file, options), FAKE_NOW);
  const verified = async (file: Uint8Array) => {
    const { outcome, checks } = await verify(file, { ...options, policy });
    return [outcome, checks.filter((check) => check.outcome === 'fail').map(({ id }) => id)];
  };
  expect(await verified(mine.file)).toEqual(['accepted', []]);
  expect(await verified(mine.hclReport)).toEqual(['refused', ['policy.parts.tpm', 'policy.measurements']]);
  expect(await verified(other.file)).toEqual(['refused', ['vtpm/policy.measurements']]);
});

describe('evidence that is weaker than strict', () => {
  test('is conceded by name: firmware, age, a report for the host', async () => {
    const snp = await fakeSnp({ edit: (_, view) => view.setUint32(0x30, 0xffff_ffff, true) });
    const claims = await verifyEvidence(snp.report, {
      now: FAKE_NOW,
      endorsements: certificatesOf(snp.chain),
      trust: { roots: [snp.anchor] },
    });
    const made = draftPolicy(claims, { now: FAKE_NOW });
    expect(made.policy.hostRequested).toBe('allow');
    expect(made.concessions).toEqual(['the host asked for this report and not the guest, and the policy accepts that']);
    expect(made.failed).toEqual([]);
    const { file, keySet } = await fakeToken('intel', { attester_tcb_status: 'OutOfDate', iat: FAKE_NOW / 1000 - 2 * 3600 });
    const token = draftPolicy(await verifyEvidence(file, { now: FAKE_NOW, endorsements: [keySet] }), { now: FAKE_NOW });
    expect(token.policy).toMatchObject({ tcb: { statuses: ['UpToDate', 'OutOfDate'] }, freshness: { maxAgeSeconds: 7200 } });
    expect(token.failed).toEqual([]);
  });

  test('is not conceded when it is debuggable, unless asked for', async () => {
    const { file, keySet } = await fakeToken('intel', { tdx_is_debuggable: true });
    const claims = await verifyEvidence(file, { now: FAKE_NOW, endorsements: [keySet] });
    expect(draftPolicy(claims, { now: FAKE_NOW }).failed.map(({ id }) => id)).toEqual(['policy.debug']);
    expect(draftPolicy(claims, { now: FAKE_NOW, allowDebug: true })).toMatchObject({ failed: [], policy: { debug: 'allow' } });
  });

  test('is never conceded when a verification step failed', async () => {
    const { file, keySet } = await fakeToken('nras', { measres: 'fail' });
    const claims = await verifyEvidence(file, { now: FAKE_NOW, endorsements: [keySet] });
    expect(draftPolicy(claims, { now: FAKE_NOW, allowDebug: true }).failed.map(({ id }) => id)).toEqual([
      'token.measurement-result',
    ]);
  });
});
