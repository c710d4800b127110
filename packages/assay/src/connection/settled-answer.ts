/**
 * An answer that is handed on as it arrives, except for what makes it look complete: that waits until the answer is settled, its receipt
 * or signature checked. A reader who stops at the end mark of a stream therefore has a checked answer too.
 */

import { HeldEnd, readPieces, toReadableStream } from '@assay/channel';
import type { Reservation } from '@assay/encoding/budget';
import { concatBytes, joinBytes } from '@assay/encoding/bytes';
import { ClientError } from '../errors.ts';
import { MAX_ANSWER_BYTES } from './answer-content.ts';

const MAX_EVENT_BYTES = 16 * 1024 * 1024;

/**
 * `answer` with its end behind `settle`. Event streams are cut at the event that ends them; any other body looks complete only as a whole,
 * and is held as one.
 *
 * @param settle - Called once with the whole body. When it throws, the body ends in that error and what was held never goes out.
 * @param held - Grows by what is kept until then; the caller releases it.
 * @throws the body does, with {ClientError} `client/answer-oversize` for more than 64 MiB; {EncodingError} `event-stream/limit`.
 * @example const checked = settledAnswer(answer, async (bytes) => assertCovers(receipt, { request, answer: bytes }));
 */
export function settledAnswer(answer: Response, settle: (bytes: Uint8Array) => Promise<void>, held?: Reservation): Response {
  const { body, status, headers } = answer;
  if (body === null) return answer;
  const streamed = headers.get('content-type')?.startsWith('text/event-stream') === true;
  const pieces = bounded(readPieces(body), held);
  return new Response(toReadableStream(streamed ? cutAtEnd(pieces, settle) : whole(pieces, settle)), { status, headers });
}

/**
 * As {@link settledAnswer}, with what `settle` found: it resolves when the body was read to its end, and rejects with the error the body ends in.
 * @example const { response, settled } = settledWith(answer, async (bytes) => decodeUtf8(bytes));
 */
export function settledWith<Value>(
  answer: Response,
  settle: (bytes: Uint8Array) => Promise<Value>,
): { readonly response: Response; readonly settled: Promise<Value> } {
  let response = answer;
  const settled = new Promise<Value>((resolve, reject) => {
    response = settledAnswer(answer, async (bytes) => {
      try {
        resolve(await settle(bytes));
      } catch (error) {
        reject(error);
        throw error;
      }
    });
  });
  settled.catch(() => undefined); // the body ends in the same error
  return { response, settled };
}

type Settle = (bytes: Uint8Array) => Promise<void>;

async function* cutAtEnd(pieces: AsyncIterable<Uint8Array>, settle: Settle): AsyncGenerator<Uint8Array> {
  const end = new HeldEnd(MAX_EVENT_BYTES);
  const all: Uint8Array[] = [];
  let together: Uint8Array = new Uint8Array(0);
  for await (const piece of pieces) {
    all.push(piece);
    const open = end.push(piece);
    // Text that arrives together with the end mark gains nothing by going first.
    if (end.ended) together = concatBytes(together, open);
    else if (open.length > 0) yield open;
  }
  await settle(joinBytes(all));
  const rest = concatBytes(together, end.held(), end.behind());
  if (rest.length > 0) yield rest;
}

async function* whole(pieces: AsyncIterable<Uint8Array>, settle: Settle): AsyncGenerator<Uint8Array> {
  const all: Uint8Array[] = [];
  for await (const piece of pieces) all.push(piece);
  const bytes = joinBytes(all);
  await settle(bytes);
  if (bytes.length > 0) yield bytes;
}

async function* bounded(pieces: AsyncIterable<Uint8Array>, held: Reservation | undefined): AsyncGenerator<Uint8Array> {
  let length = 0;
  for await (const piece of pieces) {
    length += piece.length;
    if (length > MAX_ANSWER_BYTES)
      throw new ClientError(
        'client/answer-oversize',
        `expected an answer of at most ${MAX_ANSWER_BYTES} bytes, got more; ask for less`,
      );
    held?.grow(piece.length);
    yield piece;
  }
}
