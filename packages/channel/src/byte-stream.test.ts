/** A stream from a generator and back: everything arrives, the end is told, and their source is stopped when they are not read to the end. */

import { expect, test } from 'vitest';
import { readPieces, toReadableStream } from './byte-stream.ts';

const PIECES = [Uint8Array.of(1), Uint8Array.of(2, 3), Uint8Array.of(4)];

/** A source that says how many pieces were asked for, and whether it was stopped. */
function source() {
  const state = { made: 0, stopped: false };
  async function* pieces(): AsyncGenerator<Uint8Array> {
    try {
      for (const piece of PIECES) {
        state.made += 1;
        yield piece;
      }
    } finally {
      state.stopped = true;
    }
  }
  return { state, pieces: pieces() };
}

/** What `read` gives; `'nothing yet'` when it does not settle. */
async function soon<Value>(read: Promise<Value>): Promise<Value | 'nothing yet'> {
  let timer: NodeJS.Timeout | undefined;
  const later = new Promise<'nothing yet'>((resolve) => {
    timer = setTimeout(resolve, 2000, 'nothing yet');
  });
  return Promise.race([read, later]).finally(() => clearTimeout(timer));
}

test('a stream gives every piece of its source, then its end', async () => {
  const reader = toReadableStream(source().pieces).getReader();
  for (const value of PIECES) expect(await soon(reader.read())).toEqual({ done: false, value });
  expect(await soon(reader.read())).toEqual({ done: true, value: undefined });
});

test('a stream that is cancelled stops its source', async () => {
  const { state, pieces } = source();
  const reader = toReadableStream(pieces).getReader();
  await soon(reader.read());
  await reader.cancel();
  expect(state.stopped).toBe(true);
  expect(state.made).toBeLessThan(PIECES.length);
});

/** A stream of pieces without end. */
function endless(cancel: () => void): ReadableStream<Uint8Array> {
  return new ReadableStream({ pull: (controller) => controller.enqueue(Uint8Array.of(1)), cancel });
}

const refusing = (): never => {
  throw new Error('cannot be cancelled');
};

test.each<[string, (stream: ReadableStream<Uint8Array>) => Promise<unknown>]>([
  [
    'the reader stops after a piece',
    async (stream) => {
      for await (const _ of readPieces(stream)) break;
    },
  ],
  [
    'the reader fails',
    async (stream) => {
      for await (const _ of readPieces(stream)) throw new Error('of the reader');
    },
  ],
  [
    'the signal aborts',
    async (stream) => {
      const stop = new AbortController();
      for await (const _ of readPieces(stream, stop.signal)) stop.abort(new Error('of the signal'));
    },
  ],
])('when %s, the stream is cancelled', async (_name, read) => {
  const outcome = async (cancel: () => void) => read(endless(cancel)).catch(({ message }: Error) => message);
  let cancelled = 0;
  const expected = await outcome(() => {
    cancelled += 1;
  });
  expect(cancelled).toBe(1);
  expect(await outcome(refusing)).toEqual(expected); // a stream that cannot be cancelled hides no error of the reader
});

test('a stream that was read to its end is not cancelled', async () => {
  let cancelled = 0;
  const stream = new ReadableStream<Uint8Array>({
    start(controller) {
      for (const piece of PIECES) controller.enqueue(piece);
      controller.close();
    },
    cancel: () => {
      cancelled += 1;
    },
  });
  const read: Uint8Array[] = [];
  for await (const piece of readPieces(stream)) read.push(piece);
  expect([read, cancelled]).toEqual([PIECES, 0]);
});
