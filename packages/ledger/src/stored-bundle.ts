/**
 * The bundle of stored receipts (spec/bundle.md) without ever holding it: a plan of what stands in it, small and made before the first
 * byte, and the pieces, which read each part when its turn comes.
 */

import { setImmediate } from 'node:timers/promises';
import { decodeHex, encodeHex } from '@assay/encoding/hex';
import { parseJson } from '@assay/encoding/json';
import {
  type BundleEntry,
  base64Length,
  type Digest,
  keptPayloads,
  MAX_BUNDLE_BYTES,
  parseLeafText,
  parseReceipt,
  type ReceiptText,
  type StreamedBundle,
  type StreamedPayload,
  SUCCESSION_SALT,
  streamBundle,
  streamedBundleLength,
} from '@assay/receipt';
import { LedgerError } from './errors.ts';
import { type Link, pathsIn, successionsBetween } from './exports.ts';
import type { StoredBytes } from './port.ts';
import type { LogStore, PublishedHead, StoredBlob, StoredReceipt, StoredReport } from './store.ts';
import { erasedHashes, upkeepRow } from './upkeep-log/operations.ts';
import { digestOfHash, erasureId } from './upkeep-log/store-upkeep-log.ts';

/** What a part of the plan takes in memory, bytes. */
const PLANNED_BYTES = 320;
/** Receipts whose texts are together no longer than this are read once, and held until the bundle was sent. */
const MOST_HELD = 512 * 1024;
/** Other work goes on after so many milliseconds of planning. */
const TURN_MS = 2;

export interface BundleRequest {
  /** Receipts by id, each once. */
  readonly ids: readonly string[];
  /** The receipt, or `null` for one that is not there for who asks. */
  readonly find: (id: string) => Promise<StoredReceipt | null>;
  readonly redact: boolean;
  /** Signs the head that all entries are proven under; called when every receipt was found. */
  readonly publish: () => Promise<PublishedHead>;
}

/**
 * Plans the bundle; `null` when a receipt is not found. Other work goes on between receipts.
 * @throws {LedgerError} `ledger/bundle-too-large` before anything of it is read for the answer; `ledger/corrupt`.
 */
export async function storedBundle(store: LogStore, request: BundleRequest): Promise<StoredBytes | null> {
  const plan = new Plan(store, request);
  let turn = performance.now();
  for (const id of request.ids) {
    if (!(await plan.take(id))) return null;
    if (performance.now() - turn < TURN_MS) continue;
    await setImmediate();
    turn = performance.now();
  }
  const source = await plan.source(await request.publish());
  const length = await streamedBundleLength(source);
  assertTakenBack(length);
  return { length, heldBytes: plan.bytes, pieces: () => streamBundle(source) };
}

/** A bundle that no verifier takes is no use to anyone. */
function assertTakenBack(length: number): void {
  if (length > MAX_BUNDLE_BYTES)
    throw new LedgerError(
      'ledger/bundle-too-large',
      `expected a bundle of at most ${MAX_BUNDLE_BYTES} bytes, got one of ${length}; fetch its receipts in parts, or leave payloads out with redact=1`,
    );
}

class Plan {
  readonly #store: LogStore;
  readonly #request: BundleRequest;
  /** Ids with their places in the log. */
  readonly #receipts: { readonly id: string; readonly index: number }[] = [];
  /** Receipts as they were found; none when they are too long together. */
  readonly #held = new Map<string, StoredReceipt>();
  #heldBytes = 0;
  /** Lengths by hash. */
  readonly #payloads = new Map<Digest, number>();
  /** Keysets with the index that their report stands before. */
  readonly #keysets = new Map<Digest, number>();
  #successions: readonly Link[] = [];
  #length = 0;

  constructor(store: LogStore, request: BundleRequest) {
    this.#store = store;
    this.#request = request;
  }

  get bytes(): number {
    const parts = this.#receipts.length + this.#payloads.size + this.#keysets.size + this.#successions.length;
    return parts * PLANNED_BYTES + this.#heldBytes;
  }

