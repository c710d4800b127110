/**
 * The only place where claims become verified. Imported by files of `verifier/` alone; lint enforces it.
 */

import type { Claims, VerifiedClaims } from '../model/claims.ts';

/** Brands `claims` as verified. The caller has checked every signature up to a trusted root at the given time. */
export function mint<Of extends Claims>(claims: Of): VerifiedClaims<Of> {
  return Object.freeze(claims) as VerifiedClaims<Of>;
}
