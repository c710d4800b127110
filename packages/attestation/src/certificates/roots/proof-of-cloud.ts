/**
 * The threshold key of the Proof of Cloud alliance, raw Ed25519, as observed in the `kid` of a token of 2026-06-10. The alliance
 * has not published it elsewhere, so it is a key that was seen, not an authoritative pin: policies must name it to rely on it.
 */

import { decodeHex } from '@assay/encoding/hex';
import type { TrustAnchor } from '../../model/verification.ts';

const ED25519_SPKI_PREFIX = '302a300506032b6570032100'; // RFC 8410 §4

/** Signs Proof of Cloud tokens. */
export const PROOF_OF_CLOUD_KEY: TrustAnchor = {
  name: 'proof of cloud shared key (observed)',
  spki: /* @__PURE__ */ decodeHex(`${ED25519_SPKI_PREFIX}5ea69fede5bcf71054395b273bad67f67158c242d77945d436374020ece525cb`),
  certificate: null,
  simulated: false,
};
