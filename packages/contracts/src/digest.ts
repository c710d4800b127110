/** Hashes of this package. SHA-256 names content, as everywhere in Assay; Keccak-256 names code, as chains do. */

import { utf8 } from '@assay/encoding/bytes';
import { encodeHex } from '@assay/encoding/hex';
import { canonicalJson } from '@assay/encoding/json';
import { sha256Hex } from '@assay/encoding/sha256';
import { keccak_256 } from '@noble/hashes/sha3.js';

/** `sha256:` and 64 lower-case hex characters. */
export type Sha256 = `sha256:${string}`;

/**
 * SHA-256 of bytes, or of the UTF-8 of a text.
 * @example digestOf('') // 'sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'
 */
export function digestOf(content: Uint8Array | string): Sha256 {
  return `sha256:${sha256Hex(content)}`;
}

/**
 * SHA-256 of a value's JCS form (RFC 8785).
 * @throws {EncodingError} `json/unencodable`.
 * @example digestOfJson({ b: 1, a: 2 }) === digestOf('{"a":2,"b":1}') // true
 */
export function digestOfJson(value: unknown): Sha256 {
  return digestOf(canonicalJson(value));
}

/**
 * Keccak-256 as Ethereum prints it: `0x` and 64 lower-case hex characters.
 * @example keccakOf('') // '0xc5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470'
 */
export function keccakOf(content: Uint8Array | string): `0x${string}` {
  return `0x${encodeHex(keccak_256(typeof content === 'string' ? utf8(content) : content))}`;
}
