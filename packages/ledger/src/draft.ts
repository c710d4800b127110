/** A receipt being written: events in order, payloads by hash (spec/receipt.md §2 and §3). */

import { hash } from 'node:crypto';
import { encodeHex } from '@assay/encoding/hex';
import type { Json, JsonObject } from '@assay/encoding/json';
import { type Digest, parseEvent, ReceiptError, type ReceiptEvent } from '@assay/receipt';
import { LedgerError } from './errors.ts';
import type { DraftOptions, ReceiptDraft } from './port.ts';
import { RandomPool } from './random-pool.ts';
import type { StoredPayload } from './store.ts';

/** Event types that only the ledger writes. */
const RESERVED: ReadonlySet<string> = new Set(['request.received', 'task.received', 'payload.kept']);
const MAX_EVENTS = 10_000;
const MAX_PAYLOAD_BYTES = 512 * 1024 * 1024;
const NAME = /^[^\p{Cc}]{1,512}$/u;
const MEDIA_TYPE = /^[a-z0-9.+-]+\/[a-z0-9.+-]+(?:; ?[a-z0-9-]+=[a-zA-Z0-9._-]+)*$/;

const random = new RandomPool();

export interface KeptPayload {
  readonly digest: Digest;
  readonly bytes: Uint8Array;
  readonly kind: StoredPayload['kind'];
  readonly mediaType: string;
}

/** Time first, so that new ids stand together in the database's index; then 80 random bits. */
export function newReceiptId(startedAt: number): string {
  return `rcpt_${startedAt.toString(16).padStart(12, '0')}${encodeHex(random.take(10))}`;
}

export class Draft implements ReceiptDraft {
  readonly receiptId: string;
  readonly options: DraftOptions;
  /** Epoch milliseconds. */
  readonly startedAt: number;
  /** Settles when it is known whether the nonce was used. */
  admitted: Promise<void> = Promise.resolve();
  started: Promise<void> = Promise.resolve();
  finished = false;
  /** A seal of it failed, and may have been committed all the same. */
  tried = false;
  readonly #events: ReceiptEvent[];
  readonly #payloads = new Map<string, KeptPayload>();
  #payloadBytes = 0;

  constructor(options: DraftOptions, startedAt: number) {
    this.options = options;
    this.startedAt = options.reserved?.startedAt ?? startedAt;
    this.receiptId = options.reserved?.receiptId ?? newReceiptId(startedAt);
    this.#events = [
      { type: 'request.received', body_hash: digestOf(options.requestBody) },
      { type: 'task.received', task_id: options.taskId, task: options.task, nonce: options.nonce },
    ].map((event) => parseEvent(event));
  }

  get taskId(): string {
    return this.options.taskId;
  }

  append(event: { readonly type: string } & JsonObject): void {
    this.#assertOpen();
    if (RESERVED.has(event.type))
      throw new LedgerError('ledger/event-refused', `${event.type} is written by the ledger; append the task's own events`);
    if (this.#events.length >= MAX_EVENTS)
      throw new LedgerError('ledger/event-refused', `expected at most ${MAX_EVENTS} events in one receipt`);
    try {
      this.#events.push(copyOf(parseEvent(event)));
    } catch (cause) {
      if (!ReceiptError.is(cause)) throw cause;
      throw new LedgerError('ledger/event-refused', `${cause.message}; see spec/receipt.md §2`, { cause });
    }
  }

  payload(name: string, mediaType: string, bytes: Uint8Array): Digest {
    return this.#keep({ name, mediaType, bytes, kind: 'private' });
  }

  session(name: string, bytes: Uint8Array): Digest {
    return this.#keep({ name, mediaType: 'application/json', bytes, kind: 'session' });
  }

  #keep({ name, mediaType, bytes, kind }: Omit<KeptPayload, 'digest'> & { readonly name: string }): Digest {
    this.#assertOpen();
    const refused = (why: string) => new LedgerError('ledger/payload-refused', `payload refused: ${why}`);
    if (!NAME.test(name)) throw refused('expected a name of 1 to 512 printable characters');
    if (!MEDIA_TYPE.test(mediaType))
      throw refused(`expected a media type like text/plain, got ${JSON.stringify(mediaType.slice(0, 80))}`);
    if (this.#payloads.has(name)) throw refused(`expected unique names, got ${JSON.stringify(name)} twice`);
    if (this.#payloadBytes + bytes.length > MAX_PAYLOAD_BYTES)
      throw refused(`expected at most ${MAX_PAYLOAD_BYTES} bytes in one receipt`);
    const copy = bytes.slice();
    const digest = digestOf(copy);
    this.#payloadBytes += copy.length;
    this.#payloads.set(name, { digest, bytes: copy, kind, mediaType });
    return digest;
  }

  /** All events of the receipt, the ledger's own included. */
  events(): readonly ReceiptEvent[] {
    const kept = [...this.#payloads].map(([name, { mediaType, digest, bytes }]) =>
      parseEvent({ type: 'payload.kept', name, media_type: mediaType, bytes: bytes.length, hash: digest }),
    );
    return [...this.#events, ...kept];
  }

  payloads(): readonly KeptPayload[] {
    return [...this.#payloads.values()];
  }

  #assertOpen(): void {
    if (this.finished)
      throw new LedgerError('ledger/draft-finished', `the draft ${this.receiptId} is sealed or given up; open another`);
  }
}

/** The digest as `digestBytes` gives it, by the runtime's own SHA-256: payloads can be large. */
function digestOf(bytes: Uint8Array): Digest {
  return `sha256:${hash('sha256', bytes)}`;
}

/** A copy that the task cannot change any more; events are flat (lists of texts at most). */
function copyOf(event: ReceiptEvent): ReceiptEvent {
  const copy: Record<string, Json> = { ...event };
  for (const name of Object.keys(copy)) {
    const field = copy[name];
    if (Array.isArray(field)) copy[name] = [...field];
  }
  return copy as ReceiptEvent;
}
