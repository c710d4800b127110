/**
 * HKDF-SHA256 with HPKE's labels (RFC 9180 §4, RFC 5869). Synchronous on purpose: the inputs are a few dozen bytes, and one
 * dispatch to the platform's asynchronous crypto costs more than the hash.
 */

import { concatBytes, utf8 } from '@assay/encoding/bytes';
import { expand, extract } from '@noble/hashes/hkdf.js';
import { sha256 } from '@noble/hashes/sha2.js';

const VERSION = utf8('HPKE-v1');

export interface KdfSuite {
  /** LabeledExtract (RFC 9180 §4): 32 bytes. */
  extract(salt: Uint8Array, label: string, input: Uint8Array): Uint8Array;
  /** LabeledExpand (RFC 9180 §4): `length` bytes. */
  expand(key: Uint8Array, label: string, context: Uint8Array, length: number): Uint8Array;
}

/** The labelled functions bound to one `suite_id`. */
export function kdfSuite(suiteId: Uint8Array): KdfSuite {
  return {
    extract: (salt, label, input) => extract(sha256, concatBytes(VERSION, suiteId, utf8(label), input), salt),
    expand: (key, label, context, length) =>
      expand(
        sha256,
        key,
        concatBytes(Uint8Array.of(length >> 8, length & 0xff), VERSION, suiteId, utf8(label), context),
        length,
      ),
  };
}

/** Plain HKDF-SHA256 of RFC 5869, as RFC 9458 §4.4 uses it for response keys. */
export function hkdfSha256(secret: Uint8Array, salt: Uint8Array, label: string, length: number): Uint8Array {
  return expand(sha256, extract(sha256, secret, salt), utf8(label), length);
}
