/**
 * The header of a GGUF file (ggml-org/ggml docs/gguf.md, versions 2 and 3, little-endian): metadata and tensor places. Values stay where
 * they are: only their range is kept, and of short scalars the value, so that a vocabulary of 150,000 words costs no objects.
 */

import { decodeUtf8 } from '@assay/encoding/bytes';
import { ModelError } from '../errors.ts';
import { GGML_TYPES } from './ggml-types.ts';
import { MAX_TENSORS, safeSize, type TensorPlace } from './tensor-list.ts';

export interface MetadataValue {
  /** GGUF's number of the type. */
  readonly type: number;
  /** The value's bytes in the header. */
  readonly bytes: Uint8Array;
  /** Of strings up to 4 KiB and of whole numbers; `null` for others. */
  readonly scalar: string | number | null;
}

export interface GgufHeader {
  readonly version: number;
  readonly metadata: ReadonlyMap<string, MetadataValue>;
  /** In the order of the file; offsets are from the beginning of the file. */
  readonly tensors: readonly TensorPlace[];
  readonly alignment: number;
  /** Where the header ends and tensor data begins, bytes; padding lies between. */
  readonly headerEnd: number;
  readonly dataOffset: number;
}

/** More of the file is needed to read its header. */
export class HeaderTooShort extends Error {}

const MAGIC = 0x46554747; // "GGUF"
const MAX_METADATA = 65_536;
const MAX_KEY_BYTES = 65_535;
const MAX_TENSOR_NAME_BYTES = 1024;
const MAX_DIMENSIONS = 8;
const MAX_ALIGNMENT = 1024 * 1024;
const MAX_KEPT_STRING = 4096;
const DEFAULT_ALIGNMENT = 32;
const STRING = 8;
const ARRAY = 9;
/** Bytes of the scalar types; strings and arrays have their own length. */
const SCALAR_BYTES: ReadonlyMap<number, number> = new Map([
  [0, 1],
  [1, 1],
  [2, 2],
  [3, 2],
  [4, 4],
  [5, 4],
  [6, 4],
  [7, 1],
  [10, 8],
  [11, 8],
  [12, 8],
]);

/**
 * @param bytes the beginning of the file.
 * @throws {HeaderTooShort} when the header goes on behind `bytes`; {ModelError} `model-file/malformed`, `model-file/unsupported`, `model-file/limit`.
 * @example parseGgufHeader(bytes).metadata.get('general.architecture')?.scalar // 'llama'
 */
export function parseGgufHeader(bytes: Uint8Array): GgufHeader {
  const cursor = new Cursor(bytes);
  if (cursor.u32() !== MAGIC) throw malformed('a file that begins with GGUF', 'another beginning');
  const version = cursor.u32();
  if (version !== 2 && version !== 3)
    throw new ModelError(
      'model-file/unsupported',
      `expected GGUF version 2 or 3, little-endian, got ${version}; convert the file with a current llama.cpp`,
    );
  const tensorCount = bounded(cursor.u64(), MAX_TENSORS, 'tensors');
  const metadata = readMetadata(cursor, bounded(cursor.u64(), MAX_METADATA, 'metadata entries'));
  const alignment = alignmentOf(metadata);
  const relative = Array.from({ length: tensorCount }, () => readTensor(cursor));
  const headerEnd = cursor.at;
  const dataOffset = Math.ceil(headerEnd / alignment) * alignment;
  const tensors = relative.map((tensor) => ({ ...tensor, offset: dataOffset + tensor.offset }));
  return { version, metadata, tensors, alignment, headerEnd, dataOffset };
}

function readMetadata(cursor: Cursor, count: number): ReadonlyMap<string, MetadataValue> {
  const metadata = new Map<string, MetadataValue>();
  for (let index = 0; index < count; index += 1) {
    const key = cursor.text(MAX_KEY_BYTES, 'a metadata key');
    if (metadata.has(key)) throw malformed('unique metadata keys', `${JSON.stringify(key.slice(0, 80))} twice`);
    const type = cursor.u32();
    const begin = cursor.at;
    const scalar = readValue(cursor, type);
    metadata.set(key, { type, bytes: cursor.since(begin), scalar });
  }
  return metadata;
}

function readValue(cursor: Cursor, type: number): string | number | null {
  if (type === STRING) {
    const text = cursor.string();
    return text.length <= MAX_KEPT_STRING ? decoded(text) : null;
  }
  if (type === ARRAY) {
    const element = cursor.u32();
    const count = safeSize(cursor.u64(), 'array length');
    if (element === STRING) for (let index = 0; index < count; index += 1) cursor.skipString();
    else cursor.skip(count * scalarBytes(element));
    return null;
  }
  return cursor.scalar(type, scalarBytes(type));
}

