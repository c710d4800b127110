/**
 * The full check of a log against what it commits to (spec/log.md): every entry's hash, chain, signature and commitment; every receipt's
 * signature, nonce and payloads; every tile and the root; the state that receipts name; the last checkpoint that was published from the directory;
 * and the rows of jobs and API keys. Reads only.
 *
 * Not checked: the evidence in reports. `assay verify` of a bundle does that, under the trust of who asks.
 */

import { createHash } from 'node:crypto';
import { decodeUtf8, equalBytes, utf8 } from '@assay/encoding/bytes';
import { isCoded } from '@assay/encoding/coded-error';
import { decodeHex, encodeHex } from '@assay/encoding/hex';
import { type JsonObject, parseJson } from '@assay/encoding/json';
import {
  type Digest,
  EMPTY_ROOT,
  type Keyset,
  keptPayloads,
  type Leaf,
  LeafChains,
  logKeysDigest,
  parseLeafText,
  parseReceipt,
  parseReport,
  reportBody,
  SUCCESSION_SALT,
  successionBody,
  verifyLeaf,
  verifyReceiptSignature,
} from '@assay/receipt';
import type { DataKey } from '../data-key.ts';
import { readDataKey } from '../data-key-file.ts';
import { LedgerError } from '../errors.ts';
import { JOB_EVIDENCE } from '../jobs/port.ts';
import { type LogKey, readLogKey } from '../log-key.ts';
import { entryHash } from '../native-hash.ts';
import { GENERATION_KEY, StateHash } from '../state-hash.ts';
import { FLOOR_ROW, floorIn, type StateWritten, stateCollections, stateEvents, stateRows } from '../state-rows.ts';
import { GrowingTree } from '../tree.ts';
import { erasedHashes, upkeepRowsAfter } from '../upkeep-log/operations.ts';
import { digestOfHash, openUpkeepRow } from '../upkeep-log/store-upkeep-log.ts';
import { readKeptCheckpoint } from '../writer/kept-checkpoint.ts';
import { checkRows, type RowCounts } from './check-rows.ts';
import {
  countRows,
  entryRows,
  headRow,
  nonceIndex,
  payloadPiece,
  receiptRow,
  reportRow,
  successorOf,
  tileRow,
} from './log-rows.ts';
import { type KeptPlace, openRowReader, type RowReader } from './row-reader.ts';

const STEP = 256;
const MOST_PROBLEMS = 100;

export interface LogProblem {
  /** Of the entry; `null` for the log as a whole. */
  readonly index: number | null;
  readonly what: string;
}

export interface LogCheck {
  readonly origin: string;
  readonly size: number;
  /** Hex. */
  readonly root: string;
  readonly receipts: number;
  readonly reports: number;
  readonly successions: number;
  readonly payloads: number;
  /** Payloads that an operator erased; receipts and proofs that name them are sound. */
  readonly erased: number;
  /** Rows that are not of the log. */
  readonly rows: RowCounts;
  /** Size of the newest published checkpoint of this directory; `null` when none was kept. */
  readonly published: number | null;
  /** Empty for a sound log; at most 100, then the check stops. */
  readonly problems: readonly LogProblem[];
}

/**
 * Checks the log of a place.
 * @throws {LedgerError} `ledger/unavailable` when there is none, `ledger/bad-key-file`.
 * @example const { problems } = await checkLog({ directory: '.assay' })
 */
export async function checkLog(
  place: KeptPlace,
  onEntry: (checked: number, size: number) => void = () => undefined,
): Promise<LogCheck> {
  const key = readLogKey(place.directory);
  const dataKey = readDataKey(place.directory, place.platformSecret);
  const reader = await openRowReader(place);
  try {
    const check = new Check(reader, key, dataKey);
    const head = await reader.read(headRow());
    const published = await readKeptCheckpoint(place.directory, key);
    await check.run(head ?? { size: 0, root: EMPTY_ROOT }, published, onEntry);
    return { ...check.result, published: published?.size ?? null };
  } finally {
    await reader.close();
  }
}

interface ErasureRow {
  readonly receiptId: string;
  readonly logged: boolean;
}

