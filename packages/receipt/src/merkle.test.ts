// RFC 6962 proofs against the vectors of transparency-dev/merkle, and against a tree computed from its definition.
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expectCode } from '@assay/testing';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { EMPTY_ROOT, hashLeaf, hashNode, splitPoint, verifyConsistency, verifyInclusion } from './merkle.ts';
import { isSubtree, verifySubtreeConsistency, verifySubtreeInclusion } from './subtree.ts';

const VECTORS = new URL('../../../../shared/vectors/merkle/', import.meta.url).pathname;

function files(directory: string): string[] {
  try {
    return readdirSync(directory).flatMap((name) => {
      const path = join(directory, name);
      return statSync(path).isDirectory() ? files(path) : path.endsWith('.json') ? [path] : [];
    });
  } catch {
    return [];
  }
}

interface Vector {
  readonly [name: string]: unknown;
  readonly proof: readonly string[] | null;
  readonly wantErr: boolean;
}

const bytes = (text: unknown) => new Uint8Array(Buffer.from(text as string, 'base64'));
const path = (vector: Vector) => (vector.proof ?? []).map(bytes);

const KINDS: Readonly<Record<string, (v: Vector) => void>> = {
  inclusion: (v) =>
    verifyInclusion({
      index: v.leafIdx as number,
      size: v.treeSize as number,
      leafHash: bytes(v.leafHash),
      path: path(v),
      root: bytes(v.root),
    }),
  consistency: (v) =>
    verifyConsistency({
      size1: v.size1 as number,
      size2: v.size2 as number,
      root1: bytes(v.root1),
      root2: bytes(v.root2),
      path: path(v),
    }),
  subtreeinclusion: (v) =>
    verifySubtreeInclusion({
      index: v.leafIdx as number,
      start: v.start as number,
      end: v.end as number,
      leafHash: bytes(v.leafHash),
      path: path(v),
      root: bytes(v.root),
    }),
  subtreeconsistency: (v) =>
    verifySubtreeConsistency({
      start: v.start as number,
      end: v.end as number,
      size: v.size as number,
      subtreeRoot: bytes(v.root1),
      root: bytes(v.root2),
      path: path(v),
    }),
};

describe.each(Object.keys(KINDS))('%s vectors', (kind) => {
  const cases = files(join(VECTORS, kind));
  if (cases.length === 0)
    process.stderr.write(`LEFT OUT: no ${kind} vectors in ${VECTORS}; put ../shared/vectors beside the repository\n`);
  test.skipIf(cases.length === 0)('every verdict agrees', () => {
    const wrong = cases.filter((file) => {
      const vector = JSON.parse(readFileSync(file, 'utf8')) as Vector;
      let refused = false;
      try {
        KINDS[kind]?.(vector);
      } catch {
        refused = true;
      }
      return refused !== vector.wantErr;
    });
    expect(wrong).toEqual([]);
  });
});

type Hash = Uint8Array;
const leaf = (i: number) => hashLeaf(new TextEncoder().encode(`leaf ${i}`));
function mth(from: number, to: number): Hash {
  if (to === from) return EMPTY_ROOT;
  if (to - from === 1) return leaf(from);
  const k = splitPoint(to - from);
  return hashNode(mth(from, from + k), mth(from + k, to));
}
function inclusion(index: number, from: number, to: number): Hash[] {
  if (to - from === 1) return [];
  const k = splitPoint(to - from);
  return index < from + k
    ? [...inclusion(index, from, from + k), mth(from + k, to)]
    : [...inclusion(index, from + k, to), mth(from, from + k)];
}
function consistency(m: number, from: number, to: number, whole: boolean): Hash[] {
  if (m === to - from) return whole ? [] : [mth(from, to)];
  const k = splitPoint(to - from);
  return m <= k
    ? [...consistency(m, from, from + k, whole), mth(from + k, to)]
    : [...consistency(m - k, from + k, to, false), mth(from, from + k)];
}

