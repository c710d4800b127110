/** Is this a kind of evidence the policy accepts? Parts are asked too, so that nothing rides in inside a combined report. */

import { fail, notChecked, pass } from '../model/check.ts';
import { type PartQuestion, POLICY_SPEC } from './question.ts';

export const askTeeType: PartQuestion = (claims, { policy }) => {
  const spec = `${POLICY_SPEC} types`;
  if (policy.types === undefined)
    return [notChecked('policy.type', spec, `the policy accepts every type; this is ${claims.type}`)];
  const expected = policy.types.join(', ');
  return [
    policy.types.includes(claims.type)
      ? pass('policy.type', spec, claims.type, expected)
      : fail('policy.type', spec, expected, claims.type),
  ];
};
