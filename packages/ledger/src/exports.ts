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
import type { LogStore, PublishedHead, StoredReceipt, StoredSuccession } from './store.ts';

/** Inclusion path of an entry in the tree of a published head. */
export function pathIn(store: LogStore, index: number, size: number): readonly Uint8Array[] {
  const hashes = tileHashes((level, tile) => store.tile(level, tile));
  return inclusionPath((from, to) => rangeRoot(hashes, from, to), index, size);
}

/** The proof of a stored receipt under `head`. */
export function proofOf(store: LogStore, stored: StoredReceipt, head: PublishedHead): LogProof {
  const { index, leaf, salt } = stored;
  const proof = formatInclusion({ index, path: pathIn(store, index, head.size), checkpoint: head.note });
  return { index, leaf, salt: encodeHex(salt), proof };
}

/** A succession with the digest that it names. */
export interface Link {
  readonly stored: StoredSuccession;
  readonly successor: Digest;
}

/** The successions that lead from one of these keysets to another, keysets on the way included. A keyset of another boot has none. */
export function successionsBetween(store: LogStore, keysets: ReadonlySet<Digest>): readonly Link[] {
  const links = new Map<number, Link>();
  for (const digest of keysets) {
    let way: Link[] = [];
    for (let at: Digest | null = digest; at !== null; ) {
      const stored = store.succession(at);
      const successor = stored === null ? null : (stored.successor as Digest);
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
export function tileOf(store: LogStore, path: string): Uint8Array | null {
  let tile: ReturnType<typeof parseTilePath>;
  try {
    tile = parseTilePath(path);
  } catch (cause) {
    if (ReceiptError.is(cause)) return null;
    throw cause;
  }
  const first = tile.index * TILE_WIDTH;
  const available = Math.floor(store.size() / TILE_WIDTH ** tile.level);
  if (first + tile.width > available) return null;
  if (tile.kind === 'entries') {
    const entries = store.entries(first, first + tile.width);
    if (entries.length < tile.width)
      throw new LedgerError(
        'ledger/corrupt',
        `entries of ${path} are missing from the data directory; restore it from a backup`,
      );
    return encodeEntryBundle(entries);
  }
  return store.tile(tile.level, tile.index)?.slice(0, tile.width * 32) ?? null;
}
