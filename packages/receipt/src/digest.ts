/** SHA-256 digests in the form `aci/1` writes them (ACI Appendix A): `sha256:` and 64 lower-case hex characters. */

import { canonicalJson } from '@assay/encoding/json';
import { sha256Hex } from '@assay/encoding/sha256';

/** `sha256:` and 64 lower-case hex characters. */
export type Digest = `sha256:${string}`;

const DIGEST = /^sha256:[0-9a-f]{64}$/;

/**
 * True when `value` is written as a digest.
 * @example isDigest(`sha256:${'0'.repeat(64)}`) // true
 */
export function isDigest(value: unknown): value is Digest {
  return typeof value === 'string' && DIGEST.test(value);
}

/**
 * The digest of exact bytes.
 * @example digestBytes(new TextEncoder().encode('hi')) // 'sha256:8f43…'
 */
export function digestBytes(bytes: Uint8Array): Digest {
  return `sha256:${sha256Hex(bytes)}`;
}

/**
 * The digest of a value's JCS form (RFC 8785). Throws `json/unencodable` of the encoding package for what JSON cannot say.
 * @example digestJson({ b: 1, a: 2 }) === digestBytes(utf8('{"a":2,"b":1}')) // true
 */
export function digestJson(value: unknown): Digest {
  return `sha256:${sha256Hex(canonicalJson(value))}`;
}
