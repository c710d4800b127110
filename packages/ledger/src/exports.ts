/** What leaves the log for strangers: proofs under the published checkpoint, bundles, tiles (spec/log.md §5 and §6, spec/bundle.md). */

import { decodeHex, encodeHex } from '@assay/encoding/hex';
import { type JsonObject, parseJson } from '@assay/encoding/json';
import {
  type BundleEntry,
  type BundleReport,
  type Digest,
  encodeBundle,
  encodeEntryBundle,
  formatInclusion,
  inclusionPath,
  keptPayloads,
  type LogProof,
  parseLeafText,
  parseReceipt,
  parseTilePath,
  ReceiptError,
  rangeRoot,
  SUCCESSION_SALT,
  TILE_WIDTH,
  tileHashes,
} from '@assay/receipt';
import { LedgerError } from './errors.ts';
import type { LogStore, PublishedHead, StoredReceipt, StoredSuccession } from './store.ts';

/** Inclusion path of an entry in the tree of a published head. */
function pathIn(store: LogStore, index: number, size: number): readonly Uint8Array[] {
  const hashes = tileHashes((level, tile) => store.tile(level, tile));
  return inclusionPath((from, to) => rangeRoot(hashes, from, to), index, size);
}

/** The proof of a stored receipt under `head`. */
export function proofOf(store: LogStore, stored: StoredReceipt, head: PublishedHead): LogProof {
  const { index, leaf, salt } = stored;
  const proof = formatInclusion({ index, path: pathIn(store, index, head.size), checkpoint: head.note });
  return { index, leaf, salt: encodeHex(salt), proof };
}

/** The bundle of stored receipts under `head`, with the reports of their keysets and the successions between these. */
export function bundleOf(store: LogStore, stored: readonly StoredReceipt[], head: PublishedHead, redact: boolean): Uint8Array {
  const entry = (item: { readonly index: number; readonly leaf: string }, salt: Uint8Array | string): BundleEntry => ({
    index: item.index,
    leaf: parseLeafText(item.leaf),
    salt: typeof salt === 'string' ? salt : encodeHex(salt),
    path: pathIn(store, item.index, head.size),
  });
  const receipts = stored.map((item) => ({ entry: entry(item, item.salt), receipt: parseReceipt(parseJson(item.body)) }));
  /** Keysets with the index that their report stands before. */
  const keysets = new Map<Digest, number>();
  const need = (digest: Digest, index: number): void => {
    keysets.set(digest, Math.min(index, keysets.get(digest) ?? index));
  };
  for (const { entry: at, receipt } of receipts) need(receipt.workload_keyset_digest, at.index);
  const successions = successionsBetween(store, new Set(keysets.keys())).map(({ stored: item, successor }) => {
    const at = entry(item, SUCCESSION_SALT);
    need(at.leaf.keyset_digest, item.index);
    need(successor, item.index);
    return { entry: at, successor };
  });
  const reports = [...keysets].map(([digest, index]): BundleReport => {
    const report = store.report(digest, index);
    if (report === null)
      throw new LedgerError(
        'ledger/corrupt',
        `the report of keyset ${digest} is not in the data directory; restore it from a backup`,
      );
    const document = parseJson(report.report) as JsonObject;
    return { entry: entry(report, report.salt), report: document, nonce: report.nonce, collateral: report.collateral };
  });
  const payloads = new Map<Digest, Uint8Array>();
  if (!redact)
    for (const { receipt } of receipts)
      for (const { hash } of keptPayloads(receipt.event_log)) {
        const bytes = store.payload(decodeHex(hash.slice('sha256:'.length)));
        if (bytes !== null) payloads.set(hash as Digest, bytes);
      }
  return encodeBundle({
    checkpoint: head.note,
    vkeys: store.verifierKeys,
    witnesses: [],
    reports,
    receipts,
    successions,
    payloads,
  });
}

interface Link {
  readonly stored: StoredSuccession;
  readonly successor: Digest;
}

/** The successions that lead from one of these keysets to another, keysets on the way included. A keyset of another boot has none. */
function successionsBetween(store: LogStore, keysets: ReadonlySet<Digest>): readonly Link[] {
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
