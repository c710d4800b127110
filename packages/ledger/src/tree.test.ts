// The growing tree against the pure functions over the same tiles (C2SP tlog-tiles), through several tile boundaries.
import { decodeBase64, encodeBase64 } from '@assay/encoding/base64';
import {
  consistencyPath,
  EMPTY_ROOT,
  hashLeaf,
  hashNode,
  rangeRoot,
  splitPoint,
  tileHashes,
  verifyConsistency,
  verifyInclusion,
} from '@assay/receipt';
import { describe, expect, test } from 'vitest';
import { GrowingTree } from './tree.ts';

const leaf = (i: number) => hashLeaf(new TextEncoder().encode(`entry ${i}`));

class Tiles {
  readonly rows = new Map<string, Uint8Array>();
  read = (level: number, index: number) => this.rows.get(`${level}/${index}`) ?? null;
  save(tree: GrowingTree): void {
    for (const { level, index, bytes } of tree.takeChanged()) this.rows.set(`${level}/${index}`, bytes);
  }
}

function definition(hashes: readonly Uint8Array[]): Uint8Array {
  if (hashes.length === 0) return EMPTY_ROOT;
  if (hashes.length === 1) return hashes[0]!;
  const k = splitPoint(hashes.length);
  return hashNode(definition(hashes.slice(0, k)), definition(hashes.slice(k)));
}

describe('a tree that grows', () => {
  test('roots, paths and reloading agree at every size up to 600', () => {
    const tiles = new Tiles();
    const tree = new GrowingTree(0, tiles.read);
    const hashes: Uint8Array[] = [];
    expect(tree.root()).toEqual(EMPTY_ROOT);
    for (let size = 1; size <= 600; size++) {
      hashes.push(leaf(size - 1));
      tree.append(encodeBase64(hashes[size - 1]!));
      tiles.save(tree);
      const root = tree.root();
      if (size % 37 === 0 || size % 256 < 3) {
        expect(root).toEqual(definition(hashes));
        expect(rangeRoot(tileHashes(tiles.read), 0, size)).toEqual(root);
        expect(new GrowingTree(size, tiles.read).root()).toEqual(root);
        for (const index of [0, size >> 1, size - 1])
          verifyInclusion({ index, size, leafHash: hashes[index]!, path: tree.inclusionPath(index).map(decodeBase64), root });
      }
    }
  });

  test('70,000 leaves: tiles as the specification counts them, and consistency between sizes', () => {
    const tiles = new Tiles();
    const tree = new GrowingTree(0, tiles.read);
    for (let i = 0; i < 70_000; i++) {
      tree.append(encodeBase64(leaf(i)));
      if (i % 500 === 499) tiles.save(tree);
    }
    tiles.save(tree);
    const width = (level: number, index: number) => (tiles.read(level, index)?.length ?? 0) / 32;
    expect([width(0, 272), width(0, 273), width(0, 274)]).toEqual([256, 112, 0]);
    expect([width(1, 0), width(1, 1), width(2, 0), width(3, 0)]).toEqual([256, 17, 1, 0]);
    const range = (from: number, to: number) => rangeRoot(tileHashes(tiles.read), from, to);
    const root2 = tree.root();
    for (const size1 of [1, 255, 256, 4_097, 65_000, 65_536, 69_999]) {
      const root1 = tree.rootAt(size1);
      expect(root1).toEqual(range(0, size1));
      verifyConsistency({ size1, root1, size2: 70_000, root2, path: consistencyPath(range, size1, 70_000) });
    }
    for (const index of [0, 255, 256, 65_535, 65_536, 69_999])
      verifyInclusion({
        index,
        size: 70_000,
        leafHash: leaf(index),
        path: tree.inclusionPath(index).map(decodeBase64),
        root: root2,
      });
  });

  test('a missing or short tile is noticed', () => {
    const tiles = new Tiles();
    const tree = new GrowingTree(0, tiles.read);
    for (let i = 0; i < 300; i++) tree.append(encodeBase64(leaf(i)));
    tiles.save(tree);
    tiles.rows.set('0/1', tiles.read(0, 1)!.slice(0, 32 * 43));
    expect(() => new GrowingTree(300, tiles.read)).toThrow(/0\/1/);
  });
});
