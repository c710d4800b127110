/** What leaves the log for strangers: proofs under the published checkpoint, successions, tiles (spec/log.md §5 and §6). */

import { encodeHex } from '@assay/encoding/hex';
import {
  type Digest,
  encodeEntryBundle,
  formatInclusion,
  inclusionPath,
  type LogProof,
  parseTilePath,
  ReceiptError,
  rangeRoot,
  TILE_WIDTH,
  tileHashes,
} from '@assay/receipt';
import { LedgerError } from './errors.ts';
import type { LogStore, PublishedHead, StoredReceipt, StoredSuccession, TilePlace } from './store.ts';

/** Inclusion path of an entry in the tree of a published head. */
export async function pathIn(store: LogStore, index: number, size: number): Promise<readonly Uint8Array[]> {
  const tiles = await store.tiles(tilesOfPath(index, size));
  const known = new Map(tiles.map((tile) => [`${tile.level}/${tile.index}`, tile.hashes]));
  const hashes = tileHashes((level, tile) => known.get(`${level}/${tile}`) ?? null);
  return inclusionPath((from, to) => rangeRoot(hashes, from, to), index, size);
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

/** A tile or entry bundle by its path; `null` unless the committed tree has all of it. */
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
