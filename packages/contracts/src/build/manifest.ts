/**
 * The manifest of a build: what went in, what compiled it, what came out, by hash (spec/contract-build.md). Its JCS form is hashed to the
 * `buildHash`; the same sources, settings and compiler give the same one on any machine.
 */

import { canonicalJson } from '@assay/encoding/json';
import { digestOf, digestOfJson, keccakOf, type Sha256 } from '../digest.ts';
import { inputHash, type StandardInput } from '../project/standard-input.ts';
import { codeBytes, openLibraries } from './code-bytes.ts';
import type { CompiledCode, CompiledContract, CompilerOutput } from './compiler-output.ts';

/** The compiler, exactly. */
export interface CompilerIdentity {
  readonly name: 'solc';
  /** As it prints it itself, e.g. `0.8.24+commit.e11b9ed9.Emscripten.clang`. */
  readonly version: string;
  readonly platform: 'emscripten';
  /** SHA-256 of its `soljson.js`. */
  readonly hash: Sha256;
}

export interface ManifestCode {
  /** Bytes. */
  readonly length: number;
  readonly hash: Sha256;
  /** Keccak-256, `0x…`: what chains call the code hash, where nothing is left open in the code. */
  readonly keccak256: string;
}

export interface ManifestContract {
  readonly source: string;
  readonly name: string;
  readonly abi_hash: Sha256;
  readonly metadata_hash: Sha256 | null;
  readonly storage_layout_hash: Sha256 | null;
  /** `null` for interfaces and abstract contracts, which have no code. */
  readonly creation: ManifestCode | null;
  readonly runtime: ManifestCode | null;
  /** `source:library` whose address is open; 20 zero bytes stand for it. */
  readonly open_libraries: readonly string[];
}

export interface BuildManifest {
  readonly v: 'assay-build/1';
  readonly compiler: CompilerIdentity;
  readonly input_hash: Sha256;
  readonly settings_hash: Sha256;
  readonly sources: readonly { readonly path: string; readonly hash: Sha256 }[];
  /** Sorted by source, then name. */
  readonly contracts: readonly ManifestContract[];
}

/**
 * The manifest of what a compiler made of an input.
 * @throws {ContractsError} `build/malformed` for code that is no hex.
 * @example buildHash(buildManifest({ compiler, input, output }))
 */
export function buildManifest({
  compiler,
  input,
  output,
}: {
  readonly compiler: CompilerIdentity;
  readonly input: StandardInput;
  readonly output: CompilerOutput;
}): BuildManifest {
  return {
    v: 'assay-build/1',
    compiler,
    input_hash: inputHash(input),
    settings_hash: digestOfJson(input.settings),
    sources: Object.entries(input.sources)
      .map(([path, content]) => ({ path, hash: digestOf(content) }))
      .sort((a, b) => (a.path < b.path ? -1 : 1)),
    contracts: output.contracts.map(manifestContract),
  };
}

/**
 * The bytes that are hashed and kept: the manifest's JCS form.
 * @example buildHash(manifest) === digestOf(manifestText(manifest)) // true
 */
export function manifestText(manifest: BuildManifest): string {
  return canonicalJson(manifest);
}

/**
 * `sha256:` over {@link manifestText}.
 * @example buildHash(manifest) === digestOf(manifestText(manifest)) // true
 */
export function buildHash(manifest: BuildManifest): Sha256 {
  return digestOf(manifestText(manifest));
}

function manifestContract(contract: CompiledContract): ManifestContract {
  const { source, name, abi, metadata, storageLayout, creation, runtime } = contract;
  return {
    source,
    name,
    abi_hash: digestOfJson(abi),
    metadata_hash: metadata === '' ? null : digestOf(metadata),
    storage_layout_hash: storageLayout === null ? null : digestOfJson(withoutTreeIds(storageLayout)),
    creation: manifestCode(creation),
    runtime: manifestCode(runtime),
    open_libraries: openLibraries(creation),
  };
}

function manifestCode(code: CompiledCode): ManifestCode | null {
  if (code.object === '') return null;
  const bytes = codeBytes(code);
  return { length: bytes.length, hash: digestOf(bytes), keccak256: keccakOf(bytes) };
}

/** Numbers of the syntax tree differ with what else was compiled; they say nothing about the layout. */
function withoutTreeIds(layout: unknown): unknown {
  if (Array.isArray(layout)) return layout.map(withoutTreeIds);
  if (typeof layout === 'string') return layout.replace(/\)[0-9]+/g, ')');
  if (typeof layout !== 'object' || layout === null) return layout;
  const members = Object.entries(layout).filter(([name]) => name !== 'astId');
  return Object.fromEntries(members.map(([name, value]) => [name.replace(/\)[0-9]+/g, ')'), withoutTreeIds(value)]));
}
