/**
 * The port to what is sealed and logged. A task opens a draft, appends typed events to it, hands over the payload bytes behind the
 * hashes, and seals. `seal` resolves only when receipt, payloads, nonce, changes and log entry are durable in one transaction.
 *
 * Nothing is answered before `seal` resolved. Errors are LedgerError (ledger-error.ts); every code is in docs/errors.md.
 */

import type { JsonObject } from '@assay/encoding/json';
import type { Digest, LogProof, Receipt } from '@assay/receipt';
import type { Coordination } from './coordination/port.ts';
import type { Fleet } from './fleet/port.ts';
import type { Jobs } from './jobs/port.ts';
import type { ApiKeys } from './keys/port.ts';
import type { SigningKeys } from './sealing-keys.ts';
import type { UpkeepLog } from './upkeep-log/port.ts';

/** A receipt id that a task has before it begins. */
export interface ReservedReceipt {
  readonly receiptId: string;
  /** Epoch milliseconds. */
  readonly startedAt: number;
}

/** What the receipt is about; fixed when the draft is opened. */
export interface DraftOptions {
  /** Of {@link Ledger.reserve}: the receipt of work that begins later, perhaps at another agent. */
  readonly reserved?: ReservedReceipt | undefined;
  readonly taskId: string;
  /** Task name, e.g. `ai_generate_and_execute`. */
  readonly task: string;
  /** HTTP method and path that brought the request, e.g. `POST`, `/api/process`. */
  readonly method: string;
  readonly endpoint: string;
  /** The exact bytes of the request body; hashed into the first event, not stored (call `payload` to store them). */
  readonly requestBody: Uint8Array;
  /** The client's nonce, 64 lower-case hex characters, claimed once in the transaction of `seal`; `null` when none was sent. */
  readonly nonce: string | null;
  /** The model id the client asked for; `null` or absent when the task names none. */
  readonly model?: string | null;
  /** Hex SHA-256 of the API key that made the request; the party that fetches the receipt must show the same one (aci/1 §7.6). */
  readonly access?: string | null;
}

/** A receipt being written. Events keep the order in which they are appended. */
export interface ReceiptDraft {
  /** `rcpt_` and 32 hex characters; known before sealing so that answers and events can name it. */
  readonly receiptId: string;
  readonly taskId: string;
  /**
   * Resolves when the task's row is durable: from then on a crash leaves it listed as `interrupted`. Rejects with `ledger/nonce-reused`
   * when a sealed receipt has the nonce: wait for it before the work.
   */
  readonly started: Promise<void>;
  /**
   * Appends one event. `type` is one of those in spec/receipt.md; the other members are that event's fields. The draft itself
   * writes `request.received` and `task.received` first and `payload.kept` last; those cannot be appended.
   */
  append(event: { readonly type: string } & JsonObject): void;
  /**
   * Keeps bytes that an event names by hash; they go into bundles and can be redacted there. `name` is unique in the draft,
   * e.g. `request`, `attempt-1/code.py`. Returns `sha256:<hex>`, the form every `*_hash` field has.
   */
  payload(name: string, mediaType: string, bytes: Uint8Array): Digest;
  /** Keeps the document of an upstream session as a payload that {@link Ledger.session} gives to everyone: it holds no task content. */
  session(name: string, bytes: Uint8Array): Digest;
}

/** One conditional write that commits with the receipt or not at all: variables, counters, idempotency rows. */
export interface StateChange {
  /** e.g. `variables`. */
  readonly collection: string;
  readonly key: string;
  /** The version that must be there now; 0: none may be there. The new version is one higher. */
  readonly expectedVersion: number;
  /** `null` removes the row. */
  readonly value: Uint8Array | null;
}

export interface StateRow {
  readonly key: string;
  readonly version: number;
  readonly value: Uint8Array;
}

/** What the newest receipt with a `state.written` event says of a collection. */
export interface WrittenState {
  readonly receiptId: string;
  readonly generation: number;
  /** Of {@link StateHash}. */
  readonly stateHash: string;
}

