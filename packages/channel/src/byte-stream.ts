/** Between web streams and async iteration, for platforms that cannot iterate a stream or make one from an iterable. */

/**
 * A stream that pulls from `source` only as fast as it is read, and stops `source` when it is cancelled.
 * @example const answer = new Response(toReadableStream(pieces))
 */
export function toReadableStream(source: AsyncGenerator<Uint8Array>): ReadableStream<Uint8Array> {
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await source.next();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    async cancel() {
      await source.return(undefined);
    },
  });
}

/**
 * The pieces of a stream as they arrive; the stream is cancelled when the reader stops early or `signal` aborts.
 * @example if (answer.body !== null) for await (const piece of readPieces(answer.body)) console.log(piece.length)
 */
export async function* readPieces(stream: ReadableStream<Uint8Array>, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
  const reader = stream.getReader();
  let complete = false;
  try {
    for (;;) {
      signal?.throwIfAborted();
      const { done, value } = await reader.read();
      if (done) {
        complete = true;
        return;
      }
      yield value;
    }
  } finally {
    if (!complete) await reader.cancel().catch(() => undefined);
  }
}
