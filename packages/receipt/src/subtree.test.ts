/** Subtree proofs against trees computed from their definition, and one row for each refusal that only one check makes. */

import { describe, expect, test } from 'vitest';
import { EMPTY_ROOT, hashLeaf, hashNode, splitPoint } from './merkle.ts';
import { isSubtree, verifySubtreeConsistency, verifySubtreeInclusion } from './subtree.ts';

const leaf = (i: number) => hashLeaf(Uint8Array.of(i));
function rootOf(from: number, to: number): Uint8Array {
  if (to - from === 1) return leaf(from);
  const middle = from + splitPoint(to - from);
  return hashNode(rootOf(from, middle), rootOf(middle, to));
}

/** SUBTREE_PROOF of draft-ietf-plants-merkle-tree-certs-02 §4.4, for the tree of `low` to `high`. */
function subtreePath(start: number, end: number, low: number, high: number, whole: boolean): Uint8Array[] {
  if (start === low && end === high) return whole ? [] : [rootOf(low, high)];
  const middle = low + splitPoint(high - low);
  if (end <= middle) return [...subtreePath(start, end, low, middle, whole), rootOf(middle, high)];
  if (start >= middle) return [...subtreePath(start, end, middle, high, whole), rootOf(low, middle)];
  return [...subtreePath(middle, end, middle, high, false), rootOf(low, middle)];
}

const SIZE = 13;
const proofs = Array.from({ length: SIZE }, (_, start) =>
  Array.from({ length: SIZE - start }, (_, more) => [start, start + more + 1] as const),
)
  .flat()
  .filter(([start, end]) => isSubtree(start, end))
  .map(([start, end]) => ({
    ...{ start, end, size: SIZE, root: rootOf(0, SIZE), subtreeRoot: rootOf(start, end) },
    path: subtreePath(start, end, 0, SIZE, true),
  }));

test(`every subtree of a tree of ${SIZE} is in it, and no flipped bit of its path`, () => {
  for (const proof of proofs) {
    verifySubtreeConsistency(proof);
    for (const [at] of proof.path.entries()) {
      const path = proof.path.map((hash, i) => (i === at ? hash.with(7, (hash[7] as number) ^ 4) : hash));
      expect(() => verifySubtreeConsistency({ ...proof, path })).toThrow(/refused/);
    }
  }
});

const [a, b, c] = [leaf(100), leaf(101), leaf(102)];
const short = a.subarray(1);

describe('inclusion in a subtree is refused', () => {
  const one = { index: 2, start: 2, end: 3, leafHash: a, path: [], root: a };
  test('of a leaf that is not at its place', () => {
    verifySubtreeInclusion(one);
    expect(() => verifySubtreeInclusion({ ...one, leafHash: b })).toThrow('another root');
    expect(() => verifySubtreeInclusion({ ...one, index: 0 })).toThrow('an index below the tree size');
  });
  test('in a range that is no subtree, with a path that leads to its root', () => {
    const range = { ...one, index: 1, start: 1, end: 3, path: [b], root: hashNode(a, b) };
    expect(() => verifySubtreeInclusion(range)).toThrow('expected a subtree, got the range 1 to 3');
  });
});

describe('consistency of a subtree is refused', () => {
  const whole = { start: 0, end: 1, size: 2, subtreeRoot: a, root: hashNode(a, b), path: [b] };
  const empty = { start: 1, end: 1, size: 2, subtreeRoot: EMPTY_ROOT, root: a, path: [] };
  test('never of what is', () => {
    verifySubtreeConsistency(whole);
    verifySubtreeConsistency(empty);
    verifySubtreeConsistency({ ...whole, end: 2, subtreeRoot: whole.root, path: [] });
  });
  test.each<[string, Parameters<typeof verifySubtreeConsistency>[0], string]>([
    ['when an empty one has another root', { ...empty, subtreeRoot: a }, 'an empty subtree has the empty root'],
    ['when an empty one has a path', { ...empty, path: [a] }, 'an empty subtree has the empty root'],
    [
      'with a root of 31 bytes, that its path leads from',
      { ...whole, subtreeRoot: short, root: hashNode(short, b) },
      'expected hashes of 32 bytes',
    ],
    [
      'with a path of 31 bytes, that leads to the root',
      { ...whole, path: [short], root: hashNode(a, short) },
      'expected hashes of 32 bytes',
    ],
    [
      'of a range that is no subtree',
      { start: 1, end: 3, size: 3, subtreeRoot: hashNode(a, b), root: hashNode(c, hashNode(a, b)), path: [hashNode(a, b), c] },
      'expected a subtree of a tree of 3, got the range 1 to 3',
    ],
    ['of a subtree that ends behind the tree', { ...whole, end: 2, size: 1 }, 'got the range 0 to 2'],
    [
      'by no path, from within the tree',
      { start: 0, end: 3, size: 4, subtreeRoot: a, root: a, path: [] },
      'the path is too short',
    ],
    [
      'by a path that goes on behind the root',
      { ...whole, path: [b, c], root: hashNode(hashNode(a, b), c) },
      'the path is too long',
    ],
    ['by a path that ends below the root', { ...whole, size: 4 }, 'the path is too short'],
    ['when the path leads to another root', { ...whole, root: c }, 'the path leads to another root'],
    [
      'when the path leads to another subtree',
      { start: 0, end: 3, size: 4, subtreeRoot: c, root: rootOf(0, 4), path: subtreePath(0, 3, 0, 4, true) },
      'the path leads to another subtree',
    ],
  ])('%s', (_, proof, words) => {
    expect(() => verifySubtreeConsistency(proof)).toThrow(words);
  });
});
