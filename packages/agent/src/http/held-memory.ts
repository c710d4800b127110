/**
 * The memory that requests and answers in progress may hold, one amount for all of them with smaller parts inside: a slow sender
 * cannot take what answers need, strangers cannot take what known senders need, and a reader that does not read cannot take either.
 *
 * The first bytes of each are free: a prompt is let in, and a short answer goes out, also while large ones fill their part. Connections
 * bound how many such beginnings there are.
 */

import { Budget, type Reservation } from '@assay/encoding/budget';
import { ServerError } from '../errors.ts';

const MIB = 1024 * 1024;
/** Bytes of a body that are not counted. */
const FREE_BYTES = 64 * 1024;
const RETRY_AFTER_SECONDS = 2;

const busy = (): ServerError =>
  new ServerError('server/busy', 'the agent holds as many large requests and answers as it may; try again in a moment', {
    details: { retryAfterSeconds: RETRY_AFTER_SECONDS },
  });

const ALL = new Budget({ name: 'bytes held for requests and answers', limit: 256 * MIB, refuse: busy });
const REQUESTS = new Budget({ name: 'bytes held for requests', limit: 192 * MIB, parent: ALL, refuse: busy });

/** What a part of the memory is held for. */
export const HELD = {
  request: REQUESTS,
  /** Of senders that nothing is known of yet. */
  sealedRequest: new Budget({ name: 'bytes held for sealed requests', limit: 96 * MIB, parent: REQUESTS, refuse: busy }),
  answer: new Budget({ name: 'bytes held for answers', limit: 160 * MIB, parent: ALL, refuse: busy }),
} as const;

/**
 * Memory for one body, of which the beginning is not counted. Release it when nothing of the body is held any more.
 * @throws {ServerError} `server/busy`, here and when it grows.
 * @example const held = holdMemory('answer', 64 * 1024)
 */
export function holdMemory(kind: keyof typeof HELD, bytes = 0): Reservation {
  const counted = (length: number): number => Math.max(0, length - FREE_BYTES);
  let amount = bytes;
  const held = HELD[kind].reserve(counted(amount));
  return {
    get amount() {
      return amount;
    },
    grow: (by) => {
      held.grow(counted(amount + by) - counted(amount));
      amount += by;
    },
    shrinkTo: (to) => {
      if (to >= amount) return;
      amount = to;
      held.shrinkTo(counted(amount));
    },
    release: held.release,
  };
}