interface Head {
  readonly size: number;
  readonly root: Uint8Array;
}

class Check {
  readonly #reader: RowReader;
  readonly #origin: string;
  readonly #logKeys: Digest;
  readonly #dataKey: DataKey;
  readonly #tree = new GrowingTree(0, () => null);
  readonly #chains = new LeafChains();
  readonly #keysets = new Map<string, Keyset>();
  readonly #problems: LogProblem[] = [];
  readonly #counts = { receipts: 0, reports: 0, successions: 0, payloads: 0, erased: 0, nonces: 0 };
  /** Erasures that a command sealed, by entry. */
  readonly #erasures = new Map<number, ErasureRow>();
  /** Receipts whose erasure the log names. */
  readonly #namedErasures = new Set<string>();
  /** By collection: what the newest receipt says of it. */
  readonly #states = new Map<string, StateWritten>();
  /** The oldest version that may take over the store, as the newest receipt states it. */
  #floor: string | null = null;
  #rows: RowCounts = { jobs: 0, keys: 0 };
  #chained = true;

  constructor(reader: RowReader, { origin, verifierKeys }: LogKey, dataKey: DataKey) {
    this.#reader = reader;
    this.#origin = origin;
    this.#logKeys = logKeysDigest(verifierKeys);
    this.#dataKey = dataKey;
  }