export interface SealOptions {
  /** Id of the OpenAI-style response, when the body has one. */
  readonly chatId?: string | null;
  readonly changes?: readonly StateChange[];
}

/**
 * Bytes that stand in the store. They are read piece by piece, as fast as they are taken, so that memory does not grow with what is
 * stored. Every call of `pieces` reads them again.
 */
export interface StoredBytes {
  readonly length: number;
  /** What stays in memory until the last piece is taken, beside one piece. Bytes. */
  readonly heldBytes: number;
  pieces(): Iterable<Uint8Array> | AsyncIterable<Uint8Array>;
}

export interface BundleOptions {
  /** Leaves payloads out. */
  readonly redact?: boolean | undefined;
  /** Hex SHA-256 of the API key that asks, `null` for none: receipts of other keys are not found. Left out: all are. */
  readonly access?: string | null | undefined;
}

export interface ListOptions {
  readonly limit: number;
  readonly before?: number | undefined;
  readonly access?: string | null | undefined;
}

export interface SealedReceipt {
  readonly receiptId: string;
  readonly receipt: Receipt;
  /** Salt, leaf and the tlog-proof under a signed checkpoint: all a stranger needs beside the keyset. JSON-safe. */
  readonly proof: LogProof;
  /** As given in {@link DraftOptions.access}. */
  readonly access: string | null;
}

/** `running`: open in this process. `interrupted`: the agent stopped before the task ended; there is no receipt. */
export type TaskState = 'running' | 'sealed' | 'interrupted';

export interface ReceiptSummary {
  /** Reserved when the task began; a receipt exists when `state` is `sealed`. */
  readonly receiptId: string;
  readonly taskId: string;
  readonly task: string;
  /** Epoch seconds: of the receipt, or of the task's start when there is none. */
  readonly servedAt: number;
  /** Epoch milliseconds. */
  readonly startedAt: number;
  /** Epoch milliseconds; `null` unless sealed. */
  readonly sealedAt: number | null;
  /** `null` unless sealed. */
  readonly logIndex: number | null;
  readonly state: TaskState;
  readonly access: string | null;
  /** Position in the list; pass the last one as `before` to go on. */
  readonly cursor: number;
}

/** A file that was needed to verify a report when it was made: CRL, TCB info, certificate. Archived in every bundle. */
export interface ArchivedFile {
  readonly name: string;
  readonly mediaType: string;
  readonly bytes: Uint8Array;
}

/** A keyset that is to seal, with the report that attests it. */
export interface KeysetRegistration {
  /** The `aci/1` attestation report as served (spec/keyset.md), its keyset naming `keys`. */
  readonly report: JsonObject;
  /** The nonce the report was made for; `null` for the unchallenged form. */
  readonly nonce: string | null;
  readonly collateral?: readonly ArchivedFile[];
  /** The keyset's own; it lists their public halves. */
  readonly keys: SigningKeys;
}

