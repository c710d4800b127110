/** safetensors files, alone or as a folder of Hugging Face's layout (spec/model-identity.md §4; safetensors README "Format"). */

import { decodeUtf8, utf8 } from '@assay/encoding/bytes';
import { isCoded } from '@assay/encoding/coded-error';
import { canonicalJson, isJsonObject, type Json, type JsonObject, parseJson } from '@assay/encoding/json';
import { ModelError } from '../errors.ts';
import { type ByteSource, exactly, type HashOptions, hexDigest, rangeDigest } from './byte-source.ts';
import type { ModelParts } from './model-parts.ts';
import { MAX_TENSORS, safeSize, type TensorEntry, type TensorPlace } from './tensor-list.ts';

const MAX_HEADER_BYTES = 32 * 1024 * 1024;
const MAX_JSON_NODES = 4_000_000;
const MAX_SIDE_FILE_BYTES = 64 * 1024 * 1024;
const INDEX = 'model.safetensors.index.json';
const TOKENIZER_FILES =
  /^(?:tokenizer\.json|vocab\.json|vocab\.txt|merges\.txt|added_tokens\.json|special_tokens_map\.json|.+\.tiktoken|.+\.model)$/;
/** Bytes of an element. */
const ELEMENT_BITS: ReadonlyMap<string, number> = new Map([
  ...(['BOOL', 'U8', 'I8', 'F8_E5M2', 'F8_E4M3', 'F8_E8M0', 'F8_E4M3FNUZ', 'F8_E5M2FNUZ'] as const).map(
    (name) => [name, 8] as const,
  ),
  ...(['I16', 'U16', 'F16', 'BF16'] as const).map((name) => [name, 16] as const),
  ...(['I32', 'U32', 'F32'] as const).map((name) => [name, 32] as const),
  ...(['F64', 'I64', 'U64', 'C64'] as const).map((name) => [name, 64] as const),
  ['F4', 4],
  ['F6_E2M3', 6],
  ['F6_E3M2', 6],
]);

/**
 * @param sources all files of the folder, or one `.safetensors` file.
 * @throws {ModelError} `model-file/malformed`, `model-file/unsupported`, `model-file/limit`, `model-file/incomplete`.
 */
export async function safetensorsParts(sources: readonly ByteSource[], options: HashOptions): Promise<ModelParts> {
  const weights = sources.filter(({ name }) => name.endsWith('.safetensors'));
  const side = new Map(sources.map((source) => [source.name, source]));
  const index = await jsonOf(side.get(INDEX));
  const tensors: TensorEntry[] = [];
  let tensorBytes = 0;
  for (const source of weights) {
    for (const place of await readSafetensorsHeader(source)) {
      assertPlace(index, place.name, source.name);
      const { name, type, shape, offset, length } = place;
      tensors.push({ digest: await rangeDigest(source, { offset, length }, options), name, shape, type });
      tensorBytes += length;
    }
  }
  assertComplete(index, tensors, sources);
  const config = await jsonOf(side.get('config.json'));
  const generation = await jsonOf(side.get('generation_config.json'));
  const tokenizerConfig = await jsonOf(side.get('tokenizer_config.json'));
  const code = await digestsOf(
    sources.filter(({ name }) => name.endsWith('.py')),
    options,
  );
  const architecture = { code, config: withoutOrigin(config), generation_config: withoutOrigin(generation) };
  const tokenizer = await tokenizerList(sources, tokenizerConfig, options);
  const covered = new Set([...code, ...tokenizer].map(({ name }) => name));
  const read = ['config.json', 'generation_config.json', 'chat_template.jinja', INDEX];
  return {
    container: 'safetensors',
    architecture: { name: architectureName(config), digest: hexDigest(utf8(canonicalJson(architecture))) },
    tokenizer: tokenizer.length === 0 ? null : hexDigest(utf8(canonicalJson(tokenizer))),
    chatTemplate: await templateDigest(side.get('chat_template.jinja'), tokenizerConfig),
    tensors,
    tensorBytes,
    uncovered: sources
      .map(({ name }) => name)
      .filter((name) => !name.endsWith('.safetensors') && !covered.has(name) && !read.includes(name))
      .sort(),
  };
}

