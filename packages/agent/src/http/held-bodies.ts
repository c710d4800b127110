/** Bodies that are still being read: a slow sender holds memory of the agent, and `/ohttp` takes bodies from strangers. */

import type { IncomingMessage } from 'node:http';
import { type ByteSource, readAtMost } from '@assay/encoding/bounded-reader';
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
const messages = new WeakMap<Request, IncomingMessage>();

/** Has the body of a request read from the message that it came in: `request.body` would make a platform `Request` around it first. */
export function cameIn(request: Request, message: IncomingMessage): void {
  messages.set(request, message);
}

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
    const bytes = await readAtMost(bodyOf(request), { most, what: 'the request', held, refuse: tooLong });
    lengths.set(request, bytes.length);
    return bytes;
  } finally {
    held.release();
  }
}

function bodyOf(request: Request): ByteSource {
  const message = messages.get(request);
  // What came whole from a sender that has gone since is read by the adapter.
  if (message === undefined || message.destroyed || message.readableDidRead) return request.body;
  return received(message);
}

/** Copies: a chunk is a view of all that the socket read. A body that is left early leaves the socket open for the refusal. */
async function* received(message: IncomingMessage): AsyncGenerator<Uint8Array> {
  for await (const chunk of message.iterator({ destroyOnReturn: false })) yield new Uint8Array(chunk as Buffer);
}
