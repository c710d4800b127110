/**
 * Bodies that are still being read. A slow sender holds memory of the agent, and `/ohttp` takes bodies from strangers, so all of
 * them share one pool, and those from strangers a smaller one inside it. The first bytes of a body are free: a prompt is let in also
 * while large uploads fill the pool. Connections bound how many such beginnings there are.
 */

import { readAtMost } from '@assay/encoding/bounded-reader';
import { Budget } from '@assay/encoding/budget';
import { ServerError } from '../errors.ts';

/** Bytes of a body that are not counted. */
const FREE_BYTES = 64 * 1024;
const RETRY_AFTER_SECONDS = 2;

const busy = (): ServerError =>
  new ServerError('server/busy', 'the agent is reading as many large requests as it may hold; try again in a moment', {
    details: { retryAfterSeconds: RETRY_AFTER_SECONDS },
  });

const ALL = new Budget({ name: 'bytes held for requests', limit: 256 * 1024 * 1024, refuse: busy });
const STRANGERS = new Budget({ name: 'bytes held for sealed requests', limit: 96 * 1024 * 1024, parent: ALL, refuse: busy });

export interface ReadBodyOptions {
  /** Longest body, bytes. */
  readonly most: number;
  /** `stranger`: nothing is known yet about who sends. */
  readonly sender: 'known' | 'stranger';
  /** The error for a body that is longer. */
  readonly tooLong: () => Error;
}

/**
 * The bytes of a request's body. What it holds while it reads is given back when the body is whole; tasks that then run are counted
 * by their own limit.
 * @throws {ServerError} `server/busy` when the pool is spent; what `tooLong` makes.
 * @example await readBody(request, { most: 1024, sender: 'known', tooLong })
 */
export async function readBody(request: Request, options: ReadBodyOptions): Promise<Uint8Array<ArrayBuffer>> {
  const { most, sender, tooLong } = options;
  if (Number(request.headers.get('content-length') ?? 0) > most) throw tooLong();
  const held = (sender === 'stranger' ? STRANGERS : ALL).reserve(0);
  let seen = 0;
  const counted = {
    amount: 0,
    grow: (by: number): void => {
      const before = Math.max(0, seen - FREE_BYTES);
      seen += by;
      held.grow(Math.max(0, seen - FREE_BYTES) - before);
    },
    shrinkTo: held.shrinkTo,
    release: held.release,
  };
  try {
    return await readAtMost(request.body, { most, what: 'the request', held: counted, refuse: tooLong });
  } finally {
    held.release();
  }
}