function scalarBytes(type: number): number {
  const size = SCALAR_BYTES.get(type);
  if (size !== undefined) return size;
  throw malformed('a metadata type from 0 to 12, arrays of scalars or strings', `type ${type}`);
}

function alignmentOf(metadata: ReadonlyMap<string, MetadataValue>): number {
  const value = metadata.get('general.alignment');
  if (value === undefined) return DEFAULT_ALIGNMENT;
  const { scalar } = value;
  if (typeof scalar === 'number' && scalar >= 8 && scalar <= MAX_ALIGNMENT && scalar % 8 === 0) return scalar;
  throw malformed(`general.alignment as a multiple of 8 up to ${MAX_ALIGNMENT}`, String(scalar));
}

function readTensor(cursor: Cursor): TensorPlace {
  const name = cursor.text(MAX_TENSOR_NAME_BYTES, 'a tensor name');
  const dimensions = bounded(BigInt(cursor.u32()), MAX_DIMENSIONS, 'dimensions');
  const extents = Array.from({ length: dimensions }, () => safeSize(cursor.u64(), 'extent'));
  const id = cursor.u32();
  const offset = safeSize(cursor.u64(), 'tensor offset');
  const type = GGML_TYPES.get(id);
  if (type === undefined)
    throw new ModelError(
      'model-file/unsupported',
      `expected a tensor type that is known, got ${id} for ${JSON.stringify(name.slice(0, 80))}; convert the file to another type`,
    );
  const [row = 1] = extents;
  if (row % type.block !== 0) throw malformed(`rows of ${type.name} in blocks of ${type.block}`, `${row} elements`);
  const elements = safeSize(
    extents.reduce((product, extent) => product * BigInt(extent), 1n),
    'tensor elements',
  );
  const length = safeSize((BigInt(elements) / BigInt(type.block)) * BigInt(type.bytes), 'tensor bytes');
  return { name, type: type.name, shape: extents.toReversed(), offset, length };
}

function bounded(value: bigint, most: number, what: string): number {
  if (value <= BigInt(most)) return Number(value);
  throw new ModelError('model-file/limit', `expected at most ${most} ${what}, got ${value}; the file is damaged or hostile`);
}

function decoded(bytes: Uint8Array): string {
  try {
    return decodeUtf8(bytes);
  } catch (cause) {
    throw new ModelError('model-file/malformed', 'expected text in UTF-8, got other bytes; the file is damaged', { cause });
  }
}

function malformed(expected: string, got: string): ModelError {
  return new ModelError('model-file/malformed', `expected ${expected}, got ${got}; the file is damaged or no GGUF`);
}

/** Little-endian reads that say when more bytes are needed. */
class Cursor {
  at = 0;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  skip(count: number): number {
    const begin = this.at;
    if (begin + count > this.#bytes.length) throw new HeaderTooShort();
    this.at = begin + count;
    return begin;
  }

  since(begin: number): Uint8Array {
    return this.#bytes.subarray(begin, this.at);
  }

  u32(): number {
    return this.#view.getUint32(this.skip(4), true);
  }

  u64(): bigint {
    return this.#view.getBigUint64(this.skip(8), true);
  }

  /** A string's bytes, in place. */
  string(): Uint8Array {
    return this.#bytes.subarray(this.skipString(), this.at);
  }

  /** @returns where the string's bytes begin. */
  skipString(): number {
    const at = this.skip(8);
    const low = this.#view.getUint32(at, true);
    const high = this.#view.getUint32(at + 4, true);
    if (high > 0x1f_ffff) throw malformed('a string length up to 2^53', 'a longer one');
    return this.skip(low + high * 0x1_0000_0000);
  }

  text(most: number, what: string): string {
    const bytes = this.string();
    if (bytes.length > most) throw malformed(`${what} of at most ${most} bytes`, `${bytes.length}`);
    return decoded(bytes);
  }

  /** The number at hand; `null` for fractions. */
  scalar(type: number, size: number): number | null {
    const at = this.skip(size);
    const view = this.#view;
    if (type === 0 || type === 7) return view.getUint8(at);
    if (type === 1) return view.getInt8(at);
    if (type === 2) return view.getUint16(at, true);
    if (type === 3) return view.getInt16(at, true);
    if (type === 4) return view.getUint32(at, true);
    if (type === 5) return view.getInt32(at, true);
    if (type === 10) return Number(view.getBigUint64(at, true));
    return type === 11 ? Number(view.getBigInt64(at, true)) : null;
  }
}
