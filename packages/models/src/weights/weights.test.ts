/** Weights read and written in GGML's formats, and perturbed copies of whole files. */

import { expectCode, fakeGguf } from '@assay/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bytesSource } from '../identity/byte-source.ts';
import { parseGgufHeader } from '../identity/gguf-header.ts';
import { identifyModel } from '../identity/model-identity.ts';
import { blockOf, decodeWeights, encodeWeights, isReadable, type ReadableType, type WritableType } from './blocks.ts';
import { fromHalf, toHalf } from './half.ts';
import { PERTURBATIONS, type PerturbationName, perturbedGguf } from './perturbed.ts';

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'hex'));
/** 0 to 31, less 16, over 8. */
const RAMP = Float32Array.from({ length: 32 }, (_, index) => (index - 16) / 8);

describe('half precision', () => {
  it.each([
    [0, 0],
    [-0, 0x8000],
    [1, 0x3c00],
    [-2, 0xc000],
    [65_504, 0x7bff],
    [65_520, 0x7c00],
    [2 ** -14, 0x0400],
    [2 ** -24, 0x0001],
    [2 ** -25, 0x0000],
    [1.5 * 2 ** -24, 0x0002],
    [1 + 2 ** -11, 0x3c00],
    [1 + 3 * 2 ** -11, 0x3c02],
    [Number.POSITIVE_INFINITY, 0x7c00],
    [Number.NaN, 0x7e00],
  ])('%d is %i', (value, bits) => {
    expect(toHalf(value)).toBe(bits);
  });

  it('every half is its own nearest', () => {
    for (let bits = 0; bits < 0x1_0000; bits += 1) {
      const value = fromHalf(bits);
      if (!Number.isNaN(value)) expect(toHalf(value)).toBe(bits);
    }
  });
});

describe('formats', () => {
  it.each<[WritableType, number]>([
    ['F32', 0],
    ['F16', 2 ** -11],
    ['Q8_0', 1 / 127],
    ['Q5_0', 1 / 8],
    ['Q4_0', 1 / 4],
  ])('%s gives values back within %d of the largest', (type, share) => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: -4, max: 4, noNaN: true }), { minLength: 64, maxLength: 64 }), (values) => {
        const given = Float32Array.from(values);
        const back = decodeWeights(type, encodeWeights(type, given));
        for (let block = 0; block < 2; block += 1) {
          const part = given.subarray(block * 32, block * 32 + 32);
          const most = Math.max(...part.map(Math.abs));
          for (const [index, value] of part.entries())
            expect(Math.abs((back[block * 32 + index] ?? 0) - value)).toBeLessThanOrEqual(share * most + 1e-5);
        }
      }),
      { numRuns: 100 },
    );
  });

  it.each<[ReadableType, string, readonly number[]]>([
    // scale 0.25; levels 8 and 15 in the first byte, 0 elsewhere
    ['Q4_0', `0034f8${'00'.repeat(15)}`, [0, -2, 1.75]],
    // scale 0.25, least 1
    ['Q4_1', `0034003cf8${'00'.repeat(15)}`, [3, 1, 4.75]],
    // scale 0.25; the first value has its fifth bit
    ['Q5_0', `003401000000f8${'00'.repeat(15)}`, [2, -4, -0.25]],
    ['Q5_1', `0034003c01000000f8${'00'.repeat(15)}`, [7, 1, 4.75]],
    ['Q8_0', `003404${'00'.repeat(15)}fe${'00'.repeat(15)}`, [1, 0, -0.5]],
    ['BF16', '803f00bf', [1, -0.5]],
  ])('%s reads what the format says', (type, text, [first, second, seventeenth]) => {
    const values = decodeWeights(type, hex(text));
    expect(values[0]).toBe(first);
    expect(values[1]).toBe(second);
    if (seventeenth !== undefined) expect(values[16]).toBe(seventeenth);
  });

  it('Q4_K and Q6_K read groups by their own scales', () => {
    const q4 = new Uint8Array(144);
    q4.set([0x00, 0x3c, 0x00, 0x38], 0); // scale 1, least 0.5
    q4[4] = 3; // scale of group 0
    q4[8] = 2; // minimum of group 0
    q4[12] = 0x25; // group 4: scale 5, minimum 2
    q4[16] = 0x0f;
    q4[16 + 64] = 0x07;
    const of4 = decodeWeights('Q4_K', q4);
    expect([of4[0], of4[1], of4[32], of4[128], of4[129]]).toEqual([3 * 15 - 1, -1, 0, 35 - 1, -1]);
    const q6 = new Uint8Array(210);
    q6.set([0x00, 0x3c], 208);
    q6[192] = 2;
    q6[192 + 4] = 0xff; // -1
    q6[0] = 0x21; // low of value 0 and of value 64
    q6[128] = 0x12; // high: 2 for value 0, 0 for 32, 1 for 64
    const of6 = decodeWeights('Q6_K', q6);
    expect([of6[0], of6[64], of6[1]]).toEqual([2 * (1 + 32 - 32), -1 * (2 + 16 - 32), 2 * -32]);
  });

  it('parts of blocks are refused', async () => {
    for (const type of ['F16', 'Q8_0', 'Q4_K'] as const)
      await expectCode(() => decodeWeights(type, new Uint8Array(blockOf(type).bytes + 1)), 'model-file/malformed');
    await expectCode(() => encodeWeights('Q8_0', new Float32Array(33)), 'model-file/malformed');
    expect([isReadable('Q8_0'), isReadable('IQ2_XS')]).toEqual([true, false]);
  });
});

