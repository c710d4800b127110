/** Which model it is (spec/model-identity.md): one digest over weights, architecture, tokenizer and chat template. */

import { utf8 } from '@assay/encoding/bytes';
import { canonicalJson } from '@assay/encoding/json';
import { ModelError } from '../errors.ts';
import { type ByteSource, exactly, type HashOptions, hexDigest } from './byte-source.ts';
import { ggufParts } from './gguf.ts';
import type { ModelParts } from './model-parts.ts';
import { safetensorsParts } from './safetensors.ts';
import { type TensorEntry, tensorListDigest } from './tensor-list.ts';

/** The identity document, member by member as it is hashed. */
export interface ModelIdentity {
  readonly format: 'assay-model/1';
  readonly container: 'gguf' | 'safetensors';
  readonly architecture: { readonly digest: string; readonly name: string };
  /** Lower-case hex SHA-256; `null` when the files hold none. */
  readonly chat_template: string | null;
  readonly tokenizer: string | null;
  readonly tensors: { readonly bytes: number; readonly count: number; readonly digest: string };
}

export interface IdentifiedModel {
  readonly identity: ModelIdentity;
  /** `sha256:` and 64 hex digits. */
  readonly digest: string;
  /** Every tensor with its digest, sorted by name. */
  readonly tensors: readonly TensorEntry[];
  /** How many tensors of each type, for people. */
  readonly types: Readonly<Record<string, number>>;
  /** Names of files that the identity says nothing about. */
  readonly uncovered: readonly string[];
}

/**
 * Reads model files once, tensor by tensor.
 *
 * @param sources one GGUF file, all parts of a split one, one safetensors file, or all files of a model's folder.
 * @throws {ModelError} `model-file/malformed`, `model-file/unsupported`, `model-file/limit`, `model-file/incomplete`.
 * @example (await identifyModel([source])).digest // 'sha256:4f…'
 */
export async function identifyModel(sources: readonly ByteSource[], options: HashOptions = {}): Promise<IdentifiedModel> {
  const parts = await partsOf(sources, options);
  const { container, architecture, tokenizer, chatTemplate, tensorBytes } = parts;
  const identity: ModelIdentity = {
    format: 'assay-model/1',
    container,
    architecture,
    chat_template: chatTemplate,
    tokenizer,
    tensors: { bytes: tensorBytes, count: parts.tensors.length, digest: tensorListDigest(parts.tensors) },
  };
  return {
    identity,
    digest: identityDigest(identity),
    tensors: parts.tensors.toSorted((a, b) => (a.name < b.name ? -1 : 1)),
    types: countsOf(parts.tensors),
    uncovered: parts.uncovered,
  };
}

/**
 * The model digest of an identity document.
 * @example const { identity } = await identifyModel([source]); identityDigest(identity) // sha256:…
 */
export function identityDigest(identity: ModelIdentity): string {
  return `sha256:${hexDigest(utf8(canonicalJson(identity)))}`;
}

async function partsOf(sources: readonly ByteSource[], options: HashOptions): Promise<ModelParts> {
  const gguf: ByteSource[] = [];
  for (const source of sources) if (await isGguf(source)) gguf.push(source);
  const hasSafetensors = sources.some(({ name }) => name.endsWith('.safetensors'));
  if (gguf.length > 0 && hasSafetensors)
    throw new ModelError(
      'model-file/malformed',
      'expected one model, got GGUF and safetensors files side by side; name one of them',
    );
  if (gguf.length > 0) {
    const parts = await ggufParts(gguf, options);
    return {
      ...parts,
      uncovered: sources
        .filter((source) => !gguf.includes(source))
        .map(({ name }) => name)
        .sort(),
    };
  }
  return safetensorsParts(sources, options);
}

async function isGguf(source: ByteSource): Promise<boolean> {
  if (source.size < 4 || source.name.endsWith('.safetensors')) return source.name.endsWith('.gguf');
  const [g0, g1, u, f] = await exactly(source, 0, 4);
  return source.name.endsWith('.gguf') || (g0 === 0x47 && g1 === 0x47 && u === 0x55 && f === 0x46);
}

function countsOf(tensors: readonly TensorEntry[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { type } of tensors) counts[type] = (counts[type] ?? 0) + 1;
  return counts;
}
