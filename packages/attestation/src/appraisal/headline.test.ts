/** The headline never contradicts a check: every failed one is named, and nothing is said to be good that did not pass. */

import { FAKE_NOW, fakeEvidence } from '@assay/testing';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Check, CheckOutcome } from '../model/check.ts';
import type { Policy } from '../model/policy.ts';
import { verify } from '../verify.ts';
import { checkName } from './check-names.ts';
import { describeOutcome } from './headline.ts';
import { POLICY_PRESETS } from './presets.ts';

/** Words of a passed kind, and the checks that must have passed for them. */
const GOOD = [
  ['match the policy', /policy\.measurements$/],
  ['answers the nonce', /\.nonce$/],
  ['binds what was expected', /policy\.(report-data|user-data|public-key)$/],
] as const;

function expectTruth(headline: string, checks: readonly Check[]): void {
  const failed = new Set(checks.flatMap(({ id, outcome }) => (outcome === 'fail' ? [id] : [])));
  const names = new Set([...failed].map(checkName));
  const left = Number(/failed [^;]* and (\d+) more/.exec(headline)?.[1] ?? 0);
  const said = [...names].filter((name) => headline.includes(name));
  expect(said.length + left, headline).toBeGreaterThanOrEqual(names.size);
  for (const [words, ids] of GOOD) {
    if (!headline.includes(words)) continue;
    const about = checks.filter(({ id }) => ids.test(id));
    expect(about.some(({ outcome }) => outcome === 'pass')).toBe(true);
    expect(about.every(({ outcome }) => outcome !== 'fail')).toBe(true);
  }
}

const check = fc.record<Check>({
  id: fc
    .tuple(
      fc.constantFrom('', 'vtpm/', 'gateway/', 'gateway/gpu-0/', 'report-1/'),
      fc.constantFrom(
        ...[
          'policy.measurements',
          'policy.nonce',
          'policy.report-data',
          'policy.user-data',
          'policy.public-key',
          'policy.debug',
        ],
        ...['policy.tcb-status', 'report.nonce', 'proof.nonce', 'bundle.nonce', 'snp.reserved', 'token.overall-result'],
      ),
    )
    .map((parts) => parts.join('')),
  outcome: fc.constantFrom<CheckOutcome>('pass', 'fail', 'not-checked'),
  expected: fc.constant(null),
  actual: fc.constant(null),
  spec: fc.constant('x'),
});

describe('the headline', () => {
  test('contradicts no check, whatever the checks are', () => {
    fc.assert(
      fc.property(fc.array(check, { maxLength: 12 }), fc.option(fc.constantFrom('strict', 'mine')), (checks, policy) => {
        const headline = describeOutcome('evidence', checks, { policy });
        expectTruth(headline, checks);
        expect(headline.includes('failed ')).toBe(checks.some(({ outcome }) => outcome === 'fail'));
      }),
      { numRuns: 2000 },
    );
  });

  test('of a refusal for measurements says so', () => {
    const checks: readonly Check[] = [
      { id: 'policy.measurements', outcome: 'pass', expected: null, actual: null, spec: 'x' },
      { id: 'vtpm/policy.measurements', outcome: 'fail', expected: null, actual: null, spec: 'x' },
    ];
    expect(describeOutcome('AMD SEV-SNP report', checks, { policy: 'mine' })).toBe(
      "AMD SEV-SNP report, policy mine: failed vtpm/policy.measurements; measurements are not the policy's; no nonce checked; no binding checked",
    );
  });

  test('says nothing of questions that were never put', () => {
    const checks: readonly Check[] = [{ id: 'snp.tcb-mismatch', outcome: 'fail', expected: null, actual: null, spec: 'x' }];
    expect(describeOutcome('result', checks, { policy: null })).toBe('result: failed snp.tcb-mismatch');
    expect(describeOutcome('result', [], { policy: null })).toBe('result');
  });

  test('is true of every kind of evidence under every preset and a policy that fits none', async () => {
    const foreign: Policy = { version: 1, name: 'foreign', measurements: [{ type: 'tpm', values: { pcr0: ['00'] } }] };
    for (const { file, options } of await fakeEvidence()) {
      for (const policy of [...Object.values(POLICY_PRESETS), foreign]) {
        const { appraisal } = await verify(file, { ...options, now: FAKE_NOW, policy, expected: { nonce: '00'.repeat(32) } });
        if (appraisal === undefined) throw new Error('expected authentic evidence');
        expectTruth(appraisal.scope, appraisal.checks);
      }
    }
  });
});
