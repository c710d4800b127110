/**
 * A copy of a GGUF file whose weights were changed a little, as a provider might: coarser types, or noise. A comparison asks its own reference
 * in these forms, and so learns what it can tell apart. Metadata, tokenizer and vectors stay as they are.
 */

import { concatBytes, utf8 } from '@assay/encoding/bytes';
import { ModelError } from '../errors.ts';
import { type ByteSource, exactly } from '../identity/byte-source.ts';
import { readGgufHeader } from '../identity/gguf.ts';
import type { GgufHeader } from '../identity/gguf-header.ts';
import type { TensorPlace } from '../identity/tensor-list.ts';
import { blockOf, decodeWeights, encodeWeights, isReadable, type ReadableType, type WritableType } from './blocks.ts';
import { normalNumbers, uniformNumbers } from './random-numbers.ts';

export interface Perturbation {
  readonly type: WritableType;
  /** Standard deviation of added noise, as a share of the root mean square of the weights around it. */
  readonly noise: number;
}

/** The perturbations of the resolution statement, by their names there. */
export const PERTURBATIONS = {
  F16: { type: 'F16', noise: 0 },
  Q8_0: { type: 'Q8_0', noise: 0 },
  Q5_0: { type: 'Q5_0', noise: 0 },
  Q4_0: { type: 'Q4_0', noise: 0 },
  '0.1% noise': { type: 'F16', noise: 0.001 },
  '1% noise': { type: 'F16', noise: 0.01 },
} as const satisfies Readonly<Record<string, Perturbation>>;

export type PerturbationName = keyof typeof PERTURBATIONS;

/** Elements that are in memory at a time; a multiple of every block. */
const CHUNK = 1 << 18;
const VERSION = 3;

interface Rewritten {
  readonly from: TensorPlace;
  /** `null`: copied. */
  readonly to: WritableType | null;
  readonly id: number;
  readonly length: number;
}

/**
 * The bytes of the copy, piece by piece; memory stays bounded. The same input gives the same copy.
 * @throws {ModelError} `model-file/malformed`, `model-file/limit`; `model-file/unsupported` for matrices of a type that cannot be read.
 * @example for await (const piece of perturbedGguf(source, PERTURBATIONS.Q8_0)) await file.write(piece);
 */
export async function* perturbedGguf(source: ByteSource, { type, noise }: Perturbation): AsyncGenerator<Uint8Array> {
  const header = await readGgufHeader(source);
  const tensors = header.tensors.map((tensor) => rewritten(tensor, type));
  const pad = (size: number): Uint8Array => new Uint8Array((header.alignment - (size % header.alignment)) % header.alignment);
  const head = headerBytes(header, tensors, (size) => size + pad(size).length);
  yield concatBytes(head, pad(head.length));
  const next = normalNumbers(uniformNumbers(20_261_129));
  for (const { from, to, length } of tensors) {
    if (to === null) yield (await exactly(source, from.offset, from.length)).slice();
    else {
      for await (const values of chunksOf(source, from)) {
        if (noise > 0) addNoise(values, noise, next);
        yield encodeWeights(to, values);
      }
    }
    yield pad(length);
  }
}

function rewritten(tensor: TensorPlace, type: WritableType): Rewritten {
  const { shape, type: from } = tensor;
  const row = shape.at(-1) ?? 1;
  const elements = shape.reduce((product, extent) => product * extent, 1);
  if (shape.length < 2) return { from: tensor, to: null, id: isReadable(from) ? blockOf(from).id : 0, length: tensor.length };
  if (!isReadable(from))
    throw new ModelError(
      'model-file/unsupported',
      `expected weights of a type that can be read, got ${from} in ${JSON.stringify(tensor.name.slice(0, 80))}; take a reference in F16, Q8_0 or Q4_K`,
    );
  const to = row % blockOf(type).block === 0 ? type : 'F16';
  const { id, block, bytes } = blockOf(to);
  return { from: tensor, to, id, length: (elements / block) * bytes };
}

function headerBytes({ metadata }: GgufHeader, tensors: readonly Rewritten[], padded: (size: number) => number): Uint8Array {
  const pieces = [utf8('GGUF'), u32(VERSION), u64(tensors.length), u64(metadata.size)];
  for (const [key, { type, bytes }] of metadata) pieces.push(text(key), u32(type), bytes);
  let at = 0;
  for (const { from, id, length } of tensors) {
    pieces.push(text(from.name), u32(from.shape.length), ...from.shape.toReversed().map(u64), u32(id), u64(at));
    at = padded(at + length);
  }
  return concatBytes(...pieces);
}

async function* chunksOf(source: ByteSource, { type, offset, length }: TensorPlace): AsyncGenerator<Float32Array> {
  const { block, bytes } = blockOf(type as ReadableType);
  const step = (CHUNK / block) * bytes;
  for (let at = 0; at < length; at += step)
    yield decodeWeights(type as ReadableType, await exactly(source, offset + at, Math.min(step, length - at)));
}

function addNoise(values: Float32Array, share: number, next: () => number): void {
  let squares = 0;
  for (const value of values) squares += value * value;
  const deviation = share * Math.sqrt(squares / values.length);
  for (let index = 0; index < values.length; index += 1) values[index] = (values[index] ?? 0) + deviation * next();
}

function text(value: string): Uint8Array {
  const bytes = utf8(value);
  return concatBytes(u64(bytes.length), bytes);
}

function u32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
}

function u64(value: number): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(value), true);
  return bytes;
}
