/**
 * Proofs about subtrees `[start, end)` of an RFC 6962 tree, as in draft-ietf-plants-merkle-tree-certs-02 §4: the aligned ranges
 * that ML-DSA-44 cosignatures can cover (C2SP tlog-cosignature).
 */

import { equalBytes } from '@assay/encoding/bytes';
import { ReceiptError } from './errors.ts';
import { EMPTY_ROOT, hashNode, verifyInclusion } from './merkle.ts';

/**
 * Whether `[start, end)` is a subtree: not empty, and `start` a multiple of the smallest power of two that is at least its size.
 * @example isSubtree(4, 8) // true
 */
export function isSubtree(start: number, end: number): boolean {
  if (!Number.isSafeInteger(start) || !Number.isSafeInteger(end) || start < 0 || end <= start) return false;
  let width = 1;
  while (width < end - start) width *= 2;
  return start % width === 0;
}

/**
 * Proves that the leaf stands at `index` (counted from the tree's beginning) of the subtree.
 * @throws {ReceiptError} `merkle/inclusion-invalid`.
 * @example verifySubtreeInclusion({ index: 5, start: 4, end: 8, leafHash: hashLeaf(entry), path, root })
 */
export function verifySubtreeInclusion(proof: {
  readonly index: number;
  readonly start: number;
  readonly end: number;
  readonly leafHash: Uint8Array;
  readonly path: readonly Uint8Array[];
  readonly root: Uint8Array;
}): void {
  if (!isSubtree(proof.start, proof.end))
    throw new ReceiptError('merkle/inclusion-invalid', `expected a subtree, got the range ${proof.start} to ${proof.end}`);
  verifyInclusion({ ...proof, index: proof.index - proof.start, size: proof.end - proof.start });
}

/**
 * Proves that the tree of `size` with `root` contains the subtree with `subtreeRoot` at `[start, end)`.
 * @throws {ReceiptError} `merkle/consistency-invalid`.
 * @example verifySubtreeConsistency({ start: 4, end: 8, size: 11, subtreeRoot, root, path })
 */
export function verifySubtreeConsistency(proof: {
  readonly start: number;
  readonly end: number;
  readonly size: number;
  readonly subtreeRoot: Uint8Array;
  readonly root: Uint8Array;
  readonly path: readonly Uint8Array[];
}): void {
  const invalid = (why: string) => new ReceiptError('merkle/consistency-invalid', `subtree consistency proof refused: ${why}`);
  const { start, end, size, subtreeRoot, root, path } = proof;
  if (start === end && start >= 0 && end <= size) {
    if (path.length === 0 && equalBytes(subtreeRoot, EMPTY_ROOT)) return;
    throw invalid('an empty subtree has the empty root and an empty path');
  }
  if (start === 0 && end === size && path.length === 0 && equalBytes(subtreeRoot, root)) return;
  if (subtreeRoot.length !== 32 || root.length !== 32 || path.some((hash) => hash.length !== 32))
    throw invalid('expected hashes of 32 bytes');
  if (!isSubtree(start, end) || !Number.isSafeInteger(size) || end > size)
    throw invalid(`expected a subtree of a tree of ${size}, got the range ${start} to ${end}`);
  let [first, node, last] = [start, end - 1, size - 1];
  const up = () => {
    [first, node, last] = [Math.floor(first / 2), Math.floor(node / 2), Math.floor(last / 2)];
  };
  if (node === last) while (first !== node) up();
  else while (first !== node && node % 2 === 1) up();
  const whole = first === node;
  // Where the path is empty and must not be, `last` is not 0, and the path is refused as too short.
  const [begin = subtreeRoot, ...rest] = whole ? [subtreeRoot, ...path] : path;
  let inner = begin;
  let outer = begin;
  for (const hash of rest) {
    if (last === 0) throw invalid('the path is too long');
    if (node % 2 === 1 || node === last) {
      if (first < node) inner = hashNode(hash, inner);
      outer = hashNode(hash, outer);
      while (node % 2 === 0 && node !== 0) up();
    } else {
      outer = hashNode(outer, hash);
    }
    up();
  }
  if (last !== 0) throw invalid('the path is too short');
  if (!equalBytes(inner, subtreeRoot)) throw invalid('the path leads to another subtree');
  if (!equalBytes(outer, root)) throw invalid('the path leads to another root');
}