describe('against the definition (RFC 6962 §2.1)', () => {
  test('inclusion of every leaf of every tree up to 33, and of no other leaf', () => {
    for (let size = 1; size <= 33; size++) {
      const root = mth(0, size);
      for (let index = 0; index < size; index++) {
        const proof = { index, size, leafHash: leaf(index), path: inclusion(index, 0, size), root };
        verifyInclusion(proof);
        for (let other = 0; other < size; other++)
          if (other !== index) expect(() => verifyInclusion({ ...proof, index: other })).toThrow(/refused/);
      }
    }
  });

  test('consistency between all sizes up to 20, and with no flipped bit', () => {
    for (let size2 = 1; size2 <= 20; size2++)
      for (let size1 = 1; size1 <= size2; size1++) {
        const proof = { size1, size2, root1: mth(0, size1), root2: mth(0, size2), path: consistency(size1, 0, size2, true) };
        verifyConsistency(proof);
        for (let i = 0; i < proof.path.length; i++) {
          const broken = proof.path.map((hash) => hash.slice());
          broken[i]![7]! ^= 4;
          expect(() => verifyConsistency({ ...proof, path: broken })).toThrow(/refused/);
        }
      }
  });

  test('property: a random path never verifies', () => {
    fc.assert(
      fc.property(
        fc.nat(500),
        fc.nat(500),
        fc.array(fc.uint8Array({ minLength: 32, maxLength: 32 }), { maxLength: 12 }),
        (index, more, path) => {
          const size = index + more + 2;
          expect(() => verifyInclusion({ index, size, leafHash: leaf(index), path, root: EMPTY_ROOT })).toThrow(/refused/);
        },
      ),
    );
  });

  test('refusals carry their codes', async () => {
    const proof = { size1: 3, size2: 5, root1: mth(0, 3), root2: mth(0, 5), path: consistency(3, 0, 5, true) };
    await expectCode(() => verifyConsistency({ ...proof, path: proof.path.slice(1) }), 'merkle/consistency-invalid');
    await expectCode(() => verifyConsistency({ ...proof, size1: 0 }), 'merkle/consistency-invalid');
    await expectCode(
      () => verifyInclusion({ index: 1, size: 2, leafHash: leaf(1), path: [], root: mth(0, 2) }),
      'merkle/inclusion-invalid',
    );
  });

  const other = hashLeaf(Uint8Array.of(7));
  const short = other.subarray(1);
  const one = { index: 0, size: 1, leafHash: leaf(0), path: [], root: leaf(0) };
  const inclusionOf = (index: number, size: number) => () =>
    verifyInclusion({ index, size, leafHash: other, path: [], root: other });
  test.each<[string, () => void, RegExp]>([
    [
      'a root that is the start of the right one',
      () => verifyInclusion({ ...one, root: leaf(0).subarray(0, 31) }),
      /another root/,
    ],
    ['a leaf of 31 bytes, that is the root', () => verifyInclusion({ ...one, leafHash: short, root: short }), /32 bytes/],
    [
      'a path of 31 bytes, that leads to the root',
      () => verifyInclusion({ ...one, size: 2, path: [short], root: hashNode(leaf(0), short) }),
      /32 bytes/,
    ],
    ['the size as an index', inclusionOf(1, 1), /an index below the tree size 1, got 1/],
    ['an index below 0', inclusionOf(-1, 1), /an index below the tree size 1, got -1/],
    ['half an index', inclusionOf(0.5, 1), /an index below the tree size 1, got 0.5/],
    ['half a size', inclusionOf(0, 0.5), /an index below the tree size 0.5, got 0/],
    ['a path that ends below the root', inclusionOf(0, 2), /the path is too short/],
    [
      'sizes that shrink',
      () => verifyConsistency({ size1: 2, size2: 1, root1: other, root2: other, path: [] }),
      /sizes that grow, got 2 and 1/,
    ],
    [
      'a path between equal sizes',
      () => verifyConsistency({ size1: 1, size2: 1, root1: other, root2: other, path: [other] }),
      /the path must be empty/,
    ],
    [
      'other roots of equal sizes',
      () => verifyConsistency({ size1: 1, size2: 1, root1: other, root2: leaf(0), path: [] }),
      /the roots are not/,
    ],
    [
      'an empty tree with the root of another',
      () => verifyConsistency({ size1: 0, size2: 0, root1: other, root2: other, path: [] }),
      /the root of an empty tree/,
    ],
    [
      'a first root of 31 bytes, with the path from it',
      () => verifyConsistency({ size1: 1, size2: 2, root1: short, root2: hashNode(short, other), path: [other] }),
      /32 bytes/,
    ],
    [
      'a consistency path longer than the tree is high, that leads to the root',
      () =>
        verifyConsistency({
          size1: 1,
          size2: 2,
          root1: leaf(0),
          root2: hashNode(hashNode(leaf(0), other), other),
          path: [other, other],
        }),
      /the path is too long/,
    ],
    [
      'a consistency path that ends below the root, that leads to it',
      () => verifyConsistency({ size1: 1, size2: 4, root1: leaf(0), root2: hashNode(leaf(0), other), path: [other] }),
      /the path is too short/,
    ],
    [
      'a path longer than the tree is high, that leads to the root',
      () => verifyInclusion({ index: 0, size: 1, leafHash: leaf(0), path: [other], root: hashNode(other, leaf(0)) }),
      /the path is too long/,
    ],
    [
      'an empty first tree, whose root is that of the second',
      () => verifyConsistency({ size1: 0, size2: 1, root1: other, root2: other, path: [other] }),
      /an empty tree is consistent with everything/,
    ],
    [
      'a consistency path without a step, between equal roots',
      () => verifyConsistency({ size1: 1, size2: 4, root1: other, root2: other, path: [] }),
      /the path is too short/,
    ],
    [
      'another first root, with the path to the second',
      () => verifyConsistency({ size1: 3, size2: 5, root1: other, root2: mth(0, 5), path: consistency(3, 0, 5, true) }),
      /another first root/,
    ],
    [
      'another second root, with the path to the first',
      () => verifyConsistency({ size1: 3, size2: 5, root1: mth(0, 3), root2: other, path: consistency(3, 0, 5, true) }),
      /another second root/,
    ],
  ])('refuses %s', (_name, attempt, why) => {
    expect(attempt).toThrow(why);
  });

  test('a subtree is aligned and not empty', () => {
    expect([isSubtree(0, 5), isSubtree(4, 6), isSubtree(8, 13)]).toEqual([true, true, true]);
    expect([isSubtree(2, 5), isSubtree(3, 3), isSubtree(-1, 2), isSubtree(6, 10)]).toEqual([false, false, false, false]);
  });
});