/** Where each tensor stands. @throws {ModelError} `model-file/malformed`, `model-file/unsupported`, `model-file/limit`. */
export async function readSafetensorsHeader(source: ByteSource): Promise<readonly TensorPlace[]> {
  if (source.size < 8) throw malformed(source, 'at least 8 bytes', `${source.size}`);
  const prefix = await exactly(source, 0, 8);
  const length = safeSize(new DataView(prefix.buffer, prefix.byteOffset, 8).getBigUint64(0, true), 'header length');
  if (length > MAX_HEADER_BYTES)
    throw new ModelError(
      'model-file/limit',
      `${source.name}: expected a header of at most ${MAX_HEADER_BYTES} bytes, got ${length}; the file is damaged or no safetensors file`,
    );
  if (8 + length > source.size) throw malformed(source, `${8 + length} bytes`, `${source.size}`);
  const header = parsed(source, await exactly(source, 8, length));
  const places = Object.entries(header).flatMap(([name, value]) =>
    name === '__metadata__' ? [] : [placeOf(source, name, value, 8 + length)],
  );
  if (places.length > MAX_TENSORS)
    throw new ModelError(
      'model-file/limit',
      `${source.name}: expected at most ${MAX_TENSORS} tensors, got ${places.length}; split the model`,
    );
  const inOrder = places.toSorted((a, b) => a.offset - b.offset || a.length - b.length);
  let end = 8 + length;
  for (const place of inOrder) {
    if (place.offset !== end) throw malformed(source, `tensor data at ${end}`, `it at ${place.offset}`);
    end += place.length;
  }
  if (end !== source.size) throw malformed(source, `a file of ${end} bytes`, `${source.size}`);
  return inOrder;
}

function placeOf(source: ByteSource, name: string, value: Json, base: number): TensorPlace {
  if (!isJsonObject(value)) throw malformed(source, 'an object for each tensor', 'another value');
  const { dtype, shape, data_offsets: offsets } = value;
  const bits = ELEMENT_BITS.get(String(dtype));
  if (bits === undefined)
    throw new ModelError(
      'model-file/unsupported',
      `${source.name}: expected a tensor type that is known, got ${JSON.stringify(String(dtype).slice(0, 40))}; convert the file`,
    );
  const extents = numbersOf(shape);
  const range = numbersOf(offsets);
  const [begin, end] = range ?? [];
  if (extents === null || begin === undefined || end === undefined || end < begin)
    throw malformed(source, 'shape and data_offsets of whole numbers', 'others');
  const wanted = (extents.reduce((product, extent) => product * BigInt(extent), 1n) * BigInt(bits)) / 8n;
  if (wanted !== BigInt(end - begin))
    throw malformed(source, `${wanted} bytes for ${JSON.stringify(name.slice(0, 80))}`, `${end - begin}`);
  return { name, type: String(dtype), shape: extents, offset: base + begin, length: end - begin };
}

function numbersOf(value: Json | undefined): readonly number[] | null {
  if (!Array.isArray(value) || value.length > 16) return null;
  const list = value as readonly Json[];
  return list.every((item) => Number.isSafeInteger(item) && (item as number) >= 0) ? (list as readonly number[]) : null;
}

/** With an index, a tensor stands where it says. */
function assertPlace(index: JsonObject | null, tensor: string, file: string): void {
  if (index === null) return;
  const stated = mapOf(index)[tensor];
  if (stated !== file)
    throw new ModelError(
      'model-file/malformed',
      `${INDEX}: expected ${JSON.stringify(tensor.slice(0, 80))} in ${String(stated)}, got it in ${file}; fetch the model again`,
    );
}

