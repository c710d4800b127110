/** Events of a receipt: flat objects with a type (spec/receipt.md §2). The vocabulary is open; the form is not. */

import type { Json, JsonObject } from '@assay/encoding/json';
import { isDigest } from './digest.ts';
import { ReceiptError } from './errors.ts';

/** A type and that type's fields. */
export type ReceiptEvent = { readonly type: string } & JsonObject;

const TYPE = /^[a-z]+(?:-[a-z]+)*(?:\.[a-z]+(?:-[a-z]+)*)+$/;
const FIELD = /^[a-z][a-z0-9_]*$/;
const MAX_EVENT_LENGTH = 64 * 1024;

/**
 * The event in `value`, checked for form: a dotted type; fields that are strings, safe integers, booleans, null or lists of strings;
 * a digest in every field that ends in `_hash` (or null).
 * @throws {ReceiptError} `receipt/event-malformed`.
 * @example parseEvent({ type: 'code.generated', language: 'python', code_hash: digestBytes(code), source: 'model' })
 */
export function parseEvent(value: unknown): ReceiptEvent {
  const malformed = (why: string) => new ReceiptError('receipt/event-malformed', `event refused: ${why}`);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw malformed('expected an object');
  const event = value as JsonObject;
  const { type } = event;
  if (typeof type !== 'string' || !TYPE.test(type)) throw malformed('expected a type like code.executed');
  let length = 0;
  for (const [name, field] of Object.entries(event)) {
    const place = `${type}.${name}`;
    if (!FIELD.test(name)) throw malformed(`${place}: expected a name in lower case with underscores`);
    if (!isFlat(field)) throw malformed(`${place}: expected text, a whole number, true, false, null or a list of texts`);
    if (name.endsWith('_hash') && field !== null && !isDigest(field)) throw malformed(`${place}: expected sha256:<64 hex>`);
    length += name.length + (Array.isArray(field) ? field.join().length : String(field).length);
  }
  if (length > MAX_EVENT_LENGTH)
    throw malformed(`${type}: expected at most ${MAX_EVENT_LENGTH} characters; keep a payload and name its hash`);
  return event as ReceiptEvent;
}

function isFlat(field: Json | undefined): boolean {
  if (field === null || typeof field === 'string' || typeof field === 'boolean') return true;
  if (typeof field === 'number') return Number.isSafeInteger(field);
  return Array.isArray(field) && field.every((member) => typeof member === 'string');
}

/** What a `payload.kept` event says. */
export interface KeptPayload {
  readonly name: string;
  readonly media_type: string;
  readonly bytes: number;
  readonly hash: string;
}

/**
 * The payloads that a list of events says were kept, in order.
 * @example for (const { hash } of keptPayloads(receipt.event_log)) console.log(hash)
 */
export function keptPayloads(events: readonly ReceiptEvent[]): readonly KeptPayload[] {
  return events
    .filter((event) => event.type === 'payload.kept')
    .map((event) => {
      const { name, media_type, bytes, hash } = event as JsonObject;
      if (typeof name !== 'string' || typeof media_type !== 'string' || typeof bytes !== 'number' || !isDigest(hash))
        throw new ReceiptError('receipt/event-malformed', 'payload.kept: expected name, media_type, bytes and hash');
      return { name, media_type, bytes, hash };
    });
}

/** What a `payloads.erased` event says. */
export interface ErasedPayloads {
  readonly receiptId: string;
  /** `sha256:<hex>`. */
  readonly hashes: ReadonlySet<string>;
}

/** The payloads that a receipt of the task `erasure` says were erased; none in receipts of other tasks. */
export function erasedPayloads(events: readonly ReceiptEvent[]): readonly ErasedPayloads[] {
  if (events.find(({ type }) => type === 'task.received')?.task !== 'erasure') return [];
  return events
    .filter(({ type }) => type === 'payloads.erased')
    .map(({ receipt_id: receiptId, hashes }) => {
      if (typeof receiptId !== 'string' || !Array.isArray(hashes))
        throw new ReceiptError('receipt/event-malformed', 'payloads.erased: expected receipt_id and hashes');
      return { receiptId, hashes: new Set(hashes.map(String)) };
    });
}

/**
 * The client's nonce in `task.received`, or `null`.
 * @example taskNonce(receipt.event_log) === nonce
 */
export function taskNonce(events: readonly ReceiptEvent[]): string | null {
  const nonce = events.find((event) => event.type === 'task.received')?.nonce;
  return typeof nonce === 'string' ? nonce : null;
}
