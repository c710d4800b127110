/** Roots and consistency paths out of stored tiles, at sizes on both sides of a tile's end. */

import { hashLeaf, hashNode, splitPoint, verifyConsistency, verifyInclusion } from '@assay/receipt';
import { expect, it } from 'vitest';
import { consistencyIn, pathIn, pathsIn, rootAt } from './exports.ts';
import type { LogStore } from './store.ts';

const SIZE = 66_100; // one hash at level 2
const leaves = Array.from({ length: SIZE }, (_, n) => hashLeaf(new TextEncoder().encode(`entry ${n}`)));
const known = new Map<string, Uint8Array>();

function root(from: number, to: number): Uint8Array {
  if (to - from === 1) return leaves[from] as Uint8Array;
  const key = `${from} ${to}`;
  const found = known.get(key);
  if (found !== undefined) return found;
  const middle = from + splitPoint(to - from);
  const hash = hashNode(root(from, middle), root(middle, to));
  known.set(key, hash);
  return hash;
}

const store = {
  size: () => Promise.resolve(SIZE),
  tiles: (places: readonly { level: number; index: number }[]) =>
    Promise.resolve(
      places.flatMap(({ level, index }) => {
        const width = 256 ** level;
        const first = index * 256;
        const count = Math.min(256, Math.floor(SIZE / width) - first);
        if (count <= 0) return [];
        const hashes = Buffer.concat(
          Array.from({ length: count }, (_, n) => root((first + n) * width, (first + n + 1) * width)),
        );
        return [{ level, index, hashes: new Uint8Array(hashes) }];
      }),
    ),
} as unknown as LogStore;

const SIZES = [1, 2, 3, 255, 256, 257, 511, 512, 1000, 65_535, 65_536, 65_537, 66_000, SIZE];

it('gives the root of every size, and none of a larger one', async () => {
  for (const size of SIZES) expect(await rootAt(store, size)).toEqual(root(0, size));
  expect(await rootAt(store, SIZE + 1)).toBeNull();
});

it('gives paths that prove that one size continues another', async () => {
  for (const size1 of SIZES)
    for (const size2 of SIZES.filter((size) => size >= size1)) {
      const proof = {
        size1,
        root1: root(0, size1),
        size2,
        root2: root(0, size2),
        path: await consistencyIn(store, size1, size2),
      };
      expect(() => verifyConsistency(proof), `${size1} to ${size2}`).not.toThrow();
    }
});

it('gives the paths of many entries of one tree, each as if it were asked for alone', async () => {
  for (const size of SIZES.filter((each) => each > 2)) {
    const pathOf = pathsIn(store, size);
    const far = Array.from({ length: 40 }, (_, n) => Math.floor((n * size) / 40));
    for (const index of [...far, ...Array.from({ length: 20 }, (_, n) => Math.max(0, size - 1 - n))]) {
      const path = await pathOf(index);
      expect(path).toEqual(await pathIn(store, index, size));
      verifyInclusion({ index, size, leafHash: root(index, index + 1), path, root: root(0, size) });
    }
  }
});
