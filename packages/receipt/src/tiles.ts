/**
 * Tiles (C2SP tlog-tiles): their paths, entry bundles, and computing roots and proofs from them. A tile holds up to 256 hashes of
 * one level; a hash of level L is the root of 256^L leaves.
 */

import { concatBytes } from '@assay/encoding/bytes';
import { ReceiptError } from './errors.ts';
import { EMPTY_ROOT, hashNode, splitPoint } from './merkle.ts';

/** Hashes in a full tile. */
export const TILE_WIDTH = 256;
const TILE_HEIGHT = 8;
const HASH_BYTES = 32;
const MAX_ENTRY_BYTES = 65_535;

export interface TilePath {
  readonly kind: 'hashes' | 'entries';
  /** 0 for entries. */
  readonly level: number;
  readonly index: number;
  /** 1 to 256. */
  readonly width: number;
}

/**
 * `tile/<L>/<N>[.p/<W>]` or `tile/entries/<N>[.p/<W>]`.
 * @example formatTilePath({ kind: 'hashes', level: 0, index: 1234, width: 256 }) // 'tile/0/x001/234'
 */
export function formatTilePath(tile: TilePath): string {
  let number = String(tile.index % 1000).padStart(3, '0');
  for (let rest = Math.floor(tile.index / 1000); rest > 0; rest = Math.floor(rest / 1000))
    number = `x${String(rest % 1000).padStart(3, '0')}/${number}`;
  const level = tile.kind === 'entries' ? 'entries' : String(tile.level);
  return `tile/${level}/${number}${tile.width === TILE_WIDTH ? '' : `.p/${tile.width}`}`;
}

/**
 * Reads such a path.
 * @throws {ReceiptError} `tile/malformed` for any text that {@link formatTilePath} would not write.
 * @example parseTilePath('tile/0/x001/234').index // 1234
 */
export function parseTilePath(path: string): TilePath {
  const match = /^tile\/(entries|0|[1-9][0-9]?)\/((?:x[0-9]{3}\/){0,4}[0-9]{3})(?:\.p\/([1-9][0-9]{0,2}))?$/.exec(path);
  const [, level = '', number = '', width] = match ?? [];
  const index = Number(number.replaceAll(/[x/]/g, ''));
  const tile: TilePath = {
    kind: level === 'entries' ? 'entries' : 'hashes',
    level: level === 'entries' ? 0 : Number(level),
    index,
    width: width === undefined ? TILE_WIDTH : Number(width),
  };
  if (match === null || tile.level > 63 || !Number.isSafeInteger(index) || formatTilePath(tile) !== path)
    throw new ReceiptError('tile/malformed', 'expected a tile path like tile/0/x001/067 or tile/entries/000.p/7');
  return tile;
}

/**
 * Entries as one bundle: each with its length in two bytes, big endian.
 * @example decodeEntryBundle(encodeEntryBundle([utf8('entry')])).length // 1
 */
export function encodeEntryBundle(entries: readonly Uint8Array[]): Uint8Array {
  return concatBytes(
    ...entries.flatMap((entry) => {
      if (entry.length > MAX_ENTRY_BYTES)
        throw new ReceiptError('leaf/too-large', `expected an entry of at most ${MAX_ENTRY_BYTES} bytes`);
      return [Uint8Array.of(entry.length >> 8, entry.length & 0xff), entry];
    }),
  );
}

/**
 * The entries of a bundle.
 * @throws {ReceiptError} `tile/malformed` when lengths and bytes disagree.
 * @example decodeEntryBundle(encodeEntryBundle([utf8('entry')])).length // 1
 */
export function decodeEntryBundle(bundle: Uint8Array): readonly Uint8Array[] {
  const entries: Uint8Array[] = [];
  for (let at = 0; at < bundle.length; ) {
    const end = at + 2 + (((bundle[at] as number) << 8) | (bundle[at + 1] ?? 0));
    if (at + 2 > bundle.length || end > bundle.length)
      throw new ReceiptError('tile/malformed', 'expected whole entries in the bundle, got a truncated one');
    entries.push(bundle.slice(at + 2, end));
    at = end;
  }
  return entries;
}

/** Hash number `index` of `level`, 32 bytes: the root of the full subtree of 256^level leaves from `index * 256^level`. */
export type TileHash = (level: number, index: number) => Uint8Array;

