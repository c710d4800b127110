/**
 * Merkle trees as in RFC 6962 §2.1 over SHA-256: hashing, and verifying inclusion (RFC 9162 §2.1.3.2) and consistency
 * (RFC 9162 §2.1.4.2). Sizes and indices are safe integers, so halving is by division, never by 32-bit shifts.
 */

import { equalBytes } from '@assay/encoding/bytes';
import { sha256 } from '@assay/encoding/sha256';
import { ReceiptError } from './errors.ts';

/** Root of the tree without leaves. */
export const EMPTY_ROOT: Uint8Array = sha256(new Uint8Array(0));

/**
 * `SHA-256(0x00 || entry)`, 32 bytes.
 * @example hashLeaf(encodeLeaf(leaf)).length // 32
 */
export function hashLeaf(entry: Uint8Array): Uint8Array {
  const input = new Uint8Array(entry.length + 1);
  input.set(entry, 1);
  return sha256(input);
}

/**
 * `SHA-256(0x01 || left || right)`, 32 bytes.
 * @example hashNode(hashLeaf(first), hashLeaf(second)) // the root of a tree of two
 */
export function hashNode(left: Uint8Array, right: Uint8Array): Uint8Array {
  const input = new Uint8Array(65);
  input[0] = 1;
  input.set(left, 1);
  input.set(right, 33);
  return sha256(input);
}

/**
 * Largest power of two smaller than `size`; `size` is 2 or more.
 * @example splitPoint(7) // 4
 */
export function splitPoint(size: number): number {
  let split = 1;
  while (split * 2 < size) split *= 2;
  return split;
}

export interface InclusionProof {
  readonly index: number;
  readonly size: number;
  readonly leafHash: Uint8Array;
  /** From the leaf's sibling to the root's child, 32 bytes each. */
  readonly path: readonly Uint8Array[];
  readonly root: Uint8Array;
}

/**
 * Proves that the leaf stands at `index` of the tree with this size and root.
 * @throws {ReceiptError} `merkle/inclusion-invalid`.
 * @example verifyInclusion({ index: 3, size: 8, leafHash: hashLeaf(entry), path, root })
 */
export function verifyInclusion(proof: InclusionProof): void {
  if (!equalBytes(inclusionRoot(proof), proof.root)) throw inclusionInvalid('the path leads to another root');
}

/**
 * The root that a leaf at `index` of a tree of this size leads to.
 * @throws {ReceiptError} `merkle/inclusion-invalid` for a path of another length.
 */
export function inclusionRoot(proof: Omit<InclusionProof, 'root'>): Uint8Array {
  const invalid = inclusionInvalid;
  if (!wellSized(proof.leafHash, proof.leafHash, proof.path)) throw invalid('expected hashes of 32 bytes');
  if (!isCount(proof.index) || !isCount(proof.size) || proof.index >= proof.size)
    throw invalid(`expected an index below the tree size ${proof.size}, got ${proof.index}`);
  let index = proof.index;
  let last = proof.size - 1;
  let hash = proof.leafHash;
  for (const sibling of proof.path) {
    if (last === 0) throw invalid('the path is too long');
    if (isOdd(index) || index === last) {
      hash = hashNode(sibling, hash);
      while (index !== 0 && !isOdd(index)) {
        index = half(index);
        last = half(last);
      }
    } else {
      hash = hashNode(hash, sibling);
    }
    index = half(index);
    last = half(last);
  }
  if (last !== 0) throw invalid('the path is too short');
  return hash;
}

function inclusionInvalid(why: string): ReceiptError {
  return new ReceiptError('merkle/inclusion-invalid', `inclusion proof refused: ${why}`);
}

export interface ConsistencyProof {
  readonly size1: number;
  readonly root1: Uint8Array;
  readonly size2: number;
  readonly root2: Uint8Array;
  readonly path: readonly Uint8Array[];
}

/**
 * Proves that the tree of `size2` begins with the tree of `size1`. An empty first tree proves nothing and is refused, unless
 * both are empty.
 * @throws {ReceiptError} `merkle/consistency-invalid`.
 * @example verifyConsistency({ size1: 6, root1, size2: 8, root2, path })
 */
export function verifyConsistency(proof: ConsistencyProof): void {
  const { size1, size2, root1, root2, path } = proof;
  const invalid = (why: string) => new ReceiptError('merkle/consistency-invalid', `consistency proof refused: ${why}`);
  if (!isCount(size1) || !isCount(size2) || size1 > size2) throw invalid(`expected sizes that grow, got ${size1} and ${size2}`);
  if (size1 === size2) {
    if (path.length !== 0) throw invalid('the sizes are equal, so the path must be empty');
    if (!equalBytes(root1, root2)) throw invalid('the sizes are equal, the roots are not');
    if (size1 === 0 && !equalBytes(root1, EMPTY_ROOT)) throw invalid('expected the root of an empty tree');
    return;
  }
  if (!wellSized(root1, root2, path)) throw invalid('expected hashes of 32 bytes');
  if (size1 === 0) throw invalid('an empty tree is consistent with everything, so nothing is proven');
  let node = size1 - 1;
  let last = size2 - 1;
  while (isOdd(node)) {
    node = half(node);
    last = half(last);
  }
  // Where the path is empty and must not be, `last` is not 0, and the path is refused as too short.
  const [start = root1, ...rest] = node === 0 ? [root1, ...path] : path;
  let first = start;
  let second = start;
  for (const hash of rest) {
    if (last === 0) throw invalid('the path is too long');
    if (isOdd(node) || node === last) {
      first = hashNode(hash, first);
      second = hashNode(hash, second);
      while (node !== 0 && !isOdd(node)) {
        node = half(node);
        last = half(last);
      }
    } else {
      second = hashNode(second, hash);
    }
    node = half(node);
    last = half(last);
  }
  if (last !== 0) throw invalid('the path is too short');
  if (!equalBytes(first, root1)) throw invalid('the path leads to another first root');
  if (!equalBytes(second, root2)) throw invalid('the path leads to another second root');
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

function isOdd(value: number): boolean {
  return value % 2 === 1;
}

function half(value: number): number {
  return Math.floor(value / 2);
}

function wellSized(first: Uint8Array, second: Uint8Array, path: readonly Uint8Array[]): boolean {
  return first.length === 32 && second.length === 32 && path.every((hash) => hash.length === 32);
}
