/**
 * Weights in GGML's block formats (ggml-org/ggml `ggml-quants.c`): read to 32-bit floats, and written in those formats that a comparison
 * perturbs its reference to.
 */

import { ModelError } from '../errors.ts';
import { fromHalf, toHalf } from './half.ts';

/** Elements of one call of {@link WeightFormat.decode} must be a multiple of `block`. */
interface WeightFormat {
  /** Number of the type in GGUF. */
  readonly id: number;
  /** Elements of one block. */
  readonly block: number;
  /** Bytes of one block. */
  readonly bytes: number;
  /** One block at `at` into `out` from `to` on. */
  readonly decode: (view: DataView, at: number, out: Float32Array, to: number) => void;
  readonly encode?: (values: Float32Array, from: number, view: DataView, at: number) => void;
}

const scalar = (
  id: number,
  bytes: number,
  read: (view: DataView, at: number) => number,
  write?: (view: DataView, at: number, value: number) => void,
): WeightFormat => ({
  ...{ id, bytes, block: 1 },
  decode: (view, at, out, to) => {
    out[to] = read(view, at);
  },
  ...(write === undefined ? {} : { encode: (values, from, view, at) => write(view, at, values[from] ?? 0) }),
});

const FORMATS = {
  F32: scalar(
    0,
    4,
    (view, at) => view.getFloat32(at, true),
    (view, at, value) => view.setFloat32(at, value, true),
  ),
  F16: scalar(
    1,
    2,
    (view, at) => fromHalf(view.getUint16(at, true)),
    (view, at, value) => view.setUint16(at, toHalf(value), true),
  ),
  BF16: scalar(30, 2, (view, at) => bfloat(view.getUint16(at, true))),
  Q4_0: {
    ...{ id: 2, block: 32, bytes: 18 },
    decode: (view, at, out, to) => nibbles(view, at + 2, out, to, (q) => (q - 8) * half(view, at)),
    encode: (values, from, view, at) => {
      const scale = largest(values, from) / -8;
      view.setUint16(at, toHalf(scale), true);
      const level = levelOf(scale, 8, 15);
      for (let j = 0; j < 16; j += 1) view.setUint8(at + 2 + j, level(values[from + j]) | (level(values[from + 16 + j]) << 4));
    },
  },
  Q4_1: {
    ...{ id: 3, block: 32, bytes: 20 },
    decode: (view, at, out, to) => nibbles(view, at + 4, out, to, (q) => q * half(view, at) + half(view, at + 2)),
  },
  Q5_0: {
    ...{ id: 6, block: 32, bytes: 22 },
    decode: (view, at, out, to) => {
      const high = view.getUint32(at + 2, true);
      nibbles(view, at + 6, out, to, (q, j) => ((q | (((high >>> j) & 1) << 4)) - 16) * half(view, at));
    },
    encode: (values, from, view, at) => {
      const scale = largest(values, from) / -16;
      view.setUint16(at, toHalf(scale), true);
      const level = levelOf(scale, 16, 31);
      let high = 0;
      for (let j = 0; j < 16; j += 1) {
        const [low, up] = [level(values[from + j]), level(values[from + 16 + j])];
        view.setUint8(at + 6 + j, (low & 15) | ((up & 15) << 4));
        high |= ((low >>> 4) << j) | ((up >>> 4) << (j + 16));
      }
      view.setUint32(at + 2, high >>> 0, true);
    },
  },
  Q5_1: {
    ...{ id: 7, block: 32, bytes: 24 },
    decode: (view, at, out, to) => {
      const high = view.getUint32(at + 4, true);
      const [scale, least] = [half(view, at), half(view, at + 2)];
      nibbles(view, at + 8, out, to, (q, j) => (q | (((high >>> j) & 1) << 4)) * scale + least);
    },
  },
  Q8_0: {
    ...{ id: 8, block: 32, bytes: 34 },
    decode: (view, at, out, to) => {
      const scale = half(view, at);
      for (let j = 0; j < 32; j += 1) out[to + j] = view.getInt8(at + 2 + j) * scale;
    },
    encode: (values, from, view, at) => {
      const scale = Math.abs(largest(values, from)) / 127;
      view.setUint16(at, toHalf(scale), true);
      for (let j = 0; j < 32; j += 1) view.setInt8(at + 2 + j, scale === 0 ? 0 : Math.round((values[from + j] ?? 0) / scale));
    },
  },
  Q4_K: {
    ...{ id: 12, block: 256, bytes: 144 },
    decode: (view, at, out, to) => {
      const [scale, least] = [half(view, at), half(view, at + 2)];
      for (let group = 0; group < 8; group += 1) {
        const [s, m] = scaleAndMinimum(view, at + 4, group);
        const from = at + 16 + (group >> 1) * 32;
        const shift = (group & 1) * 4;
        for (let l = 0; l < 32; l += 1)
          out[to + group * 32 + l] = scale * s * ((view.getUint8(from + l) >>> shift) & 15) - least * m;
      }
    },
  },
  Q6_K: {
    ...{ id: 14, block: 256, bytes: 210 },
    decode: (view, at, out, to) => {
      const scale = half(view, at + 208);
      for (let part = 0; part < 2; part += 1)
        for (let quarter = 0; quarter < 4; quarter += 1)
          for (let l = 0; l < 32; l += 1) {
            const low = view.getUint8(at + part * 64 + (quarter & 1) * 32 + l) >>> ((quarter >> 1) * 4);
            const high = view.getUint8(at + 128 + part * 32 + l) >>> (quarter * 2);
            const factor = view.getInt8(at + 192 + part * 8 + quarter * 2 + (l >> 4));
            out[to + part * 128 + quarter * 32 + l] = scale * factor * (((low & 15) | ((high & 3) << 4)) - 32);
          }
    },
  },
} as const satisfies Readonly<Record<string, WeightFormat>>;