/**
 * Reads hashes out of tiles; `readTile` returns at least the hashes that the tree's size promises.
 * @example const hashes = tileHashes((level, index) => tiles.get(`${level}/${index}`) ?? null)
 */
export function tileHashes(readTile: (level: number, index: number) => Uint8Array | null): TileHash {
  return (level, index) => {
    const tile = readTile(level, Math.floor(index / TILE_WIDTH));
    const offset = (index % TILE_WIDTH) * HASH_BYTES;
    if (tile === null || tile.length < offset + HASH_BYTES)
      throw new ReceiptError('merkle/tile-missing', `expected hash ${index} in the tiles of level ${level}, got none`);
    return tile.subarray(offset, offset + HASH_BYTES);
  };
}

/** Root of the full subtree of `2^height` leaves, number `index` of its kind. */
function fullSubtree(hashes: TileHash, height: number, index: number, memory: NodeMemory | undefined): Uint8Array {
  if (height % TILE_HEIGHT === 0) return hashes(height / TILE_HEIGHT, index);
  const place = `${height}/${index}`;
  const known = memory?.get(place);
  if (known !== undefined) return known;
  const below = (at: number): Uint8Array => fullSubtree(hashes, height - 1, at, memory);
  const node = hashNode(below(index * 2), below(index * 2 + 1));
  memory?.set(place, node);
  return node;
}

/** Inner nodes of full subtrees, which do not change while the tree grows. */
export type NodeMemory = Map<string, Uint8Array>;

/**
 * Root over the leaves from `from` up to, not including, `to`, as RFC 6962 splits them; `from` is aligned as those splits are.
 * @example rangeRoot(tileHashes(readTile), 0, 8) // the root of the first eight leaves
 */
export function rangeRoot(hashes: TileHash, from: number, to: number, memory?: NodeMemory): Uint8Array {
  const size = to - from;
  if (size === 0) return EMPTY_ROOT;
  const height = Math.log2(size);
  if (Number.isInteger(height)) return fullSubtree(hashes, height, from / size, memory);
  const middle = from + splitPoint(size);
  return hashNode(rangeRoot(hashes, from, middle, memory), rangeRoot(hashes, middle, to, memory));
}

/** A function that gives the root of a range, in any writing; {@link rangeRoot} bound to tiles, or one with a memory. */
export type RangeRoot<Hash = Uint8Array> = (from: number, to: number) => Hash;

/**
 * Inclusion path of the leaf at `index` in the tree of `size` (RFC 6962 §2.1.1).
 * @throws {ReceiptError} `merkle/out-of-range`.
 * @example const path = inclusionPath((from, to) => rangeRoot(hashes, from, to), 3, 8)
 */
export function inclusionPath<Hash>(root: RangeRoot<Hash>, index: number, size: number): readonly Hash[] {
  if (!Number.isSafeInteger(index) || index < 0 || index >= size)
    throw new ReceiptError('merkle/out-of-range', `expected an index below ${size}, got ${index}`);
  const path: Hash[] = [];
  for (let from = 0, to = size; to - from > 1; ) {
    const middle = from + splitPoint(to - from);
    path.push(index < middle ? root(middle, to) : root(from, middle));
    if (index < middle) to = middle;
    else from = middle;
  }
  return path.reverse();
}

/**
 * Consistency path from the tree of `size1` to that of `size2` (RFC 6962 §2.1.2).
 * @throws {ReceiptError} `merkle/out-of-range` unless 0 < size1 ≤ size2.
 * @example const path = consistencyPath((from, to) => rangeRoot(hashes, from, to), 6, 8)
 */
export function consistencyPath(root: RangeRoot, size1: number, size2: number): readonly Uint8Array[] {
  if (!Number.isSafeInteger(size1) || size1 < 1 || size1 > size2)
    throw new ReceiptError('merkle/out-of-range', `expected sizes that grow from 1, got ${size1} and ${size2}`);
  const path: Uint8Array[] = [];
  let [from, to, whole] = [0, size2, true];
  while (size1 !== to) {
    const middle = from + splitPoint(to - from);
    if (size1 <= middle) {
      path.push(root(middle, to));
      to = middle;
    } else {
      path.push(root(from, middle));
      from = middle;
      whole = false;
    }
  }
  if (!whole) path.push(root(from, to));
  return path.reverse();
}
