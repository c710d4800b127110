/** Hashes of what is measured, through the platform's WebCrypto: native speed in Node and in browsers. */

import { bufferSource, joinBytes } from '@assay/encoding/bytes';
import { encodeHex } from '@assay/encoding/hex';

/** SHA-384 of the parts, one after the other; 48 bytes. Several parts are copied together first. */
export async function sha384(...parts: readonly Uint8Array[]): Promise<Uint8Array> {
  const [first] = parts;
  const bytes = parts.length === 1 && first !== undefined ? first : joinBytes(parts);
  return new Uint8Array(await crypto.subtle.digest('SHA-384', bufferSource(bytes)));
}

/** Lower-case hex SHA-256. */
export async function sha256Hex(bytes: Uint8Array): Promise<string> {
  return encodeHex(new Uint8Array(await crypto.subtle.digest('SHA-256', bufferSource(bytes))));
}

/** A register of zeros, extended once by a digest: SHA-384(48 zeros ‖ digest). */
export async function extended(digest: Uint8Array, register: Uint8Array = new Uint8Array(48)): Promise<Uint8Array> {
  return sha384(register, digest);
}
