/**
 * What tasks hold in memory until their receipt is durable: the request, the files they read, and all that goes into the receipt. One
 * amount for all tasks together. It is taken before the work begins where the size is known before, and otherwise before it is kept; the
 * beginning of each task is free, so that a small one never waits for large ones.
 */

import { Budget, type Reservation } from '@assay/encoding/budget';
import type { ReceiptDraft } from '@assay/ledger';
import { ServerError } from '../errors.ts';

const MIB = 1024 * 1024;
/** Bytes of a task that are not counted; the number of tasks bounds them. */
const FREE_BYTES = MIB;

const ALL_TASKS = new Budget({
  name: 'bytes held for tasks',
  limit: 256 * MIB,
  refuse: () =>
    new ServerError('server/busy', 'tasks hold as much memory as they may; send less, or try again in a moment', {
      details: { retryAfterSeconds: 2 },
    }),
});

/** The memory of one task. */
export class HeldWork {
  readonly #held: Reservation = ALL_TASKS.reserve(0);
  #bytes = 0;
  #inputs = 0;

  /** @throws {ServerError} `server/busy` for a request that does not fit any more. */
  constructor(requestBytes: number) {
    this.#grow(requestBytes);
  }

  /**
   * Makes room for the files of one attempt; the next attempt reads them into the same room.
   * @throws {ServerError} `server/busy`.
   */
  inputs(bytes: number): void {
    if (bytes <= this.#inputs) return;
    this.#grow(bytes - this.#inputs);
    this.#inputs = bytes;
  }

  /** The draft as tasks see it: what it keeps is counted before it is kept. */
  draft(draft: ReceiptDraft): ReceiptDraft {
    const { receiptId, taskId, started } = draft;
    return {
      receiptId,
      taskId,
      started,
      append: (event) => draft.append(event),
      payload: (name, mediaType, bytes) => {
        this.#grow(bytes.length);
        return draft.payload(name, mediaType, bytes);
      },
      session: (name, bytes) => draft.session(name, bytes),
    };
  }

  release(): void {
    this.#held.release();
  }

  #grow(by: number): void {
    const before = Math.max(0, this.#bytes - FREE_BYTES);
    this.#held.grow(Math.max(0, this.#bytes + by - FREE_BYTES) - before);
    this.#bytes += by;
  }
}
