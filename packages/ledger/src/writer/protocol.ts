/** What the main thread and the writer thread say to each other. Everything survives structured clone. */

import type { KeyObject } from 'node:crypto';
import type { Json } from '@assay/encoding/json';
import type { Digest } from '@assay/receipt';
import type { LedgerErrorCode } from '../errors.ts';
import type { LogKey } from '../log-key.ts';
import type { StateChange } from '../port.ts';
import type { PublishedHead, ReceiptEntry, ReportEntry, StoredPayload, SuccessionEntry, TaskStart } from '../store.ts';

export interface WriterSetup {
  /** Holds the last published checkpoint, and the embedded database. */
  readonly directory: string;
  readonly database: DatabasePlace;
  readonly logKey: LogKey;
  /** Of the data key. */
  readonly dataSecret: KeyObject;
  /** Random id of this start, 32 hex characters. */
  readonly boot: string;
}

export type DatabasePlace =
  | { readonly engine: 'sqlite'; readonly maxBytes?: number | undefined }
  | { readonly engine: 'postgres'; readonly url: string };

/** Requests that make the log longer. */
export type LogRequest =
  | { readonly id: number; readonly kind: 'start'; readonly task: TaskStart }
  | { readonly id: number; readonly kind: 'discard'; readonly receiptId: string }
  | { readonly id: number; readonly kind: 'seal'; readonly entry: ReceiptEntry }
  | { readonly id: number; readonly kind: 'report'; readonly entry: ReportEntry }
  | { readonly id: number; readonly kind: 'succession'; readonly entry: SuccessionEntry };

/** One operation of a room (rows/rooms.ts). */
export interface RowsRequest {
  readonly id: number;
  readonly kind: 'rows';
  readonly operation: string;
  readonly args: unknown;
}

export type WriteRequest = LogRequest | RowsRequest;

type SealRequest = Extract<LogRequest, { readonly kind: 'seal' }>;

/** A request to seal as it crosses threads: a list of plain values takes a third of the time that objects with names take. */
export type PackedSeal = readonly [
  id: number,
  task: readonly [receiptId: string, taskId: string, task: string, startedAt: number, access: string | null],
  receipt: readonly [
    body: string,
    chatId: string | null,
    nonce: string | null,
    keysetDigest: string,
    time: number,
    again: boolean,
  ],
  changes: readonly StateChange[],
  payloads: readonly (readonly [digest: Digest, bytes: Uint8Array, kind: StoredPayload['kind']])[],
];

/** The request for its way to the writer. */
export function packedSeal({ id, entry }: SealRequest): PackedSeal {
  const { receiptId, taskId, task, startedAt, access, body, chatId, nonce, keysetDigest, time, again = false, changes } = entry;
  const payloads = entry.payloads.map(({ digest, bytes, kind }) => [digest, bytes, kind] as const);
  return [
    id,
    [receiptId, taskId, task, startedAt, access],
    [body, chatId, nonce, keysetDigest, time, again],
    changes,
    payloads,
  ];
}

/** The request that came. */
export function unpackedSeal([id, begun, sealed, changes, packed]: PackedSeal): SealRequest {
  const [receiptId, taskId, task, startedAt, access] = begun;
  const [body, chatId, nonce, keysetDigest, time, again] = sealed;
  const payloads = packed.map(([digest, bytes, kind]) => ({ digest, bytes, kind }));
  const entry = {
    receiptId,
    taskId,
    task,
    startedAt,
    access,
    body,
    chatId,
    nonce,
    keysetDigest,
    time,
    again,
    changes,
    payloads,
  };
  return { id, kind: 'seal', entry };
}

/** Requests come in lists; one list is at most one transaction. */
export type ToWriter =
  | { readonly kind: 'write'; readonly requests: readonly (PackedSeal | Exclude<WriteRequest, SealRequest>)[] }
  | { readonly kind: 'publish'; readonly id: number; readonly time: number }
  | { readonly kind: 'close'; readonly id: number };

export interface WrittenError {
  readonly code: LedgerErrorCode;
  readonly message: string;
}

/** Where an entry went; its checkpoint stands once in the list of answers. */
export interface WrittenEntry {
  readonly index: number;
  readonly leaf: string;
  readonly salt: string;
  /** Lines of base64, as in a `tlog-proof`. */
  readonly path: string;
}

export type Answer =
  | { readonly id: number; readonly entry: WrittenEntry }
  | { readonly id: number; readonly value: PublishedHead | Json }
  | { readonly id: number; readonly error: WrittenError };

export type FromWriter =
  | { readonly kind: 'ready' }
  | { readonly kind: 'refused'; readonly error: WrittenError }
  | { readonly kind: 'answers'; readonly answers: readonly Answer[]; readonly checkpoint: string };
