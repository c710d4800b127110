/**
 * Answers that can be large. They go out piece by piece as fast as they are read, and what they hold until then is counted, so that
 * readers who do not read cost no more memory than connections. What stands in the store is read while it goes out.
 */

import type { Reservation } from '@assay/encoding/budget';
import { utf8 } from '@assay/encoding/bytes';
import type { StoredBytes } from '@assay/ledger';
import { holdMemory } from './held-memory.ts';

const PIECE_BYTES = 64 * 1024;

/** Head of an answer. */
export interface AnswerHead {
  readonly status?: number | undefined;
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * An answer out of the store. Nothing of it is read before somebody takes it.
 * @throws {ServerError} `server/busy`.
 */
export function storedAnswer(stored: StoredBytes, { status = 200, headers }: AnswerHead): Response {
  const held = holdMemory('answer', stored.heldBytes);
  const body = streamOf(stored.pieces(), held);
  return new Response(body, { status, headers: { ...headers, 'content-length': String(stored.length) } });
}

/**
 * An answer that is in memory.
 * @param held - memory that is already counted for it; it is released when the answer is out.
 * @throws {ServerError} `server/busy` when it is long and nothing was counted for it.
 */
export function heldAnswer(content: string | Uint8Array, { status = 200, headers }: AnswerHead, held?: Reservation): Response {
  const bytes = typeof content === 'string' ? utf8(content) : content;
  if (bytes.length <= PIECE_BYTES) {
    held?.release();
    return new Response(bytes as BodyInit, { status, headers: { ...headers, 'content-length': String(bytes.length) } });
  }
  const body = streamOf(slices(bytes), held ?? holdMemory('answer', bytes.length));
  return new Response(body, { status, headers: { ...headers, 'content-length': String(bytes.length) } });
}

function* slices(bytes: Uint8Array): Generator<Uint8Array> {
  // Copies: a view that waits in a socket would keep all of the answer.
  for (let at = 0; at < bytes.length; at += PIECE_BYTES) yield bytes.slice(at, at + PIECE_BYTES);
}

/** A stream that gives `held` back however it ends: read to its end, broken, or left. */
function streamOf(pieces: Iterable<Uint8Array> | AsyncIterable<Uint8Array>, held: Reservation): ReadableStream<Uint8Array> {
  const source = inTurn(pieces);
  return new ReadableStream({
    async pull(controller) {
      try {
        const { done, value } = await source.next();
        if (done !== true) return controller.enqueue(value);
        held.release();
        controller.close();
      } catch (error) {
        held.release();
        throw error;
      }
    },
    async cancel() {
      held.release();
      await source.return(undefined);
    },
  });
}

async function* inTurn(pieces: Iterable<Uint8Array> | AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield* pieces;
}
