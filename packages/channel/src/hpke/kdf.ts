/**
 * HKDF-SHA256 (RFC 5869) with HPKE's labels (RFC 9180 §4). Synchronous on purpose: the inputs are a few dozen bytes, and one
 * dispatch to the platform's asynchronous crypto costs more than the hash.
 */

import { concatBytes, utf8 } from '@assay/encoding/bytes';
import { PROVIDER } from '../provider/current.ts';
import type { Hmac, Provider } from '../provider/provider.ts';

const VERSION = utf8('HPKE-v1');
const FIRST = Uint8Array.of(1); // the counter of HKDF's first block
const HASH_LENGTH = 32; // bytes, Nh of SHA-256

export interface KdfSuite {
  /** LabeledExtract (RFC 9180 §4): 32 bytes. */
  extract(salt: Uint8Array, label: string, input: Uint8Array): Uint8Array;
  /** What LabeledExtract hashes: `"HPKE-v1" ‖ suite_id ‖ label ‖ input`. */
  input(label: string, input: Uint8Array): Uint8Array;
  /** {@link firstBlock} of what LabeledExpand (RFC 9180 §4) expands with, for `length` bytes. */
  block(label: string, context: Uint8Array, length: number): Uint8Array;
}

/** The labelled functions bound to one `suite_id`. */
export function kdfSuite(suiteId: Uint8Array, provider: Provider = PROVIDER): KdfSuite {
  const input = (label: string, bytes: Uint8Array): Uint8Array => concatBytes(VERSION, suiteId, utf8(label), bytes);
  return {
    input,
    extract: (salt, label, bytes) => provider.hmac(salt)(input(label, bytes)),
    block: (label, context, length) =>
      concatBytes(Uint8Array.of(length >> 8, length & 0xff), VERSION, suiteId, utf8(label), context, FIRST),
  };
}

/** What {@link hkdfExpand} hashes for its first block: `info ‖ 0x01`. Made once for an info that is used again. */
export function firstBlock(info: Uint8Array): Uint8Array {
  const block = new Uint8Array(info.length + 1);
  block.set(info);
  block[info.length] = 1;
  return block;
}

/**
 * HKDF-Expand (RFC 5869 §2.3) under a pseudorandom key, for the outputs that this channel needs.
 * @param block {@link firstBlock} of the info
 * @param length at most 32 bytes
 * @throws {RangeError} for more than 32 bytes.
 */
export function hkdfExpand(hmac: Hmac, block: Uint8Array, length: number): Uint8Array {
  if (length > HASH_LENGTH) throw new RangeError(`expected at most ${HASH_LENGTH} bytes of output, got ${length}`);
  const output = hmac(block);
  return length === HASH_LENGTH ? output : output.subarray(0, length);
}