function assertComplete(index: JsonObject | null, tensors: readonly TensorEntry[], sources: readonly ByteSource[]): void {
  if (tensors.length === 0 && index === null) {
    const [only] = sources;
    const got = sources.length === 1 && only !== undefined ? `${only.name}, another kind of file` : 'none';
    throw new ModelError(
      'model-file/malformed',
      `expected a GGUF or safetensors file, got ${got}; name a model file or its folder`,
    );
  }
  if (index === null) return;
  const found = new Set(tensors.map(({ name }) => name));
  const missing = Object.keys(mapOf(index)).find((name) => !found.has(name));
  if (missing !== undefined)
    throw new ModelError(
      'model-file/incomplete',
      `${INDEX}: expected ${JSON.stringify(missing.slice(0, 80))}, got no file with it; fetch all parts`,
    );
}

function mapOf({ weight_map: map }: JsonObject): JsonObject {
  return map !== undefined && isJsonObject(map) ? map : {};
}

interface FileDigest {
  readonly digest: string;
  readonly name: string;
}

async function digestsOf(sources: readonly ByteSource[], options: HashOptions): Promise<readonly FileDigest[]> {
  const list: FileDigest[] = [];
  for (const source of sources.toSorted((a, b) => (a.name < b.name ? -1 : 1)))
    list.push({ digest: await rangeDigest(source, { offset: 0, length: source.size }, options), name: source.name });
  return list;
}

async function tokenizerList(
  sources: readonly ByteSource[],
  config: JsonObject | null,
  options: HashOptions,
): Promise<readonly FileDigest[]> {
  const files = await digestsOf(
    sources.filter(({ name }) => TOKENIZER_FILES.test(name)),
    options,
  );
  if (config === null) return files;
  const { chat_template: _, ...rest } = config;
  const own = { digest: hexDigest(utf8(canonicalJson(rest))), name: 'tokenizer_config.json' };
  return [...files, own].toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

async function templateDigest(file: ByteSource | undefined, config: JsonObject | null): Promise<string | null> {
  if (file !== undefined) return hexDigest(await wholeOf(file));
  const template = config?.chat_template;
  if (template === undefined || template === null) return null;
  return hexDigest(utf8(typeof template === 'string' ? template : canonicalJson(template)));
}

function withoutOrigin(config: JsonObject | null): JsonObject | null {
  if (config === null) return null;
  const { _name_or_path: _, transformers_version: __, ...rest } = config;
  return rest as JsonObject;
}

function architectureName(config: JsonObject | null): string {
  const [first] = Array.isArray(config?.architectures) ? (config.architectures as readonly Json[]) : [];
  const name = first ?? config?.model_type;
  return typeof name === 'string' ? name.slice(0, 128) : 'unknown';
}

async function jsonOf(source: ByteSource | undefined): Promise<JsonObject | null> {
  return source === undefined ? null : parsed(source, await wholeOf(source));
}

async function wholeOf(source: ByteSource): Promise<Uint8Array> {
  if (source.size > MAX_SIDE_FILE_BYTES)
    throw new ModelError(
      'model-file/limit',
      `${source.name}: expected at most ${MAX_SIDE_FILE_BYTES} bytes, got ${source.size}; it is no such file`,
    );
  return exactly(source, 0, source.size);
}

/** Python writes such files, and its writers let JSON's names repeat nowhere; anything but strict JSON is refused. */
function parsed(source: ByteSource, bytes: Uint8Array): JsonObject {
  try {
    const value = parseJson(decodeUtf8(bytes), { maxBytes: MAX_SIDE_FILE_BYTES, maxNodes: MAX_JSON_NODES });
    if (isJsonObject(value)) return value;
  } catch (cause) {
    if (!isCoded(cause)) throw cause;
    throw new ModelError(
      'model-file/malformed',
      `${source.name}: expected JSON, got something else (${cause.code}); the file is damaged`,
      { cause },
    );
  }
  throw malformed(source, 'a JSON object', 'another value');
}

function malformed(source: ByteSource, expected: string, got: string): ModelError {
  return new ModelError(
    'model-file/malformed',
    `${source.name}: expected ${expected}, got ${got}; the file is damaged or of another kind`,
  );
}
