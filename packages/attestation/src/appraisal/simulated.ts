/** Simulated evidence is refused unless the policy names the very root that signed it. */

import { fail, pass } from '../model/check.ts';
import { type PartQuestion, POLICY_SPEC } from './question.ts';

export const askSimulated: PartQuestion = (claims, { policy }) => {
  const spec = `${POLICY_SPEC} simulatedRoots`;
  if (!claims.simulated) return [pass('policy.simulated', spec, "a vendor's root", "a vendor's root")];
  const actual = `SIMULATED under root ${claims.root}`;
  return policy.simulatedRoots?.includes(claims.root)
    ? [pass('policy.simulated', spec, actual, 'a simulator named by the policy')]
    : [fail('policy.simulated', spec, "a vendor's root, or a simulator named in simulatedRoots", actual)];
};
