/** Streams are read within their bound: counted before a piece is kept, cancelled when too long, small pieces at no extra cost. */

import { describe, expect, it } from 'vitest';
import { readAtMost } from './bounded-reader.ts';
import { Budget } from './budget.ts';
import { utf8 } from './bytes.ts';

const MIB = 1024 * 1024;

/** A stream of `pieces` that counts what was taken from it and whether it was cancelled. */
function source(pieces: readonly Uint8Array[]) {
  const seen = { pulled: 0, cancelled: false };
  const stream = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        const piece = pieces[seen.pulled++];
        if (piece === undefined) controller.close();
        else controller.enqueue(piece);
      },
      cancel() {
        seen.cancelled = true;
      },
    },
    { highWaterMark: 0 },
  );
  return { seen, stream };
}

describe('readAtMost', () => {
  it.each([
    ['nothing', null, ''],
    ['a stream', source([utf8('ab'), utf8(''), utf8('cd')]).stream, 'abcd'],
    ['a list', [utf8('a'), utf8('b')], 'ab'],
  ])('reads %s', async (_, input, text) => {
    expect(new TextDecoder().decode(await readAtMost(input, { most: 4, what: 'x' }))).toBe(text);
  });

  it('cancels a stream that is too long, without reading on', async () => {
    const { seen, stream } = source(Array.from({ length: 100 }, () => new Uint8Array(10)));
    const refusal = {
      code: 'bytes/limit',
      message: expect.stringContaining('at most 25 bytes from the answer of x, got more; send less'),
    };
    await expect(readAtMost(stream, { most: 25, what: 'the answer of x' })).rejects.toThrow(expect.objectContaining(refusal));
    expect(seen).toEqual({ pulled: 3, cancelled: true });
  });

  it('throws the error of its caller when it has one', async () => {
    const refuse = (most: number): Error => new RangeError(`more than ${most}`);
    await expect(readAtMost([new Uint8Array(3)], { most: 2, what: 'x', refuse })).rejects.toThrow(
      new RangeError('more than 2'),
    );
  });

  it('takes from a shared budget before it keeps a piece', async () => {
    const budget = new Budget({ name: 'held', limit: 25 });
    const held = budget.reserve(0);
    const { seen, stream } = source(Array.from({ length: 100 }, () => new Uint8Array(10)));
    await expect(readAtMost(stream, { most: 1000, what: 'x', held })).rejects.toThrow('25 held');
    expect(seen).toEqual({ pulled: 3, cancelled: true });
    expect(held.amount).toBe(20);
  });

  it('keeps memory in proportion to the bytes, not to the number of pieces', async () => {
    function* crumbs(): Generator<Uint8Array> {
      for (let i = 0; i < MIB; i++) yield Uint8Array.of(i & 0xff);
    }
    const before = process.memoryUsage();
    const bytes = await readAtMost(crumbs(), { most: MIB, what: 'x' });
    const after = process.memoryUsage();
    expect(bytes.length).toBe(MIB);
    expect(bytes.every((byte, index) => byte === (index & 0xff))).toBe(true);
    expect(after.arrayBuffers - before.arrayBuffers).toBeLessThan(8 * MIB);
  });
});
