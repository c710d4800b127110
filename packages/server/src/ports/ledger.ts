/**
 * The port to what is sealed and logged. A task opens a draft, appends typed events to it, hands over the payload bytes behind the
 * hashes, and seals. `seal` resolves only when receipt, payloads, nonce and log entry are durable in one transaction.
 *
 * Nothing is answered before `seal` resolved.
 */

/** Any JSON object. */
type JsonObject = { readonly [name: string]: unknown };
/** A signed receipt and its log proof, as JSON; the receipt package names their members. */
type Receipt = JsonObject;
type LogProof = JsonObject;

/** What the receipt is about; fixed when the draft is opened. */
export interface DraftOptions {
  readonly taskId: string;
  /** Task name, e.g. `ai_generate_and_execute`. */
  readonly task: string;
  /** HTTP method and path that brought the request, e.g. `POST`, `/api/process`. */
  readonly method: string;
  readonly endpoint: string;
  /** The client's nonce, 64 lower-case hex characters, claimed once in the transaction of `seal`; `null` when none was sent. */
  readonly nonce: string | null;
}

/** A receipt being written. Events keep the order in which they are appended. */
export interface ReceiptDraft {
  /** `rcpt_` and 32 hex characters; known before sealing so that answers and events can name it. */
  readonly receiptId: string;
  /** Appends one event. `type` is one of those in spec/receipt.md; the other members are that event's fields. */
  append(event: { readonly type: string } & JsonObject): void;
  /** Keeps bytes that an event names by hash; they go into bundles and can be redacted there. Returns lower-case hex SHA-256. */
  payload(name: string, mediaType: string, bytes: Uint8Array): string;
}

export interface SealedReceipt {
  readonly receiptId: string;
  readonly receipt: Receipt;
  /** Index of the log entry and the inclusion proof under a signed checkpoint. */
  readonly proof: LogProof;
}

export interface ReceiptSummary {
  readonly receiptId: string;
  readonly taskId: string;
  readonly task: string;
  /** Epoch seconds. */
  readonly servedAt: number;
  readonly logIndex: number;
  /** False when the agent stopped before the task ended. */
  readonly complete: boolean;
}

export interface Ledger {
  open(options: DraftOptions): ReceiptDraft;
  /** Signs, stores and logs. Rejects with code `ledger/nonce-reused` when the nonce was seen before. */
  seal(draft: ReceiptDraft): Promise<SealedReceipt>;
  find(receiptId: string): Promise<SealedReceipt | null>;
  /** Newest first. */
  list(options: { readonly limit: number; readonly before?: number }): Promise<readonly ReceiptSummary[]>;
  /** The offline bundle of one receipt (spec/bundle.md) as JSON bytes. `redact` leaves payloads out. */
  bundle(receiptId: string, options?: { readonly redact?: boolean }): Promise<Uint8Array | null>;
  /** C2SP signed note of the newest checkpoint. */
  checkpoint(): Promise<string>;
  /** Bytes of a tlog-tiles path below `/log/`, e.g. `tile/0/000`, `tile/entries/000.p/7`; `null` when it does not exist. */
  tile(path: string): Promise<Uint8Array | null>;
  /** Verifier keys (vkey lines) of the log. */
  readonly verifierKeys: readonly string[];
  close(): Promise<void>;
}
