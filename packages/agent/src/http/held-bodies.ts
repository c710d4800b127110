/** Bodies that are still being read: a slow sender holds memory of the agent, and `/ohttp` takes bodies from strangers. */

import { readAtMost } from '@assay/encoding/bounded-reader';
import { holdMemory } from './held-memory.ts';

export interface ReadBodyOptions {
  /** Longest body, bytes. */
  readonly most: number;
  /** `stranger`: nothing is known yet about who sends. */
  readonly sender: 'known' | 'stranger';
  /** The error for a body that is longer. */
  readonly tooLong: () => Error;
}

const lengths = new WeakMap<Request, number>();

/** How many bytes of a request's body were read; 0 when none were. */
export function bytesReadOf(request: Request): number {
  return lengths.get(request) ?? 0;
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
  const held = holdMemory(sender === 'stranger' ? 'sealedRequest' : 'request');
  try {
    const bytes = await readAtMost(request.body, { most, what: 'the request', held, refuse: tooLong });
    lengths.set(request, bytes.length);
    return bytes;
  } finally {
    held.release();
  }
}
