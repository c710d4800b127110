// Tile paths, entry bundles and tlog-proof texts (C2SP tlog-tiles, tlog-proof).
import { expectCode } from '@assay/testing';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatInclusion, parseInclusion } from './log-proof.ts';
import { hashLeaf, hashNode, splitPoint, verifyConsistency } from './merkle.ts';
import {
  consistencyPath,
  decodeEntryBundle,
  encodeEntryBundle,
  formatTilePath,
  inclusionPath,
  parseTilePath,
  type TilePath,
  tileHashes,
} from './tiles.ts';

test("the specification's example path", () => {
  expect(formatTilePath({ kind: 'hashes', level: 0, index: 1_234_067, width: 256 })).toBe('tile/0/x001/x234/067');
  expect(formatTilePath({ kind: 'entries', level: 0, index: 5, width: 17 })).toBe('tile/entries/005.p/17');
});

test('property: a path and its tile are inverse', () => {
  const tile = fc.oneof(
    fc.record({
      kind: fc.constant('hashes' as const),
      level: fc.nat(63),
      index: fc.nat(),
      width: fc.integer({ min: 1, max: 256 }),
    }),
    fc.record({
      kind: fc.constant('entries' as const),
      level: fc.constant(0),
      index: fc.nat(),
      width: fc.integer({ min: 1, max: 256 }),
    }),
  );
  fc.assert(
    fc.property(tile, (value: TilePath) => {
      expect(parseTilePath(formatTilePath(value))).toEqual(value);
    }),
  );
});

test.each([
  'tile/0/1',
  'tile/00/001',
  'tile/64/001',
  'tile/0/x000/001',
  'tile/0/x1/001',
  'tile/0/000.p/0',
  'tile/0/000.p/256',
  'tile/0/000.p/01',
  'tile/0/000/',
  'tile/0/../000',
  '/tile/0/000',
  'tile/entries/',
  '',
])('the path %j is refused', async (path) => {
  await expectCode(() => parseTilePath(path), 'tile/malformed');
});

describe('entry bundles', () => {
  test('property: encoding and decoding are inverse', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 300 })), (entries) => {
        expect(decodeEntryBundle(encodeEntryBundle(entries))).toEqual(entries);
      }),
    );
  });
  test.each([[[0]], [[0, 5, 1, 2]], [[0, 1, 7, 0]]])('the truncated bundle %j is refused', async (bytes) => {
    await expectCode(() => decodeEntryBundle(Uint8Array.from(bytes)), 'tile/malformed');
  });
  test('an entry above 65,535 bytes is refused', async () => {
    await expectCode(() => encodeEntryBundle([new Uint8Array(65_536)]), 'leaf/too-large');
  });
});

describe('proof texts', () => {
  const hash = new Uint8Array(32).fill(7);
  const text = formatInclusion({ index: 3, path: [hash, hash], checkpoint: 'a\n4\nx\n\n— k AAAAAAA=\n' });
  test('are inverse to parsing, empty paths included', () => {
    expect(parseInclusion(text)).toEqual({ index: 3, path: [hash, hash], checkpoint: 'a\n4\nx\n\n— k AAAAAAA=\n' });
    expect(parseInclusion(formatInclusion({ index: 0, path: [], checkpoint: 'c' }))).toEqual({
      index: 0,
      path: [],
      checkpoint: 'c',
    });
  });
  test.each([
    ['another version', text.replace('@v1', '@v2')],
    ['extra data', text.replace('index', 'extra AAAA\nindex')],
    ['a leading zero', text.replace('index 3', 'index 03')],
    ['a short hash', text.replace(/index 3\n[^\n]*/, 'index 3\nAAAA')],
    ['bad base64', text.replace('Bwc', 'B*c')],
    ['64 hashes', formatInclusion({ index: 3, path: Array(64).fill(hash), checkpoint: 'c' })],
    ['no checkpoint', 'c2sp.org/tlog-proof@v1\nindex 3\n'],
  ])('%s is refused', async (_, broken) => {
    await expectCode(() => parseInclusion(broken), 'proof/malformed');
  });
});

test('consistency paths between all sizes up to 20 verify', () => {
  const leaves = Array.from({ length: 20 }, (_, i) => hashLeaf(Uint8Array.of(i)));
  const root = (from: number, to: number): Uint8Array => {
    if (to - from === 1) return leaves[from] as Uint8Array;
    const middle = from + splitPoint(to - from);
    return hashNode(root(from, middle), root(middle, to));
  };
  for (let size2 = 1; size2 <= 20; size2++)
    for (let size1 = 1; size1 <= size2; size1++) {
      const path = consistencyPath(root, size1, size2);
      verifyConsistency({ size1, size2, root1: root(0, size1), root2: root(0, size2), path });
    }
});

test('paths outside the tree and tiles that are not there are refused', async () => {
  const hashes = tileHashes(() => new Uint8Array(32));
  await expectCode(() => hashes(0, 1), 'merkle/tile-missing');
  await expectCode(() => tileHashes(() => null)(0, 0), 'merkle/tile-missing');
  await expectCode(() => inclusionPath(() => new Uint8Array(32), 4, 4), 'merkle/out-of-range');
  await expectCode(() => consistencyPath(() => new Uint8Array(32), 0, 4), 'merkle/out-of-range');
  await expectCode(() => consistencyPath(() => new Uint8Array(32), 5, 4), 'merkle/out-of-range');
});
