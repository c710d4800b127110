/** GGUF files as a model: their header, the digests of their metadata sections, and their tensors (spec/model-identity.md §3). */

import { compareBytes, utf8 } from '@assay/encoding/bytes';
import { encodeHex } from '@assay/encoding/hex';
import { sha256 } from '@noble/hashes/sha2.js';
import { ModelError } from '../errors.ts';
import { type ByteSource, exactly, type HashOptions, rangeDigest } from './byte-source.ts';
import { type GgufHeader, HeaderTooShort, type MetadataValue, parseGgufHeader } from './gguf-header.ts';
import type { ModelParts } from './model-parts.ts';
import type { TensorEntry } from './tensor-list.ts';

/** First piece of a file that is read for its header, bytes; then four times as much, until it fits. */
const FIRST_HEADER_BYTES = 1024 * 1024;
const MAX_HEADER_BYTES = 64 * 1024 * 1024;
const MAX_PARTS = 1024;

/** @throws {ModelError} `model-file/malformed`, `model-file/unsupported`, `model-file/limit`. */
export async function readGgufHeader(source: ByteSource): Promise<GgufHeader> {
  for (let most = FIRST_HEADER_BYTES; ; most *= 4) {
    const length = Math.min(most, source.size, MAX_HEADER_BYTES);
    try {
      return parseGgufHeader((await exactly(source, 0, length)).slice()); // kept longer than the source keeps its buffers
    } catch (error) {
      if (!(error instanceof HeaderTooShort)) throw error;
      if (length === source.size)
        throw new ModelError(
          'model-file/malformed',
          `${source.name}: expected a whole header, got its beginning; fetch the file again`,
        );
      if (length === MAX_HEADER_BYTES)
        throw new ModelError(
          'model-file/limit',
          `${source.name}: expected a header of at most ${MAX_HEADER_BYTES} bytes, got more; the file is damaged or hostile`,
        );
    }
  }
}

/**
 * The parts of one model, in any order.
 * @throws {ModelError} `model-file/malformed`, `model-file/unsupported`, `model-file/limit`, `model-file/incomplete` when parts are missing.
 */
export async function ggufParts(sources: readonly ByteSource[], options: HashOptions): Promise<ModelParts> {
  const read: { readonly source: ByteSource; readonly header: GgufHeader }[] = [];
  for (const source of sources) read.push({ source, header: await readGgufHeader(source) });
  const first = firstPart(read.map(({ header }) => header));
  const tensors: TensorEntry[] = [];
  for (const { source, header } of read) tensors.push(...(await tensorsOf(source, header, options)));
  const { metadata } = first;
  const name = metadata.get('general.architecture')?.scalar;
  if (typeof name !== 'string')
    throw new ModelError('model-file/malformed', 'expected general.architecture, got a file without; it is no model');
  const sections = sectionsOf(metadata);
  return {
    container: 'gguf',
    architecture: { name, digest: sectionDigest(metadata, sections.architecture, options) ?? '' },
    tokenizer: sectionDigest(metadata, sections.tokenizer, options),
    chatTemplate: sectionDigest(metadata, sections.chatTemplate, options),
    tensors,
    tensorBytes: read.reduce((sum, { header }) => sum + header.tensors.reduce((bytes, { length }) => bytes + length, 0), 0),
    uncovered: [],
  };
}

/** The part with the metadata. Split files number themselves (`split.no` of `split.count`). */
function firstPart(headers: readonly GgufHeader[]): GgufHeader {
  const numberOf = ({ metadata }: GgufHeader, key: string): number | null => {
    const value = metadata.get(key)?.scalar;
    return typeof value === 'number' ? value : null;
  };
  const [only] = headers;
  if (only === undefined) throw new ModelError('model-file/incomplete', 'expected a GGUF file, got none; name one');
  const count = numberOf(only, 'split.count') ?? 1;
  if (count > MAX_PARTS)
    throw new ModelError('model-file/limit', `expected at most ${MAX_PARTS} parts, got ${count}; the file is damaged`);
  const found = new Set(headers.map((header) => numberOf(header, 'split.no') ?? 0));
  if (headers.some((header) => (numberOf(header, 'split.count') ?? 1) !== count) || found.size !== headers.length)
    throw new ModelError(
      'model-file/malformed',
      `expected the ${count} parts of one model, got files of several; name the first part alone`,
    );
  const missing = Array.from({ length: count }, (_, index) => index).filter((index) => !found.has(index));
  if (missing.length > 0)
    throw new ModelError(
      'model-file/incomplete',
      `expected ${count} parts, got ${headers.length}, without number ${missing[0]}; put all parts into one folder`,
    );
  return headers.find((header) => (numberOf(header, 'split.no') ?? 0) === 0) ?? only;
}