/** Types of tensors whose weights can be read. */
export type ReadableType = keyof typeof FORMATS;
/** Types that weights can be written in. */
export type WritableType = 'F32' | 'F16' | 'Q8_0' | 'Q5_0' | 'Q4_0';

/** @example isReadable('F32') // true */
export function isReadable(type: string): type is ReadableType {
  return Object.hasOwn(FORMATS, type);
}

/**
 * Elements and bytes of one block, and the type's number in GGUF.
 * @example blockOf('F32').bytes // 4
 */
export function blockOf(type: ReadableType): Pick<WeightFormat, 'id' | 'block' | 'bytes'> {
  return FORMATS[type];
}

/**
 * @param bytes whole blocks.
 * @throws {ModelError} `model-file/malformed` for a part of a block.
 * @example decodeWeights('F16', bytes).length // bytes.length / 2
 */
export function decodeWeights(type: ReadableType, bytes: Uint8Array): Float32Array {
  const { block, bytes: size, decode }: WeightFormat = FORMATS[type];
  if (bytes.length % size !== 0) throw partial(`${type} in blocks of ${size} bytes`, bytes.length);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const out = new Float32Array((bytes.length / size) * block);
  for (let at = 0, to = 0; at < bytes.length; at += size, to += block) decode(view, at, out, to);
  return out;
}

/**
 * @throws {ModelError} `model-file/malformed` when the values are no whole blocks.
 * @example encodeWeights('F32', Float32Array.of(1, 2)).length // 8
 */
export function encodeWeights(type: WritableType, values: Float32Array): Uint8Array {
  const { block, bytes: size, encode }: WeightFormat = FORMATS[type];
  if (values.length % block !== 0 || encode === undefined) throw partial(`${type} in blocks of ${block} values`, values.length);
  const bytes = new Uint8Array((values.length / block) * size);
  const view = new DataView(bytes.buffer);
  for (let at = 0, from = 0; from < values.length; at += size, from += block) encode(values, from, view, at);
  return bytes;
}

function half(view: DataView, at: number): number {
  return fromHalf(view.getUint16(at, true));
}

const single = new Float32Array(1);
const singleBits = new Uint32Array(single.buffer);

function bfloat(value: number): number {
  singleBits[0] = value << 16;
  return single[0] ?? 0;
}

function nibbles(view: DataView, at: number, out: Float32Array, to: number, value: (q: number, place: number) => number): void {
  for (let j = 0; j < 16; j += 1) {
    const byte = view.getUint8(at + j);
    out[to + j] = value(byte & 15, j);
    out[to + 16 + j] = value(byte >>> 4, j + 16);
  }
}

/** The value of a block of 32 that is farthest from 0, with its sign. */
function largest(values: Float32Array, from: number): number {
  let found = 0;
  for (let j = from; j < from + 32; j += 1) {
    const value = values[j] ?? 0;
    if (Math.abs(value) > Math.abs(found)) found = value;
  }
  return found;
}

function levelOf(scale: number, middle: number, most: number): (value: number | undefined) => number {
  const inverse = scale === 0 ? 0 : 1 / scale;
  return (value = 0) => Math.max(0, Math.min(most, Math.trunc(value * inverse + middle + 0.5)));
}

/** The 6-bit scale and minimum of a group of Q4_K. */
function scaleAndMinimum(view: DataView, at: number, group: number): readonly [number, number] {
  const byte = (index: number): number => view.getUint8(at + index);
  if (group < 4) return [byte(group) & 63, byte(group + 4) & 63];
  return [(byte(group + 4) & 15) | ((byte(group - 4) >>> 6) << 4), (byte(group + 4) >>> 4) | ((byte(group) >>> 6) << 4)];
}

function partial(expected: string, got: number): ModelError {
  return new ModelError('model-file/malformed', `expected ${expected}, got ${got}; the file is damaged`);
}
