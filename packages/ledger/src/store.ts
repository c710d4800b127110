/**
 * The port between the ledger and a database, for one agent (sqlite/) or many (postgres/). A store assigns the index, writes everything of one entry in one transaction, commits
 * the tree's head, and only then signs it. Reads see committed rows only.
 */

import type { KeyObject } from 'node:crypto';
import type { Json } from '@assay/encoding/json';
import type { Digest } from '@assay/receipt';
import type { DataKey } from './data-key.ts';
import type { ArchivedFile, ListOptions, StateChange, StateRow, StoredBytes } from './port.ts';
import type { Operation, RoomOperation } from './rows/operation.ts';

/** A task that began; a crash leaves the row behind. */
export interface TaskStart {
  readonly receiptId: string;
  readonly taskId: string;
  readonly task: string;
  /** Epoch milliseconds. */
  readonly startedAt: number;
  readonly access: string | null;
}

export interface StoredPayload {
  readonly digest: Digest;
  readonly bytes: Uint8Array;
  /** `session`: a document that anyone may read by its hash. `private`: read only through its receipt. */
  readonly kind: 'private' | 'session';
}

/** One receipt to be logged. */
export interface ReceiptEntry extends TaskStart {
  /** Its seal was tried before and its answer did not come: it may be in the log. */
  readonly again?: boolean | undefined;
  /** JCS text of the signed receipt. */
  readonly body: string;
  readonly chatId: string | null;
  readonly nonce: string | null;
  readonly keysetDigest: string;
  /** Epoch milliseconds. */
  readonly time: number;
  readonly payloads: readonly StoredPayload[];
  readonly changes: readonly StateChange[];
}

/** Signs the leaves of one keyset, until that keyset names its successor or ends. */
export interface LeafKey {
  readonly keyId: string;
  readonly privateKey: KeyObject;
  /** Epoch seconds. */
  readonly notAfter: number;
}

/** One attestation report to be logged; from its leaf on, the leaf key of its keyset signs. */
export interface ReportEntry {
  readonly leafKey: LeafKey;
  /** JCS text of the report. */
  readonly report: string;
  /** What the leaf commits to. */
  readonly body: Uint8Array;
  readonly keysetDigest: string;
  readonly nonce: string | null;
  readonly time: number;
  readonly collateral: readonly ArchivedFile[];
}

/** The last leaf of a keyset; its leaf key is forgotten in the same transaction. */
export interface SuccessionEntry {
  readonly keysetDigest: string;
  /** Digest of the keyset that follows. */
  readonly successor: string;
  /** Epoch milliseconds. */
  readonly time: number;
}

/** Where an entry went. */
export interface Appended {
  readonly index: number;
  readonly leaf: string;
  /** Hex. */
  readonly salt: string;
  /** `tlog-proof@v1` under the checkpoint of the commit. */
  readonly proof: string;
}

/** As {@link StoredBytes}, read when a piece is asked for. */
export interface StoredBlob extends StoredBytes {
  pieces(): AsyncIterable<Uint8Array>;
}

/** The place of one tile. */
export interface TilePlace {
  readonly level: number;
  readonly index: number;
}

/** Hashes of a tile, 32 bytes each, as many as there are. */
export interface StoredTile extends TilePlace {
  readonly hashes: Uint8Array;
}

export interface StoredReceipt {
  readonly index: number;
  readonly body: string;
  readonly salt: Uint8Array;
  readonly leaf: string;
  readonly access: string | null;
}

export interface StoredReport {
  readonly index: number;
  readonly report: string;
  readonly nonce: string | null;
  readonly salt: Uint8Array;
  readonly leaf: string;
  readonly collateral: readonly ArchivedFile[];
}

export interface StoredSuccession {
  readonly index: number;
  readonly leaf: string;
  readonly successor: string;
}

export interface StoredTask {
  readonly cursor: number;
  readonly receiptId: string;
  readonly taskId: string;
  readonly task: string;
  readonly startedAt: number;
  /** Epoch milliseconds; `null` unless sealed. */
  readonly sealedAt: number | null;
  readonly index: number | null;
  /** Whether it began in this boot. */
  readonly current: boolean;
  readonly access: string | null;
}

export interface PublishedHead {
  readonly size: number;
  /** Checkpoint note with both of the log's signatures. */
  readonly note: string;
}

export interface LogStore {
  /** For people: `embedded SQLite`. */
  readonly name: string;
  /** The data directory. */
  readonly directory: string;
  readonly origin: string;
  /** Ed25519, then ML-DSA-44. */
  readonly verifierKeys: readonly string[];
  /** Whether other agents may write at the same time. */
  readonly shared: boolean;
  /** What rooms seal their texts under. */
  readonly dataKey: DataKey;
  start(task: TaskStart): Promise<void>;
  discard(receiptId: string): Promise<void>;
  /** Resolves when the transaction is durable and its head is signed. */
  seal(entry: ReceiptEntry): Promise<Appended>;
  logReport(entry: ReportEntry): Promise<Appended>;
  logSuccession(entry: SuccessionEntry): Promise<Appended>;
  /** Signs the committed head with all keys. */
  publish(time: number): Promise<PublishedHead>;
  /** Runs an operation of a room in a transaction of its own or of what is written with it. Resolves when it is durable. */
  change<Args, Result extends Json>(operation: RoomOperation<Args, Result>, args: Args): Promise<Result>;
  /** Runs an operation that only reads. */
  read<Result>(operation: Operation<Result>): Promise<Result>;
  hasNonce(nonce: string): Promise<boolean>;
  receipt(receiptId: string): Promise<StoredReceipt | null>;
  receiptByChat(chatId: string): Promise<StoredReceipt | null>;
  /** The newest report of the keyset that was logged before `beforeIndex`. */
  report(keysetDigest: string, beforeIndex: number): Promise<StoredReport | null>;
  /** What a keyset named as its successor. */
  succession(keysetDigest: string): Promise<StoredSuccession | null>;
  payload(hash: Uint8Array): Promise<StoredBlob | null>;
  /** A payload that was stored with kind `session`. */
  session(hash: Uint8Array): Promise<StoredBlob | null>;
  /** Newest first; those of `access` and of no key, of every key when it is left out. */
  tasks(options: ListOptions): Promise<readonly StoredTask[]>;
  task(taskId: string, access?: string | null): Promise<StoredTask | null>;
  state(collection: string, key: string): Promise<StateRow | null>;
  states(collection: string): Promise<readonly StateRow[]>;
  /** Committed number of entries. */
  size(): Promise<number>;
  /** Those of the tiles that are there. */
  tiles(places: readonly TilePlace[]): Promise<readonly StoredTile[]>;
  /** Entries from `from` up to, not including, `to`, as far as committed. */
  entries(from: number, to: number): Promise<readonly Uint8Array[]>;
  close(): Promise<void>;
}
