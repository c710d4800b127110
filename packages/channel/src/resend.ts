/**
 * How a client that repeats a refused request says so (spec/channel.md §6): a header inside the channel, which only the enclave reads,
 * naming the keyset it was sealed to and the first 32 bytes of its encapsulated key.
 */

import { encodeHex } from '@assay/encoding/hex';

export const RESEND_HEADER = 'assay-resend-of';

/**
 * The header's value.
 * @param keysetDigest `sha256:<64 hex>` of the keyset whose key was used
 * @param encapsulated the refused request's encapsulated key
 * @example const value = resendOf(keysetDigest, encapsulated)
 */
export function resendOf(keysetDigest: string, encapsulated: Uint8Array): string {
  return `${keysetDigest};${encodeHex(encapsulated.subarray(0, 32))}`;
}
