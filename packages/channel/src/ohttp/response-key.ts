/**
 * Keys of the answer (RFC 9458 §4.4): derived from the request's context, so that only its sender can read the answer and no other
 * answer can be put in its place. EHBP §4.4 uses the same derivation under another label.
 */

import { concatBytes } from '@assay/encoding/bytes';
import { AeadStream, KEY_LENGTH, NONCE_LENGTH } from '../hpke/aead.ts';
import { hkdfSha256 } from '../hpke/kdf.ts';

/** `max(Nn, Nk)` of AES-256-GCM: bytes of the response nonce, and of the exported secret. */
export const RESPONSE_NONCE_LENGTH = 32;

/**
 * @param secret 32 bytes exported from the request's HPKE context
 * @param encapsulated the request's encapsulated key
 * @param responseNonce 32 random bytes, sent before the answer
 */
export function responseStream(secret: Uint8Array, encapsulated: Uint8Array, responseNonce: Uint8Array): AeadStream {
  const salt = concatBytes(encapsulated, responseNonce);
  return new AeadStream(hkdfSha256(secret, salt, 'key', KEY_LENGTH), hkdfSha256(secret, salt, 'nonce', NONCE_LENGTH));
}
