/**
 * Batches: leaves that were appended at the same time carry one signature over the root of a tree of their digests (RFC 6962 §2.1), and each
 * its path to that root, so that each can be checked alone. Format: spec/log.md §2a. A leaf that was appended alone is a batch of one.
 */

import { concatBytes, utf8 } from '@assay/encoding/bytes';
import { decodeHex, encodeHex } from '@assay/encoding/hex';
import { hashNode, inclusionRoot } from './merkle.ts';

/** Most leaves of one batch. */
export const MAX_BATCH = 4_096;
/** `index/size`, then the hashes of the path, each after a space: at most 12, the height of the largest batch. */
export const BATCH = /^(0|[1-9][0-9]{0,3})\/([1-9][0-9]{0,3})((?: [0-9a-f]{64}){0,12})$/;
const PREFIX = 'assay-leaf-batch/1\n';

/** `SHA-256(0x01 || left || right)`, all three as hex. The ledger gives the runtime's own, which is faster. */
export type HexNode = (left: string, right: string) => string;

const hexNode: HexNode = (left, right) => encodeHex(hashNode(decodeHex(left), decodeHex(right)));

/** What the signature of a batch covers. */
function signingInput(size: number, root: Uint8Array): Uint8Array {
  return concatBytes(utf8(`${PREFIX}${size}\n`), root);
}

/**
 * What the signature covers by the word of a leaf with this digest; `null` when its place or path cannot be.
 * @throws errors that are none of decoding.
 */
export function batchInput(batch: string, leafHash: Uint8Array): Uint8Array | null {
  const [, index = '', size = '', path = ''] = BATCH.exec(batch) ?? [];
  if (index === '' || Number(size) > MAX_BATCH) return null;
  try {
    const place = {
      index: Number(index),
      size: Number(size),
      path: path
        .split(' ')
        .slice(1)
        .map((hash) => decodeHex(hash)),
    };
    return signingInput(place.size, inclusionRoot({ ...place, leafHash }));
  } catch {
    return null;
  }
}

export interface LeafBatch {
  readonly signingInput: Uint8Array;
  /** `batch` of each leaf, in order. */
  readonly places: readonly string[];
}

/**
 * The batch of leaves with these digests, each 64 hex characters, 1 to {@link MAX_BATCH} of them.
 * @example const { signingInput, places } = batchOf(digests); const signature = signer.sign(signingInput);
 */
export function batchOf(digests: readonly string[], node: HexNode = hexNode): LeafBatch {
  const size = digests.length;
  const levels: (readonly string[])[] = [];
  let level = digests;
  while (level.length > 1) {
    levels.push(level);
    const above: string[] = [];
    for (let at = 0; at < level.length; at += 2) {
      const [left, right] = [level[at] as string, level[at + 1]];
      above.push(right === undefined ? left : node(left, right));
    }
    level = above;
  }
  const places = digests.map((_, index) => {
    let place = `${index}/${size}`;
    let at = index;
    for (const hashes of levels) {
      const sibling = hashes[at ^ 1];
      if (sibling !== undefined) place += ` ${sibling}`;
      at >>= 1;
    }
    return place;
  });
  return { signingInput: signingInput(size, decodeHex(level[0] as string)), places };
}
