/**
 * The receipt: one signed event log of one piece of work, in the form of `aci/1` §7 with Assay's event types added.
 * Format: spec/receipt.md. Parsing proves nothing; verify-receipt.ts checks the signature.
 */

import { utf8 } from '@assay/encoding/bytes';
import { canonicalJson, type JsonObject } from '@assay/encoding/json';
import { type Digest, isDigest } from './digest.ts';
import { ReceiptError } from './errors.ts';
import { parseEvent, type ReceiptEvent } from './events.ts';
import { foreignVersion, Shape } from './shape.ts';

/** A receipt before it is signed. */
export interface ReceiptContent {
  readonly api_version: 'aci/1';
  readonly receipt_id: string;
  readonly chat_id: string | null;
  readonly model: string | null;
  readonly workload_keyset_digest: Digest;
  readonly endpoint: string;
  readonly method: string;
  /** Epoch seconds, asserted by the agent. */
  readonly served_at: number;
  /** In the order of appending; the first is `request.received`. */
  readonly event_log: readonly ReceiptEvent[];
  readonly key_id: string;
}

export interface Receipt extends ReceiptContent {
  /** Lower-case hex, 64 bytes, over the JCS form of the receipt without this member. */
  readonly signature: string;
}

const MEMBERS = [
  'api_version',
  'receipt_id',
  'chat_id',
  'model',
  'workload_keyset_digest',
  'endpoint',
  'method',
  'served_at',
  'event_log',
  'key_id',
  'signature',
];

/**
 * The receipt in a JSON value. Members beyond those of `aci/1` are kept, as the signature covers them.
 * @throws {ReceiptError} `receipt/malformed`, `receipt/event-malformed`.
 * @example const receipt = parseReceipt(parseJson(bytes))
 */
export function parseReceipt(value: unknown): Receipt {
  const shape = new Shape(value, 'receipt', 'receipt/malformed', { required: MEMBERS, open: true });
  const malformed = (why: string) => new ReceiptError('receipt/malformed', `receipt refused: ${why}`);
  const version = shape.string('api_version');
  if (version !== 'aci/1') throw malformed(foreignVersion('api_version aci/1', version));
  for (const name of ['receipt_id', 'endpoint', 'method', 'key_id']) shape.string(name);
  for (const name of ['chat_id', 'model']) shape.stringOrNull(name);
  shape.count('served_at');
  shape.matching('signature', /^[0-9a-f]{128}$/, '128 lower-case hex characters');
  if (!isDigest(shape.string('workload_keyset_digest')))
    throw malformed('expected workload_keyset_digest like sha256:<64 hex>');
  const events = shape.array('event_log').map(parseEvent);
  const [first] = events;
  if (first?.type !== 'request.received' || !isDigest((first as JsonObject).body_hash))
    throw malformed('expected request.received with a body_hash as the first event');
  return value as Receipt;
}

/** UTF-8 of both JCS forms of a receipt. */
export interface ReceiptForms {
  /** What the signature covers: everything but `signature`. */
  readonly signed: Uint8Array;
  readonly whole: Uint8Array;
}

/** Both forms, of members that are written once. */
export function receiptForms(receipt: Receipt): ReceiptForms {
  const members = Object.keys(receipt)
    .sort()
    .map((name) => ({ name, text: `${canonicalJson(name)}:${canonicalJson(receipt[name as keyof Receipt])}` }));
  const formOf = (list: typeof members): Uint8Array => utf8(`{${list.map(({ text }) => text).join(',')}}`);
  return { signed: formOf(members.filter(({ name }) => name !== 'signature')), whole: formOf(members) };
}

/**
 * The bytes that the receipt's signature covers: UTF-8 of the JCS form of everything but `signature`.
 * @example await verifyEd25519(publicKey, receiptSigningInput(receipt), decodeHex(signature))
 */
export function receiptSigningInput(receipt: ReceiptContent & { readonly signature?: string }): Uint8Array {
  const { signature: _, ...content } = receipt;
  return utf8(canonicalJson(content));
}