async function tensorsOf(
  source: ByteSource,
  { tensors, alignment, headerEnd }: GgufHeader,
  options: HashOptions,
): Promise<readonly TensorEntry[]> {
  const ordered = tensors.toSorted((a, b) => a.offset - b.offset || a.length - b.length);
  // All places first: a file that is refused for them costs no hashing.
  let end = headerEnd;
  for (const { offset, length } of ordered) {
    await assertPadding(source, { from: end, to: offset, alignment });
    end = offset + length;
    if (end > source.size)
      throw new ModelError(
        'model-file/malformed',
        `${source.name}: expected ${end} bytes, got ${source.size}; the file is cut off, fetch it again`,
      );
  }
  if (tensors.length > 0) await assertPadding(source, { from: end, to: source.size, alignment });
  const entries: TensorEntry[] = [];
  for (const { name, type, shape, offset, length } of ordered)
    entries.push({ digest: await rangeDigest(source, { offset, length }, options), name, shape, type });
  return entries;
}

/** The digest does not cover bytes that belong to no tensor, so these have to be zeros, up to the next boundary. */
async function assertPadding(
  source: ByteSource,
  { from, to, alignment }: { readonly from: number; readonly to: number; readonly alignment: number },
): Promise<void> {
  if (to < from)
    throw new ModelError(
      'model-file/malformed',
      `${source.name}: expected tensors side by side, got overlapping ones; the file is damaged`,
    );
  if (to - from >= alignment)
    throw new ModelError(
      'model-file/malformed',
      `${source.name}: expected padding below ${alignment} bytes, got ${to - from} bytes that belong to no tensor; write the file again`,
    );
  if (to > from && (await exactly(source, from, to - from)).some((byte) => byte !== 0))
    throw new ModelError(
      'model-file/malformed',
      `${source.name}: expected zeros between tensors, got other bytes; write the file again`,
    );
}

interface Sections {
  readonly architecture: readonly string[];
  readonly tokenizer: readonly string[];
  readonly chatTemplate: readonly string[];
}

function sectionsOf(metadata: ReadonlyMap<string, MetadataValue>): Sections {
  const sections = { architecture: [] as string[], tokenizer: [] as string[], chatTemplate: [] as string[] };
  for (const key of metadata.keys()) {
    const section = sectionOf(key);
    if (section !== null) sections[section].push(key);
  }
  return sections;
}

/** `null` for what changes no answer. Unknown keys count as architecture. */
function sectionOf(key: string): keyof Sections | null {
  if (key === 'tokenizer.chat_template' || key === 'tokenizer.chat_templates' || key.startsWith('tokenizer.chat_template.'))
    return 'chatTemplate';
  if (key.startsWith('tokenizer.')) return 'tokenizer';
  if (key === 'general.architecture' || key === 'general.quantization_version' || key.startsWith('general.sampling.'))
    return 'architecture';
  return /^(?:general|split|quantize)\./.test(key) ? null : 'architecture';
}

function sectionDigest(
  metadata: ReadonlyMap<string, MetadataValue>,
  keys: readonly string[],
  { newHasher = () => sha256.create() }: HashOptions,
): string | null {
  if (keys.length === 0) return null;
  const hash = newHasher();
  const named = keys.map((key) => ({ key, name: utf8(key) })).sort((a, b) => compareBytes(a.name, b.name));
  for (const { key, name } of named) {
    const value = metadata.get(key);
    if (value === undefined) continue;
    for (const piece of [integer(BigInt(name.length), 8), name, integer(BigInt(value.type), 4), value.bytes])
      hash.update(piece);
  }
  return encodeHex(new Uint8Array(hash.digest()));
}

function integer(value: bigint, size: 4 | 8): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, value, true);
  return bytes.subarray(0, size);
}
