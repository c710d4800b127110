/** Hashes of what is measured, by the platform's own code: images are hundreds of megabytes, which are neither copied nor joined. */

import { createHash } from 'node:crypto';
import { encodeHex } from '@assay/encoding/hex';

type Algorithm = 'sha256' | 'sha384';

/** A hash that has taken in nothing yet. */
export const begun = (algorithm: Algorithm) => createHash(algorithm);

/** SHA-384 of the parts, one after the other; 48 bytes. */
export const sha384 = (...parts: readonly Uint8Array[]): Uint8Array => digestOf('sha384', parts);

/** SHA-256; 32 bytes. */
export const sha256 = (bytes: Uint8Array): Uint8Array => digestOf('sha256', [bytes]);

/** Lower-case hex SHA-256. */
export const sha256Hex = (bytes: Uint8Array): string => encodeHex(sha256(bytes));

/** A register of zeros, extended once by a digest: SHA-384(48 zeros ‖ digest). */
export const extended = (digest: Uint8Array): Uint8Array => sha384(new Uint8Array(48), digest);

function digestOf(algorithm: Algorithm, parts: readonly Uint8Array[]): Uint8Array {
  const hash = begun(algorithm);
  for (const part of parts) hash.update(part);
  return new Uint8Array(hash.digest());
}
