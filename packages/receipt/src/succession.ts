/**
 * Succession: what the leaf key of an ending keyset signs last, the digest of the keyset that follows it (spec/log.md §3). Its
 * commitment has no secret, so that everybody who reads the log can tell which keyset came after which.
 *
 * Not proved: that the successor is attested. Its own report does that; a succession only shows that one enclave made both.
 */

import { utf8 } from '@assay/encoding/bytes';
import { canonicalJson } from '@assay/encoding/json';
import type { Digest } from './digest.ts';

/** 32 zero bytes as hex: the salt of every succession, and of nothing else. */
export const SUCCESSION_SALT: string = '0'.repeat(64);

/**
 * UTF-8 of `{"successor":"sha256:…"}`: what a leaf of kind `succession` commits to.
 * @example successionBody(keysetDigest(keyset))
 */
export function successionBody(successor: Digest): Uint8Array {
  return utf8(canonicalJson({ successor }));
}