  get result(): Omit<LogCheck, 'published'> {
    const { receipts, reports, successions, payloads, erased } = this.#counts;
    const root = encodeHex(this.#tree.root());
    return {
      origin: this.#origin,
      size: this.#tree.size,
      root,
      receipts,
      reports,
      successions,
      payloads,
      erased,
      rows: this.#rows,
      problems: this.#problems,
    };
  }

  async run(head: Head, published: Head | null, onEntry: (checked: number, size: number) => void): Promise<void> {
    if (this.#isCurrent) await this.#readErasures();
    for (let from = 0; from < head.size && !this.#full; from += STEP) {
      const rows = await this.#reader.read(entryRows(from, Math.min(head.size, from + STEP)));
      for (let at = from; at < Math.min(head.size, from + STEP) && !this.#full; at += 1) {
        const row = rows[at - from];
        if (row?.idx !== at) return this.#note(at, 'the entry is missing');
        await this.#entry(at, row.leaf);
        if (published?.size === this.#tree.size && !equalBytes(this.#tree.root(), published.root))
          this.#note(null, `the log differs from the checkpoint that was published at size ${published.size}`);
      }
      await this.#tiles();
      onEntry(this.#tree.size, head.size);
    }
    if (this.#full) return;
    if (!equalBytes(this.#tree.root(), head.root)) this.#note(null, 'the entries do not lead to the committed root');
    if (published !== null && published.size > head.size)
      this.#note(null, `${published.size} entries were signed before, ${head.size} are there`);
    await this.#rowsBeside();
    await this.#state();
    await this.#versionFloor();
    for (const { receiptId, logged } of this.#erasures.values())
      if (logged && !this.#namedErasures.has(receiptId)) this.#note(null, `the erasure of ${receiptId} is not in the log`);
    // A database from before there were such rows is brought up to date at the next start.
    if (this.#isCurrent) this.#rows = await checkRows(this.#reader, this.#dataKey, (what) => this.#note(null, what));
  }

  async #entry(index: number, text: string): Promise<void> {
    this.#tree.append(entryHash(text, 'base64'));
    let leaf: Leaf;
    try {
      leaf = parseLeafText(text);
      if (this.#chained) this.#chains.follow(leaf);
    } catch (cause) {
      if (isCoded(cause) && cause.code === 'leaf/chain-broken') this.#chained = false; // one report of it is enough
      return this.#noteError(index, cause);
    }
    try {
      if (leaf.kind === 'receipt') await this.#receipt(index, leaf);
      else if (leaf.kind === 'report') await this.#report(index, leaf);
      else await this.#succession(index, leaf);
    } catch (cause) {
      this.#noteError(index, cause);
    }
  }

  async #receipt(index: number, leaf: Leaf): Promise<void> {
    this.#counts.receipts += 1;
    const row = await this.#reader.read(receiptRow(index));
    if (row === null) return this.#note(index, 'the receipt is missing');
    const body = String(row.body);
    const receipt = parseReceipt(parseJson(body));
    if (receipt.receipt_id !== row.receipt_id) this.#note(index, 'the receipt stands under the id of another');
    const keyset = this.#keysetOf(leaf);
    if (keyset === null) return this.#note(index, 'no report of its keyset stands before it');
    await this.#leaf(leaf, { keyset, kind: 'receipt', salt: encodeHex(row.salt as Uint8Array), body: utf8(body) });
    await verifyReceiptSignature(receipt, keyset);
    if (leaf.nonce !== null) {
      this.#counts.nonces += 1;
      const at = await this.#reader.read(nonceIndex(decodeHex(leaf.nonce)));
      if (at !== index) this.#note(index, 'its nonce is not among the used ones');
    }
    this.#floor = floorIn(receipt.event_log) ?? this.#floor;
    const received = receipt.event_log.find(({ type }) => type === 'task.received');
    if (received?.task !== row.task) this.#note(index, 'the receipt stands under the task of another');
    for (const written of stateEvents(receipt.event_log)) this.#written(index, written);
    for (const { type, receipt_id: erased } of receipt.event_log)
      if (type === 'payloads.erased') this.#namedErasures.add(String(erased));
    const gone = await this.#erasedOf(index);
    for (const { hash } of keptPayloads(receipt.event_log))
      if (gone.has(String(hash))) this.#counts.erased += 1;
      else await this.#payload(index, String(hash));
  }

  get #isCurrent(): boolean {
    return this.#reader.schema.found === this.#reader.schema.known;
  }

  async #readErasures(): Promise<void> {
    let rows = await this.#reader.read(upkeepRowsAfter(''));
    while (rows.length > 0) {
      for (const row of rows) {
        try {
          const record = openUpkeepRow(this.#dataKey, row);
          if (record.kind === 'erasure')
            this.#erasures.set(record.index, { receiptId: record.receiptId, logged: row.logged !== null });
        } catch (cause) {
          this.#noteError(null, cause);
        }
      }
      rows = await this.#reader.read(upkeepRowsAfter(rows.at(-1)?.id ?? ''));
    }
  }

  /** Digests of the payloads that a command erased of a receipt; marks that none made count for nothing. */
  async #erasedOf(index: number): Promise<ReadonlySet<string>> {
    if (!this.#erasures.has(index)) return new Set();
    return new Set((await this.#reader.read(erasedHashes(index))).map(digestOfHash));
  }

  #written(index: number, written: StateWritten): void {
    const { collection, generation } = written;
    const before = this.#states.get(collection)?.generation ?? 0;
    if (generation !== before + 1) this.#note(index, `generation ${generation} of the state ${collection} follows ${before}`);
    this.#states.set(collection, written);
  }

  async #payload(index: number, digest: string): Promise<void> {
    this.#counts.payloads += 1;
    const hash = decodeHex(digest.slice('sha256:'.length));
    const sum = createHash('sha256');
    let n = 0;
    let piece = await this.#reader.read(payloadPiece(hash, 0));
    while (piece !== null) {
      const next = await this.#reader.read(payloadPiece(hash, n + 1));
      sum.update(piece.sealed ? this.#dataKey.openPiece({ hash, n, last: next === null }, piece.bytes) : piece.bytes);
      piece = next;
      n += 1;
    }
    if (n === 0) this.#note(index, `the payload ${digest} is missing`);
    else if (!equalBytes(sum.digest(), hash)) this.#note(index, `the payload ${digest} has other bytes`);
  }

  async #report(index: number, leaf: Leaf): Promise<void> {
    this.#counts.reports += 1;
    const found = await this.#reader.read(reportRow(index));
    if (found === null) return this.#note(index, 'the report is missing');
    const { row, files } = found;
    const document = parseJson(String(row.report)) as JsonObject;
    const nonce = row.nonce as string | null;
    const collateral = files.map(({ name, media_type, bytes }) => ({
      name: String(name),
      mediaType: String(media_type),
      bytes: bytes as Uint8Array,
    }));
    const { keyset, keysetDigest } = parseReport(document, nonce);
    this.#keysets.set(keysetDigest, keyset);
    const salt = encodeHex(row.salt as Uint8Array);
    await this.#leaf(leaf, { keyset, kind: 'report', salt, body: reportBody(document, nonce, collateral) });
  }

  async #succession(index: number, leaf: Leaf): Promise<void> {
    this.#counts.successions += 1;
    const successor = await this.#reader.read(successorOf(index));
    const keyset = this.#keysetOf(leaf);
    if (successor === null || keyset === null) return this.#note(index, 'the succession is missing');
    await this.#leaf(leaf, { keyset, kind: 'succession', salt: SUCCESSION_SALT, body: successionBody(successor as Digest) });
  }

  #leaf(leaf: Leaf, under: { keyset: Keyset; kind: Leaf['kind']; salt: string; body: Uint8Array }): Promise<void> {
    return verifyLeaf(leaf, { ...under, origin: this.#origin, logKeys: this.#logKeys });
  }

  #keysetOf(leaf: Leaf): Keyset | null {
    return this.#keysets.get(leaf.keyset_digest) ?? null;
  }

  async #tiles(): Promise<void> {
    for (const { level, index, bytes } of this.#tree.takeChanged()) {
      const stored = await this.#reader.read(tileRow(level, index));
      if (stored === null || !equalBytes(stored.subarray(0, bytes.length), bytes))
        this.#note(null, `tile ${level}/${index} is not that of the entries`);
    }
  }

  /** Rows that no entry speaks of. */
  async #rowsBeside(): Promise<void> {
    const found = await this.#reader.read(countRows());
    for (const table of ['receipts', 'reports', 'successions', 'nonces'] as const)
      if (found[table] > this.#counts[table])
        this.#note(null, `${found[table] - this.#counts[table]} ${table} are there that the log does not have`);
    if (found.entries > this.#tree.size)
      this.#note(null, `${found.entries - this.#tree.size} entries are there beyond the head`);
  }

  /** The state is what the newest receipts say: no row is missing, old or extra. */
  async #state(): Promise<void> {
    const collections = new Set([...this.#states.keys(), ...(await this.#reader.read(stateCollections()))]);
    for (const collection of collections) {
      if (collection === JOB_EVIDENCE) continue; // written with the receipts of jobs; no receipt names it
      if (collection === FLOOR_ROW.collection) continue;
      const written = this.#states.get(collection);
      if (written === undefined) {
        this.#note(null, `the state ${collection} is there, and no receipt names it`);
        continue;
      }
      try {
        const rows = await this.#reader.read(stateRows(collection, this.#dataKey));
        const generation = rows.find(({ key }) => key === GENERATION_KEY)?.version ?? 0;
        const hash = new StateHash(rows.filter(({ key }) => key !== GENERATION_KEY));
        if (generation !== written.generation || hash.text !== written.stateHash)
          this.#note(
            null,
            `the state ${collection} is not that of generation ${written.generation}: a row is missing, old or extra`,
          );
      } catch (cause) {
        this.#noteError(null, cause);
      }
    }
  }

  /** The row of the floor is what the newest receipt of it says. */
  async #versionFloor(): Promise<void> {
    try {
      const rows = await this.#reader.read(stateRows(FLOOR_ROW.collection, this.#dataKey));
      const found = rows.find(({ key }) => key === FLOOR_ROW.key);
      const floor = found === undefined ? null : decodeUtf8(found.value);
      if (floor !== this.#floor || rows.length > 1)
        this.#note(null, `the version floor is ${floor ?? 'missing'} in the state and ${this.#floor ?? 'missing'} in the log`);
    } catch (cause) {
      this.#noteError(null, cause);
    }
  }

  get #full(): boolean {
    return this.#problems.length >= MOST_PROBLEMS;
  }

  #noteError(index: number | null, cause: unknown): void {
    if (!isCoded(cause) || (LedgerError.is(cause) && cause.code !== 'ledger/corrupt')) throw cause;
    this.#note(index, `${cause.message} [${cause.code}]`);
  }

  #note(index: number | null, what: string): void {
    if (!this.#full) this.#problems.push({ index, what });
  }
}
