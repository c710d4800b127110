/** Says in the claims of an agent's evidence which members of it are not known here. Not checked: what they hold. */

import { notChecked } from '../model/check.ts';
import type { VerifiedClaims } from '../model/claims.ts';
import { mint } from './mint.ts';

/** Id of the check; it is there only when a member is not known. */
export const UNREAD_MEMBERS = 'report.evidence-members';
/** Of the names, characters. */
const MAX_NAMES = 200;

/** The claims, with a check that was not made when `names` holds any. */
export function withUnreadMembers<Of extends VerifiedClaims>(claims: Of, names: readonly string[]): Of {
  if (names.length === 0) return claims;
  const why = `this verifier does not know the members ${names.join(', ').slice(0, MAX_NAMES)} of the evidence; a newer one may`;
  return mint({ ...claims, checks: [...claims.checks, notChecked(UNREAD_MEMBERS, 'spec/keyset.md §4', why)] }) as Of;
}
