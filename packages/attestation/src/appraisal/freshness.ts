/**
 * How old is this? Measured by the time the evidence itself carries; CPU quotes carry none, so for them only a nonce shows freshness.
 * Evidence from the future is refused even when the policy asks nothing.
 */

import { fail, notChecked, pass } from '../model/check.ts';
import { formatInstant } from './instant.ts';
import { type PartQuestion, POLICY_SPEC } from './question.ts';

const ID = 'policy.freshness';
const SPEC = `${POLICY_SPEC} freshness`;
/** Clock difference tolerated when the policy does not say, seconds. */
const DEFAULT_SKEW_SECONDS = 300;

export const askFreshness: PartQuestion = (claims, { policy, now }) => {
  const rule = policy.freshness;
  if (claims.issuedAt === null)
    return [notChecked(ID, SPEC, 'the evidence carries no time; only a nonce shows that it is fresh')];
  const age = (now - claims.issuedAt) / 1000;
  const skew = rule?.skewSeconds ?? DEFAULT_SKEW_SECONDS;
  const actual = `made ${formatInstant(claims.issuedAt)}, ${Math.abs(Math.round(age))} s ${age < 0 ? 'after' : 'before'} the time of appraisal`;
  if (age < -skew) return [fail(ID, SPEC, `made at most ${skew} s after the time of appraisal`, actual)];
  if (rule === undefined) return [notChecked(ID, SPEC, `no maximum age given; ${actual}`)];
  const expected = `at most ${rule.maxAgeSeconds} s old`;
  return [age <= rule.maxAgeSeconds ? pass(ID, SPEC, actual, expected) : fail(ID, SPEC, expected, actual)];
};