describe('perturbed files', () => {
  const file = fakeGguf({
    tensors: [
      { name: 'm.weight', type: 0, extents: [32, 2], bytes: encodeWeights('F32', Float32Array.from([...RAMP, ...RAMP])) },
      { name: 'n.weight', type: 0, extents: [4], bytes: new Uint8Array(16).fill(7) },
      { name: 'odd.weight', type: 0, extents: [3, 2], bytes: encodeWeights('F32', Float32Array.from([1, 2, 3, 4, 5, 6])) },
    ],
  });
  const copyOf = async (name: PerturbationName, source = file): Promise<Uint8Array> => {
    const pieces: Uint8Array[] = [];
    for await (const piece of perturbedGguf(bytesSource('a.gguf', source), PERTURBATIONS[name])) pieces.push(piece);
    return new Uint8Array(Buffer.concat(pieces));
  };

  it.each(Object.keys(PERTURBATIONS) as PerturbationName[])('%s is a sound file with the same metadata', async (name) => {
    const copy = await copyOf(name);
    const { type } = PERTURBATIONS[name];
    const [before, after] = [parseGgufHeader(file), parseGgufHeader(copy)];
    expect([...after.metadata].map(([key, { bytes }]) => [key, Buffer.from(bytes)])).toEqual(
      [...before.metadata].map(([key, { bytes }]) => [key, Buffer.from(bytes)]),
    );
    expect(after.tensors.map((tensor) => tensor.type)).toEqual([type, 'F32', 'F16']);
    const { identity } = await identifyModel([bytesSource('b.gguf', copy)]);
    const original = await identifyModel([bytesSource('a.gguf', file)]);
    expect(identity.tokenizer).toBe(original.identity.tokenizer);
    expect(identity.tensors.digest).not.toBe(original.identity.tensors.digest);
    expect(await copyOf(name)).toEqual(copy);
  });

  it('values are those of the format; noise has the size it says', async () => {
    const valuesOf = async (name: PerturbationName): Promise<Float32Array> => {
      const copy = await copyOf(name);
      const [{ offset, length, type }] = parseGgufHeader(copy).tensors as never as [
        { offset: number; length: number; type: ReadableType },
      ];
      return decodeWeights(type, copy.subarray(offset, offset + length));
    };
    const level = (await valuesOf('Q4_0'))[31] ?? 0;
    expect(level).toBeCloseTo(1.75, 5);
    const noisy = await valuesOf('1% noise');
    const squares = [...noisy].map((value, index) => (value - (RAMP[index % 32] ?? 0)) ** 2);
    const deviation = Math.sqrt(squares.reduce((a, b) => a + b, 0) / squares.length);
    const rms = Math.sqrt(RAMP.reduce((sum, value) => sum + value * value, 0) / 32);
    expect(deviation / rms).toBeGreaterThan(0.006);
    expect(deviation / rms).toBeLessThan(0.015);
  });

  it('matrices of a type that cannot be read are refused, and so is a damaged file', async () => {
    const unreadable = fakeGguf({ tensors: [{ name: 'a', type: 16, extents: [256, 2], bytes: new Uint8Array(132) }] });
    await expectCode(() => copyOf('F16', unreadable), 'model-file/unsupported');
    await expectCode(() => copyOf('F16', file.slice(0, -40)), 'model-file/malformed');
  });
});
