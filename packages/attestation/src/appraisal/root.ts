/** Did a root sign that the policy accepts? Which roots can sign at all is decided by the verifier: only pinned or supplied ones. */

import { fail, notChecked, pass } from '../model/check.ts';
import { type PartQuestion, POLICY_SPEC } from './question.ts';

export const askRoot: PartQuestion = (claims, { policy }) => {
  const spec = `${POLICY_SPEC} roots`;
  if (policy.roots === undefined) return [notChecked('policy.root', spec, 'the policy accepts every pinned root')];
  const expected = policy.roots.join(', ');
  return [
    policy.roots.includes(claims.root)
      ? pass('policy.root', spec, claims.root, expected)
      : fail('policy.root', spec, expected, claims.root),
  ];
};
