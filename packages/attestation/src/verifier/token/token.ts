/**
 * Attestation tokens as a plug: recognised here, verified in token-evidence.ts. The words of all issuers are long, so bundlers put that
 * in a part that is loaded when a token comes.
 */

import { loadedPart } from '@assay/encoding/loaded-part';
import { type TokenEvidence, tokenEvidenceOf } from '../../evidence/token/token.ts';
import type { TokenClaims } from '../../model/claims.ts';
import type { TeeVerifier } from '../../model/verification.ts';

/** The plug for attestation tokens. */
export const tokenVerifier: TeeVerifier<TokenEvidence, TokenClaims> = {
  type: 'token',
  recognise(bytes) {
    const value = tokenEvidenceOf(bytes);
    return value === null ? null : { type: 'token', value };
  },
  async verify({ value }, options) {
    const { verifyTokenEvidence } = await loadedPart('tokens', () => import('./token-evidence.ts'));
    return verifyTokenEvidence(value, options);
  },
};
