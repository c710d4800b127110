import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeFrame, encodeFrame, FrameReader } from './frames.ts';

const bounds = { maxFrameBytes: 1000, maxHeadBytes: 100 };

describe('frames', () => {
  it('come back as written, however the stream is cut', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 0, max: 255 }), fc.dictionary(fc.string(), fc.integer()), fc.uint8Array()), {
          maxLength: 6,
        }),
        fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }),
        (wanted, cuts) => {
          const stream = Buffer.concat(wanted.map(([type, head, body]) => encodeFrame(type, head, body)));
          const reader = new FrameReader();
          const got = [];
          for (let at = 0, turn = 0; at < stream.length; turn += 1) {
            const size = cuts[turn % cuts.length] ?? 1;
            got.push(...reader.push(stream.subarray(at, at + size)));
            at += size;
          }
          expect(got.map((frame) => [frame.type, { ...frame.head }, [...frame.body]])).toEqual(
            wanted.map(([type, head, body]) => [type, { ...head }, [...body]]),
          );
        },
      ),
      { numRuns: 60 },
    );
  });

  const u32 = (value: number): number[] => [value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255];
  it.each([
    ['a length over the bound, before its bytes come', [...u32(1001)]],
    ['a length of 4 GB', [...u32(0xffffffff)]],
    ['a length too short for type and head', [...u32(4), 0, 0, 0, 0]],
    ['a head longer than the frame', [...u32(6), 1, ...u32(2), 0x7b]],
    ['a head over the bound', [...u32(206), 1, ...u32(201), ...new Array(201).fill(0x20)]],
    ['a head that is no JSON', [...u32(6), 1, ...u32(1), 0x7b]],
    ['a head that is a list', [...u32(7), 1, ...u32(2), 0x5b, 0x5d]],
    ['a head that is null', [...u32(9), 1, ...u32(4), ...Buffer.from('null')]],
    ['a head that is not UTF-8', [...u32(7), 1, ...u32(2), 0xff, 0xfe]],
  ])('refuse %s', (_name, bytes) => {
    expect(() => new FrameReader(bounds).push(Uint8Array.from(bytes))).toThrow();
  });

  it('never read past what they were given', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        try {
          const frame = decodeFrame(bytes, bounds);
          expect(frame.body.length).toBeLessThanOrEqual(bytes.length - 5);
        } catch (error) {
          expect(error).toBeInstanceOf(Error);
        }
      }),
    );
  });
});
