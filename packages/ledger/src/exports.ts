/** What leaves the log for strangers: proofs under the published checkpoint, successions, tiles (spec/log.md §5 and §6). */

import { encodeHex } from '@assay/encoding/hex';
import {
  consistencyPath,
  type Digest,
  EMPTY_ROOT,
  encodeEntryBundle,
  formatInclusion,
  inclusionPath,
  type LogProof,
  type NodeMemory,
  parseTilePath,
  type RangeRoot,
  ReceiptError,
  rangeRoot,
  TILE_WIDTH,
  tileHashes,
} from '@assay/receipt';
import { LedgerError } from './errors.ts';
import type { LogStore, PublishedHead, StoredReceipt, StoredSuccession, TilePlace } from './store.ts';

/** Inclusion path of an entry in the tree of a published head. */
export async function pathIn(store: LogStore, index: number, size: number): Promise<readonly Uint8Array[]> {
  return inclusionPath(await rootsBeside(store, index, size), index, size);
}

/** Nodes that are remembered, at about 200 bytes; a path crosses few tiles of 255. */
const MOST_NODES = 4096;
/** Tiles of 8 KiB. */
const MOST_TILES = 32;

/** Inclusion paths of many entries in one tree: neighbours share most of theirs, and what they share is read and computed once. */
export function pathsIn(store: LogStore, size: number): (index: number) => Promise<readonly Uint8Array[]> {
  const tiles: Tiles = new Map();
  const memory: NodeMemory = new Map();
  const ranges: NodeMemory = new Map();
  return async (index) => {
    for (const nodes of [memory, ranges]) if (nodes.size > MOST_NODES) nodes.clear();
    if (tiles.size > MOST_TILES) tiles.clear();
    const root = await rootsBeside(store, index, size, { tiles, memory });
    const remembered: RangeRoot = (from, to) => {
      const place = `${from}-${to}`;
      const known = ranges.get(place) ?? root(from, to);
      ranges.set(place, known);
      return known;
    };
    return inclusionPath(remembered, index, size);
  };
}

/** Root of the tree of the first `size` entries, 32 bytes; `null` when fewer are committed. */
export async function rootAt(store: LogStore, size: number): Promise<Uint8Array | null> {
  if (size > (await store.size())) return null;
  if (size === 0) return EMPTY_ROOT;
  return (await rootsBeside(store, size - 1, size))(0, size);
}

/** Consistency path between two committed sizes, 0 < `size1` ≤ `size2`. */
export async function consistencyIn(store: LogStore, size1: number, size2: number): Promise<readonly Uint8Array[]> {
  return consistencyPath(await rootsBeside(store, size1 - 1, size2), size1, size2);
}

/** Hashes of tiles by `level/index`. */
type Tiles = Map<string, Uint8Array>;

interface TreeMemory {
  readonly tiles: Tiles;
  readonly memory?: NodeMemory;
}

/** Sibling roots on the path from an entry to the root. */
async function rootsBeside(
  store: LogStore,
  index: number,
  size: number,
  { tiles, memory }: TreeMemory = { tiles: new Map() },
): Promise<RangeRoot> {
  const missing = tilesOfPath(index, size).filter((place) => !tiles.has(`${place.level}/${place.index}`));
  for (const tile of missing.length === 0 ? [] : await store.tiles(missing))
    tiles.set(`${tile.level}/${tile.index}`, tile.hashes);
  const hashes = tileHashes((level, tile) => tiles.get(`${level}/${tile}`) ?? null);
  return (from, to) => rangeRoot(hashes, from, to, memory);
}

/** The tiles that hold the path of one entry: at each level its own, and the last one, whose subtrees make the right edge. */
export function tilesOfPath(index: number, size: number): readonly TilePlace[] {
  const places: TilePlace[] = [];
  for (let level = 0, at = index, count = size; count > 0; level += 1) {
    at = Math.floor(at / TILE_WIDTH);
    count = Math.floor(count / TILE_WIDTH);
    places.push({ level, index: at });
    if (at !== count) places.push({ level, index: count });
  }
  return places;
}

/** The proof of a stored receipt under `head`. */
export async function proofOf(store: LogStore, stored: StoredReceipt, head: PublishedHead): Promise<LogProof> {
  const { index, leaf, salt } = stored;
  const proof = formatInclusion({ index, path: await pathIn(store, index, head.size), checkpoint: head.note });
  return { index, leaf, salt: encodeHex(salt), proof };
}

/** A succession with the digest that it names. */
export interface Link {
  readonly stored: StoredSuccession;
  readonly successor: Digest;
}

/** The successions that lead from one of these keysets to another, keysets on the way included. A keyset of another boot has none. */
export async function successionsBetween(store: LogStore, keysets: ReadonlySet<Digest>): Promise<readonly Link[]> {
  const links = new Map<number, Link>();
  for (const digest of keysets) {
    let way: Link[] = [];
    for (let at: Digest | null = digest; at !== null; ) {
      const stored: StoredSuccession | null = await store.succession(at);
      const successor: Digest | null = stored === null ? null : (stored.successor as Digest);
      if (stored !== null && successor !== null) way.push({ stored, successor });
      if (successor !== null && keysets.has(successor)) {
        for (const link of way) links.set(link.stored.index, link);
        way = [];
      }
      at = successor;
    }
  }
  return [...links.values()];
}

/**
 * A tile or entry bundle by its path; `null` unless the committed tree has all of it.
 * @throws {LedgerError} `ledger/corrupt`, and those of the store.
 */
export async function tileOf(store: LogStore, path: string): Promise<Uint8Array | null> {
  let tile: ReturnType<typeof parseTilePath>;
  try {
    tile = parseTilePath(path);
  } catch (cause) {
    if (ReceiptError.is(cause)) return null;
    throw cause;
  }
  const first = tile.index * TILE_WIDTH;
  const available = Math.floor((await store.size()) / TILE_WIDTH ** tile.level);
  if (first + tile.width > available) return null;
  if (tile.kind === 'entries') {
    const entries = await store.entries(first, first + tile.width);
    if (entries.length < tile.width)
      throw new LedgerError(
        'ledger/corrupt',
        `entries of ${path} are missing from the data directory; restore it from a backup`,
      );
    return encodeEntryBundle(entries);
  }
  const [stored] = await store.tiles([{ level: tile.level, index: tile.index }]);
  return stored?.hashes.slice(0, tile.width * 32) ?? null;
}