  /** Notes a receipt and what it needs; false when it is not there. */
  async take(id: string): Promise<boolean> {
    const stored = await this.#request.find(id);
    if (stored === null) return false;
    if (this.#receipts.some(({ index }) => index === stored.index)) return true;
    const receipt = parseReceipt(parseJson(stored.body));
    // An id of an answer may come to stand for a later receipt; a receipt's own id does not.
    this.#receipts.push({ id: receipt.receipt_id, index: stored.index });
    this.#hold(receipt.receipt_id, stored);
    this.#need(receipt.workload_keyset_digest, stored.index);
    this.#length += stored.body.length;
    const erased = new Set((await this.#store.read(erasedHashes(stored.index))).map(digestOfHash));
    if (erased.size > 0) await this.#takeErasure(receipt.receipt_id);
    if (!this.#request.redact)
      for (const { hash } of keptPayloads(receipt.event_log)) {
        const digest = hash as Digest;
        if (erased.has(digest)) continue;
        const bytes = this.#payloads.has(digest) ? null : await this.#payload(digest);
        if (bytes === null) continue;
        this.#payloads.set(digest, bytes.length);
        this.#length += base64Length(bytes.length);
      }
    assertTakenBack(this.#length);
    return true;
  }

  #hold(id: string, stored: StoredReceipt): void {
    // Text and leaf, and the leaf again as it is written.
    const bytes = 2 * (stored.body.length + 2 * stored.leaf.length);
    const isRoom = this.#held.size === this.#receipts.length - 1 && this.#heldBytes + bytes <= MOST_HELD;
    if (isRoom) this.#held.set(id, stored);
    else this.#held.clear();
    this.#heldBytes = isRoom ? this.#heldBytes + bytes : 0;
  }

  /** The receipt that says what was erased rides along, so that verifiers need not take anyone's word. */
  async #takeErasure(receiptId: string): Promise<void> {
    const row = await this.#store.read(upkeepRow(erasureId(receiptId)));
    if (row?.logged != null) await this.take(row.logged);
  }

  async source(head: PublishedHead): Promise<StreamedBundle> {
    const store = this.#store;
    this.#successions = [...(await successionsBetween(store, new Set(this.#keysets.keys())))].sort(
      (a, b) => a.stored.index - b.stored.index,
    );
    for (const { stored, successor } of this.#successions) {
      this.#need(parseLeafText(stored.leaf).keyset_digest, stored.index);
      this.#need(successor, stored.index);
    }
    const pathOf = pathsIn(store, head.size);
    const entry = async (
      item: { readonly index: number; readonly leaf: string },
      salt: Uint8Array | string,
    ): Promise<BundleEntry> => ({
      index: item.index,
      leaf: parseLeafText(item.leaf),
      salt: typeof salt === 'string' ? salt : encodeHex(salt),
      path: await pathOf(item.index),
    });
    const byIndex = (a: { readonly index: number }, b: { readonly index: number }) => a.index - b.index;
    const reports: { readonly digest: Digest; readonly before: number; readonly index: number }[] = [];
    for (const [digest, before] of this.#keysets)
      reports.push({ digest, before, index: (await this.#report(digest, before)).index });
    return {
      checkpoint: head.note,
      vkeys: store.verifierKeys,
      witnesses: [],
      reports: reports.sort(byIndex).map(({ digest, before }) => async () => {
        const stored = await this.#report(digest, before);
        const { report, nonce, collateral } = stored;
        return { entry: await entry(stored, stored.salt), text: report, nonce, collateral };
      }),
      receipts: this.#receipts.sort(byIndex).map(({ id }) => {
        const held = this.#held.get(id);
        let made: ReceiptText | null = null;
        return async () => {
          if (made !== null) return made;
          const stored = held ?? (await this.#request.find(id));
          if (stored === null) throw gone(`receipt ${id}`);
          const part = { entry: await entry(stored, stored.salt), text: stored.body };
          if (held !== undefined) made = part;
          return part;
        };
      }),
      successions: this.#successions.map(({ stored, successor }) => async () => ({
        entry: await entry(stored, SUCCESSION_SALT),
        successor,
      })),
      payloads: [...this.#payloads].sort(([a], [b]) => (a < b ? -1 : 1)).map(([hash, length]) => this.#source(hash, length)),
    };
  }

  #source(hash: Digest, length: number): StreamedPayload {
    const read = async (): Promise<StoredBlob> => {
      const bytes = await this.#payload(hash);
      if (bytes === null) throw gone(`payload ${hash}`);
      return bytes;
    };
    return {
      hash,
      length,
      async *pieces() {
        yield* (await read()).pieces();
      },
    };
  }

  #need(digest: Digest, index: number): void {
    this.#keysets.set(digest, Math.min(index, this.#keysets.get(digest) ?? index));
  }

  #payload(hash: Digest): Promise<StoredBlob | null> {
    return this.#store.payload(decodeHex(hash.slice('sha256:'.length)));
  }

  async #report(digest: Digest, before: number): Promise<StoredReport> {
    const report = await this.#store.report(digest, before);
    if (report === null) throw gone(`the report of keyset ${digest}`);
    return report;
  }
}

function gone(what: string): LedgerError {
  return new LedgerError('ledger/corrupt', `${what} is not in the data directory; restore it from a backup`);
}
