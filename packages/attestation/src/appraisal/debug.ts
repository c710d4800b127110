/** A debuggable environment keeps no secret from its host, so it is refused unless the policy allows it by name. */

import { fail, notChecked, pass } from '../model/check.ts';
import type { NamedClaims } from '../model/claims.ts';
import { type PartQuestion, POLICY_SPEC } from './question.ts';

export const askDebug: PartQuestion = (claims, { policy }) => {
  const spec = `${POLICY_SPEC} debug`;
  if (claims.debug === null) return [notChecked('policy.debug', spec, 'the format does not say')];
  if (!claims.debug) return [pass('policy.debug', spec, 'off', 'off')];
  const actual = ['on', ...debugClaimsOf(claims)].join(': ');
  return policy.debug === 'allow'
    ? [pass('policy.debug', spec, actual, 'on or off')]
    : [fail('policy.debug', spec, 'off', actual)];
};

/** Which claims of a token say so. */
function debugClaimsOf({ details: { debugClaims } }: NamedClaims): readonly string[] {
  return Array.isArray(debugClaims) && debugClaims.length > 0 ? [debugClaims.join(', ')] : [];
}
