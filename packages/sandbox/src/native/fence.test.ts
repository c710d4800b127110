import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Fence } from './fence.ts';

const MARK = '00112233445566778899aabbccddeeff';

async function isPassed(fence: Fence): Promise<boolean> {
  return Promise.race([fence.passed.then(() => true), new Promise<boolean>((resolve) => setTimeout(() => resolve(false), 5))]);
}

describe('fence', () => {
  it('gives everything before the mark, wherever the stream is cut', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 80 }), fc.array(fc.nat(96), { maxLength: 6 }), async (before, cuts) => {
        const stream = Buffer.concat([before, Buffer.from(MARK, 'hex')]);
        const fence = new Fence(MARK);
        const edges = [0, ...cuts.map((cut) => Math.min(cut, stream.length)).sort((a, b) => a - b), stream.length];
        const parts = edges.slice(1).map((end, index) => fence.write(stream.subarray(edges[index], end)));
        expect(Buffer.concat(parts)).toEqual(Buffer.from(before));
        expect(await isPassed(fence)).toBe(true);
      }),
      { numRuns: 50 },
    );
  });

  it('waits while there is only a part of the mark', async () => {
    const fence = new Fence(MARK);
    fence.write(Buffer.from(MARK, 'hex').subarray(0, 15));
    expect(await isPassed(fence)).toBe(false);
  });
});
