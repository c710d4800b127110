/**
 * Reads a stream of bytes to its end, within a bound that is checked before each piece is kept. Memory stays in proportion to the
 * bytes that came, however small the pieces are. A stream that is too long is cancelled, not drained.
 */

import type { Reservation } from './budget.ts';
import { joinBytes } from './bytes.ts';
import { EncodingError } from './errors.ts';

/** What a body can be: of `fetch`, of Node, or nothing. */
export type ByteSource = ReadableStream<Uint8Array> | AsyncIterable<Uint8Array> | Iterable<Uint8Array> | null | undefined;

export interface ReadAtMostOptions {
  /** Longest content, bytes. */
  readonly most: number;
  /** What is read, for the error, e.g. `the answer of https://agent.example`. */
  readonly what: string;
  /** Grows by each piece before it is kept, so that many readers share one budget. The caller releases it. */
  readonly held?: Reservation | undefined;
  /** The error to throw instead of `bytes/limit`. */
  readonly refuse?: ((most: number) => Error) | undefined;
}

/** Pieces below this are copied together, bytes: an array of its own costs some 200 bytes. */
const SMALL = 4096;
const BLOCK = 64 * 1024;

/**
 * All bytes of `source`.
 * @throws {EncodingError} `bytes/limit` when there are more than `most`, or the error of `refuse`; what `held` throws when its budget
 * is spent. The source is cancelled then.
 * @example const body = await readAtMost(answer.body, { most: 1024 * 1024, what: `the answer of ${url}` });
 */
export async function readAtMost(source: ByteSource, options: ReadAtMostOptions): Promise<Uint8Array<ArrayBuffer>> {
  const { most, what, held, refuse } = options;
  const pieces = new Pieces();
  for await (const piece of piecesOf(source)) {
    if (pieces.length + piece.length > most)
      throw (
        refuse?.(most) ??
        new EncodingError(
          'bytes/limit',
          `expected at most ${most} bytes from ${what}, got more; send less, or raise the limit`,
          {
            details: { most },
          },
        )
      );
    held?.grow(piece.length);
    pieces.push(piece);
  }
  return pieces.join();
}

/** Async iteration of any source; leaving it early cancels the source. Not every browser can iterate its own streams. */
async function* piecesOf(source: ByteSource): AsyncGenerator<Uint8Array> {
  if (source === null || source === undefined) return;
  if (!('getReader' in source)) {
    yield* source;
    return;
  }
  const reader = source.getReader();
  let ended = false;
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) yield next.value;
    ended = true;
  } finally {
    if (!ended) await reader.cancel().catch(() => undefined);
    reader.releaseLock();
  }
}

class Pieces {
  readonly #whole: Uint8Array[] = [];
  #block = new Uint8Array(0);
  #filled = 0;
  length = 0;

  push(piece: Uint8Array): void {
    this.length += piece.length;
    if (piece.length >= SMALL) {
      this.#close();
      this.#whole.push(piece);
      return;
    }
    if (this.#filled + piece.length > this.#block.length) {
      this.#close();
      this.#block = new Uint8Array(this.#whole.length === 0 ? SMALL : BLOCK);
    }
    this.#block.set(piece, this.#filled);
    this.#filled += piece.length;
  }

  join(): Uint8Array<ArrayBuffer> {
    this.#close();
    return joinBytes(this.#whole);
  }

  #close(): void {
    if (this.#filled > 0) this.#whole.push(this.#block.subarray(0, this.#filled));
    this.#block = new Uint8Array(0);
    this.#filled = 0;
  }
}
