/**
 * Keys of the answer (RFC 9458 §4.4): derived from the request's context, so that only its sender can read the answer and no other
 * answer can be put in its place. EHBP §4.4 uses the same derivation under another label.
 */

import { concatBytes, utf8 } from '@assay/encoding/bytes';
import { AeadStream, KEY_LENGTH, NONCE_LENGTH } from '../hpke/aead.ts';
import { firstBlock, hkdfExpand } from '../hpke/kdf.ts';
import { PROVIDER } from '../provider/current.ts';
import type { Provider } from '../provider/provider.ts';

/** `max(Nn, Nk)` of AES-256-GCM: bytes of the response nonce, and of the exported secret. */
export const RESPONSE_NONCE_LENGTH = 32;

const pool = new Uint8Array(RESPONSE_NONCE_LENGTH * 64);
let taken = pool.length;

/** A response nonce never handed out before. Randomness is fetched for many at a time, and forgotten when it is given out. */
export function freshNonce(): Uint8Array {
  if (taken === pool.length) {
    crypto.getRandomValues(pool);
    taken = 0;
  }
  const nonce = pool.slice(taken, taken + RESPONSE_NONCE_LENGTH);
  pool.fill(0, taken, taken + RESPONSE_NONCE_LENGTH);
  taken += RESPONSE_NONCE_LENGTH;
  return nonce;
}

const KEY_BLOCK = firstBlock(utf8('key'));
const NONCE_BLOCK = firstBlock(utf8('nonce'));

/**
 * @param secret 32 bytes exported from the request's HPKE context
 * @param encapsulated the request's encapsulated key
 * @param responseNonce 32 random bytes, sent before the answer
 */
export function responseStream(
  secret: Uint8Array,
  encapsulated: Uint8Array,
  responseNonce: Uint8Array,
  provider: Provider = PROVIDER,
): AeadStream {
  // HKDF-Extract with salt `enc ‖ response_nonce`
  const prk = provider.hmac(provider.hmac(concatBytes(encapsulated, responseNonce))(secret));
  return new AeadStream(hkdfExpand(prk, KEY_BLOCK, KEY_LENGTH), hkdfExpand(prk, NONCE_BLOCK, NONCE_LENGTH), provider);
}
