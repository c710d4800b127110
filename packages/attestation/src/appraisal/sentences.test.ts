/** Each sentence that warns, that says what evidence does not prove, or that explains a policy: one row for each. */

import { describe, expect, test } from 'vitest';
import type { Claims, NamedClaims, VerifiedClaims } from '../model/claims.ts';
import type { Policy } from '../model/policy.ts';
import { mint } from '../verifier/mint.ts';
import { appraise } from './appraise.ts';
import { explainPolicy } from './explain.ts';
import { DEFAULT_POLICY } from './presets.ts';

const NOW = Date.parse('2026-06-10T00:00:00Z');
const UP_TO_DATE = { status: 'UpToDate', advisories: [], date: null, evaluationNumber: null };

function claims(changes: Partial<NamedClaims> = {}): VerifiedClaims {
  return mint({
    type: 'tdx',
    simulated: false,
    debug: false,
    measurements: {},
    bindings: { reportData: null, nonce: null, userData: null, publicKey: null },
    identity: {},
    tcb: UP_TO_DATE,
    issuedAt: null,
    validity: { notBefore: 0, notAfter: Number.MAX_SAFE_INTEGER },
    root: 'ab'.repeat(32),
    checks: [],
    submodules: {},
    details: {},
    ...changes,
  } as unknown as Claims);
}

const OUT_OF_DATE = { ...UP_TO_DATE, status: 'OutOfDate', advisories: ['INTEL-SA-1'] };
const MILAN = claims({ type: 'sev-snp', tcb: null, identity: { product: 'Milan-B0' } });
const GPU = claims({ type: 'nvidia-gpu', tcb: null });

describe('a warning', () => {
  test.each<[string, VerifiedClaims, Partial<Policy>, readonly string[]]>([
    ['of nothing', claims(), {}, []],
    [
      'of a debuggable environment that the policy allows',
      claims({ debug: true }),
      { debug: 'allow' },
      ['DEBUG: the environment can be read and changed by its host; the policy allows it.'],
    ],
    ['not of one that it refuses', claims({ debug: true }), {}, []],
    [
      'of the firmware of a part',
      claims({ submodules: { cpu: claims({ tcb: OUT_OF_DATE }) } }),
      {},
      ['cpu/firmware standing is OutOfDate (INTEL-SA-1).'],
    ],
    [
      'of Milan',
      MILAN,
      {},
      ['Milan: the root secret of these chips can be extracted in software, so this report may be forged; strict refuses it.'],
    ],
  ])('%s', (_, subject, changes, warnings) => {
    expect(appraise(subject, { now: NOW, policy: { ...DEFAULT_POLICY, ...changes } }).warnings).toEqual(warnings);
  });
});

describe('not proven', () => {
  const [FAULTS, PEER] = [/^That the measured software is free of faults/, /^That the one you talk to is the one/];
  const BUS = /^That no one with physical access/;
  test.each<[string, VerifiedClaims, readonly RegExp[]]>([
    ['by nitro', claims({ type: 'nitro', tcb: null }), [FAULTS, PEER]],
    ['by tdx', claims(), [FAULTS, BUS, PEER]],
    ['by Milan', MILAN, [FAULTS, BUS, /^That a Milan chip kept its root secret/, PEER]],
    ['by a gpu', GPU, [FAULTS, /^Which machine the GPU sits in/, PEER]],
    ['by a cpu and a gpu', claims({ submodules: { 'gpu-0': GPU } }), [FAULTS, BUS, /^That the GPUs sit in the machine/, PEER]],
    ['by a token', claims({ type: 'token', tcb: null }), [FAULTS, /^More than the token's issuer says/, PEER]],
    [
      'by a vendor',
      claims({ type: 'vendor-commitment', tcb: null }),
      [FAULTS, /^Anything about hardware: a vendor commitment/, PEER],
    ],
    ['by a simulator', claims({ simulated: true }), [/^Anything about hardware: a simulator/, FAULTS, BUS, PEER]],
  ])('%s', (_, subject, limits) => {
    expect(appraise(subject, { now: NOW }).limits).toEqual(limits.map((words) => expect.stringMatching(words)));
  });
});

describe('a question that the evidence cannot answer reads not-checked', () => {
  test.each<[string, VerifiedClaims, { readonly [name in keyof Policy]?: Policy[name] | undefined }, string]>([
    ['policy.debug', claims({ debug: null }), {}, 'the format does not say'],
    ['policy.product', claims(), { refusedProducts: ['Milan'] }, 'the evidence names no product'],
    ['policy.freshness', claims({ issuedAt: NOW }), {}, 'no maximum age given; '],
    ['policy.tcb-status', claims(), { tcb: undefined }, 'the policy asks nothing; UpToDate'],
  ])('%s', (id, subject, changes, actual) => {
    const { checks } = appraise(subject, { now: NOW, policy: { ...DEFAULT_POLICY, ...changes } as Policy });
    expect(checks.filter((check) => check.id === id)).toMatchObject([
      { outcome: 'not-checked', actual: expect.stringContaining(actual) },
    ]);
  });
});

describe('a policy is explained', () => {
  const SIMULATED = 'Refuses simulated evidence.';
  const DEBUG = 'Refuses debuggable environments.';
  const NONCE = 'Compares the nonce when the caller gives one.';
  test.each<[string, Partial<Policy>, readonly string[]]>([
    ['without rules', {}, [SIMULATED, DEBUG, NONCE]],
    [
      'that never takes simulators',
      { simulated: 'refuse' },
      ['Refuses simulated evidence, also of a simulator that the caller names.', DEBUG, NONCE],
    ],
    ['that takes one', { simulatedRoots: ['ab'] }, ['Accepts SIMULATED evidence under ab.', DEBUG, NONCE]],
    ['that allows debugging', { debug: 'allow' }, [SIMULATED, 'Accepts debuggable environments, WHICH KEEP NO SECRET.', NONCE]],
    ['that demands a nonce', { nonce: 'required' }, [SIMULATED, DEBUG, 'Demands a nonce of the caller and compares it.']],
  ])('%s', (_, policy, sentences) => {
    expect(explainPolicy({ version: 1, ...policy }).slice(0, -1)).toEqual(sentences);
  });
});
