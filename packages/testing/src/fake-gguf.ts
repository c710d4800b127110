/** Small GGUF and safetensors files, sound or with any one defect. */

import { concatBytes, utf8 } from '@assay/encoding/bytes';

export interface FakeTensor {
  readonly name: string;
  /** GGML's number: 0 F32, 8 Q8_0 … */
  readonly type: number;
  /** Innermost first, as GGUF has it. */
  readonly extents: readonly number[];
  readonly bytes: Uint8Array;
  /** Instead of the right one. */
  readonly offset?: number;
}

/** Key → value: text, a whole number (u32), texts, or raw bytes with GGUF's type in front. */
export type FakeMetadata = Readonly<
  Record<string, string | number | readonly string[] | { readonly type: number; readonly bytes: Uint8Array }>
>;

export interface FakeGgufOptions {
  readonly version?: number;
  readonly metadata?: FakeMetadata;
  readonly tensors?: readonly FakeTensor[];
  /** Of the data; `general.alignment` is written when it is not 32. */
  readonly alignment?: number;
  /** Filled into the padding. */
  readonly padding?: number;
  /** Behind the last tensor. */
  readonly tail?: Uint8Array;
  /** Instead of the right counts. */
  readonly tensorCount?: bigint;
  readonly metadataCount?: bigint;
}

export const FAKE_METADATA: FakeMetadata = {
  'general.architecture': 'llama',
  'general.name': 'fake',
  'llama.block_count': 1,
  'llama.embedding_length': 4,
  'tokenizer.ggml.model': 'gpt2',
  'tokenizer.ggml.tokens': ['a', 'b', 'c'],
  'tokenizer.chat_template': '{{ messages }}',
};

export const FAKE_TENSORS: readonly FakeTensor[] = [
  { name: 'token_embd.weight', type: 0, extents: [4, 3], bytes: pattern(48, 1) },
  { name: 'output.weight', type: 8, extents: [32, 2], bytes: pattern(68, 2) },
  { name: 'norm.weight', type: 1, extents: [3], bytes: pattern(6, 3) },
];

/** Bytes that differ from one another. */
export function pattern(length: number, seed: number): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => (index * 7 + seed * 31) & 0xff);
}

/** One GGUF file. */
export function fakeGguf(options: FakeGgufOptions = {}): Uint8Array {
  const { version = 3, metadata = FAKE_METADATA, tensors = FAKE_TENSORS, alignment = 32, padding = 0 } = options;
  const entries = Object.entries({ ...metadata, ...(alignment === 32 ? {} : { 'general.alignment': alignment }) });
  const head = [
    utf8('GGUF'),
    u32(version),
    u64(options.tensorCount ?? BigInt(tensors.length)),
    u64(options.metadataCount ?? BigInt(entries.length)),
  ];
  for (const [key, value] of entries) head.push(text(key), ...valueBytes(value));
  const pad = (size: number): Uint8Array => new Uint8Array((alignment - (size % alignment)) % alignment).fill(padding);
  const data: Uint8Array[] = [];
  let at = 0;
  for (const tensor of tensors) {
    head.push(text(tensor.name), u32(tensor.extents.length), ...tensor.extents.map((extent) => u64(BigInt(extent))));
    head.push(u32(tensor.type), u64(BigInt(tensor.offset ?? at)));
    const filled = concatBytes(tensor.bytes, pad(tensor.bytes.length));
    data.push(filled);
    at += filled.length;
  }
  const header = concatBytes(...head);
  return concatBytes(header, pad(header.length), ...data, options.tail ?? new Uint8Array());
}

/** One safetensors file. `header` takes the place of the right one. */
export function fakeSafetensors(
  tensors: Readonly<Record<string, { readonly dtype: string; readonly shape: readonly number[]; readonly bytes: Uint8Array }>>,
  options: { readonly header?: unknown; readonly tail?: Uint8Array } = {},
): Uint8Array {
  let at = 0;
  const entries = Object.entries(tensors).map(([name, { dtype, shape, bytes }]) => {
    const range = [at, at + bytes.length];
    at += bytes.length;
    return [name, { dtype, shape, data_offsets: range }] as const;
  });
  const header = utf8(JSON.stringify(options.header ?? { __metadata__: { format: 'pt' }, ...Object.fromEntries(entries) }));
  const data = Object.values(tensors).map(({ bytes }) => bytes);
  return concatBytes(u64(BigInt(header.length)), header, ...data, options.tail ?? new Uint8Array());
}

function valueBytes(value: FakeMetadata[string]): readonly Uint8Array[] {
  if (typeof value === 'string') return [u32(8), text(value)];
  if (typeof value === 'number') return [u32(4), u32(value)];
  if (Array.isArray(value)) return [u32(9), u32(8), u64(BigInt(value.length)), ...(value as readonly string[]).map(text)];
  const { type, bytes } = value as { readonly type: number; readonly bytes: Uint8Array };
  return [u32(type), bytes];
}

function text(value: string): Uint8Array {
  const bytes = utf8(value);
  return concatBytes(u64(BigInt(bytes.length)), bytes);
}

function u32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
}

function u64(value: bigint): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, value, true);
  return bytes;
}