export interface Ledger {
  /** Throws `ledger/nonce-reused` when the nonce is in use in this agent now; the draft's `started` looks it up in the store. */
  open(options: DraftOptions): ReceiptDraft;
  /** Lists a task that begins later, under the id that its receipt will have. Rejects with `ledger/nonce-reused`. */
  reserve(options: Pick<DraftOptions, 'taskId' | 'task' | 'nonce' | 'access'>): Promise<ReservedReceipt>;
  /** Gives a reserved receipt up: the task never begins. */
  unreserve(reserved: ReservedReceipt): Promise<void>;
  /** Signs, stores and logs. Rejects with `ledger/nonce-reused`, `ledger/conflict`, `ledger/full`, `ledger/unavailable`, … */
  seal(draft: ReceiptDraft, options?: SealOptions): Promise<SealedReceipt>;
  /** Gives a draft up without a receipt (the request was refused before any work). Its nonce is free again. */
  discard(draft: ReceiptDraft): Promise<void>;
  /** By receipt id, or by the id of the OpenAI-style response. */
  find(receiptId: string): Promise<SealedReceipt | null>;
  /** The newest task of this id that `access` may see; of every key when it is left out. */
  findTask(taskId: string, access?: string | null): Promise<ReceiptSummary | null>;
  /** Newest first, with running and interrupted tasks among them: of `access` and of no key; of every key when it is left out. */
  list(options: ListOptions): Promise<readonly ReceiptSummary[]>;
  /**
   * The offline bundle of one or more receipts (spec/bundle.md) as JSON bytes; `null` when one of them is not found. Its length is known
   * before anything is read: rejects with `ledger/bundle-too-large` when verifiers would not take it.
   */
  bundle(receiptIds: string | readonly string[], options?: BundleOptions): Promise<StoredBytes | null>;
  /**
   * A payload that this receipt kept, by `sha256:<hex>`; `null` for one that it did not keep. There is no look-up by hash alone: hashes
   * stand in receipts and redacted bundles, and the party that reads those may not read the payloads.
   * Rejects with `ledger/payload-erased` for one that was erased.
   */
  payload(of: SealedReceipt, digest: string): Promise<StoredBytes | null>;
  /** The document of an upstream session, by the hex SHA-256 that is its id; `null` for every other hash, also of a kept payload. */
  session(id: string): Promise<StoredBytes | null>;
  /** Logs the report of the boot's first keyset and seals under it. Must be called before the first `seal`. */
  registerReport(first: KeysetRegistration): Promise<void>;
  /**
   * Replaces the keyset: logs the report of the next one; then, in one turn, seals under it from there on, calls `publish`, and has the
   * ending keyset sign its last leaf, which names the next. Resolves when that leaf is durable. When logging the report fails, nothing
   * has changed. When only the last leaf fails, the next keyset is in force and the leaf is written before anything else is sealed.
   */
  succeed(next: KeysetRegistration, publish: () => void): Promise<void>;
  /** The newest logged report of a keyset, as it was served; `null` when none was logged. */
  loggedReport(keysetDigest: string): Promise<{ readonly report: JsonObject; readonly nonce: string | null } | null>;
  /** Committed rows of a collection. */
  readState(collection: string, key: string): Promise<StateRow | null>;
  listState(collection: string): Promise<readonly StateRow[]>;
  /**
   * What the log says of a collection; `null` when no receipt names it. Reads the newest such receipt as it stands in the store: `checkLog`
   * verifies receipts.
   */
  writtenState(collection: string): Promise<WrittenState | null>;
  /**
   * The oldest version that may take over the store by the newest receipt that says so, as it stands in the store; `null` when none does.
   */
  loggedFloor(): Promise<string | null>;
  /** Long work that outlives requests and restarts. */
  readonly jobs: Jobs;
  /** Whether other agents may be on the same store. */
  readonly shared: boolean;
  readonly coordination: Coordination;
  /** The agents on a shared store; `null` on the embedded one. */
  readonly fleet: Fleet | null;
  /** What commands did to the store, and which payloads they erased. */
  readonly upkeep: UpkeepLog;
  /** API keys in addition to that of the settings, and what each key used. */
  readonly keys: ApiKeys;
  /** C2SP signed note of the newest checkpoint. */
  checkpoint(): Promise<string>;
  /** Root over the first `size` entries, 32 bytes; `null` when fewer are committed. */
  rootAt(size: number): Promise<Uint8Array | null>;
  /** Consistency path (RFC 6962 §2.1.2) between two committed sizes, 0 < `size1` ≤ `size2`; 32 bytes each. */
  consistency(size1: number, size2: number): Promise<readonly Uint8Array[]>;
  /** Bytes of a tlog-tiles path below `/log/`, e.g. `tile/0/000`, `tile/entries/000.p/7`; `null` when it does not exist. */
  tile(path: string): Promise<Uint8Array | null>;
  /** What keeps the log, for people: `embedded SQLite`. */
  readonly storeName: string;
  /** The log's origin line. */
  readonly origin: string;
  /** Verifier keys (vkey lines) of the log. */
  readonly verifierKeys: readonly string[];
  close(): Promise<void>;
}
