/** One contract of a build, as people and tools use it: code, interface, maps, layout. */

import type { JsonObject } from '@assay/encoding/json';
import { digestOf } from '../digest.ts';
import { codeBytes, openLibraries } from './code-bytes.ts';
import type { CodeRange, CompiledContract, CompilerOutput } from './compiler-output.ts';
import { type Immutable, immutablesOf } from './immutables.ts';

export interface ContractArtifact {
  readonly source: string;
  readonly name: string;
  /** Creation code, `0x` and hex, placeholders of open libraries included; `0x` where there is none. */
  readonly bytecode: string;
  /** SHA-256 of the creation code's bytes, 64 lower-case hex characters; open libraries count as zero bytes. */
  readonly hash: string;
  /** Runtime code, likewise. Immutables are zero in it. */
  readonly deployedBytecode: string;
  readonly abi: readonly JsonObject[];
  readonly metadata: string;
  readonly sourceMap: string;
  readonly deployedSourceMap: string;
  readonly storageLayout: JsonObject | null;
  readonly methodIdentifiers: Readonly<Record<string, string>>;
  readonly linkReferences: Readonly<Record<string, Readonly<Record<string, readonly CodeRange[]>>>>;
  readonly deployedLinkReferences: Readonly<Record<string, Readonly<Record<string, readonly CodeRange[]>>>>;
  readonly immutables: readonly Immutable[];
  readonly openLibraries: readonly string[];
}

/**
 * The artifacts of a build by name; `source:name` where a name occurs more than once.
 * @throws {ContractsError} `build/malformed`.
 * @example contractArtifacts(output).Token?.bytecode
 */
export function contractArtifacts(output: CompilerOutput): Readonly<Record<string, ContractArtifact>> {
  const times = new Map<string, number>();
  for (const { name } of output.contracts) times.set(name, (times.get(name) ?? 0) + 1);
  return Object.fromEntries(
    output.contracts.map((contract) => {
      const { source, name } = contract;
      return [times.get(name) === 1 ? name : `${source}:${name}`, artifactOf(contract, output)];
    }),
  );
}

function artifactOf(contract: CompiledContract, output: CompilerOutput): ContractArtifact {
  const { source, name, abi, metadata, storageLayout, methodIdentifiers, creation, runtime } = contract;
  return {
    source,
    name,
    bytecode: `0x${creation.object}`,
    hash: digestOf(codeBytes(creation)).slice('sha256:'.length),
    deployedBytecode: `0x${runtime.object}`,
    abi,
    metadata,
    sourceMap: creation.sourceMap,
    deployedSourceMap: runtime.sourceMap,
    storageLayout,
    methodIdentifiers,
    linkReferences: creation.linkReferences,
    deployedLinkReferences: runtime.linkReferences,
    immutables: immutablesOf(runtime, output),
    openLibraries: openLibraries(creation),
  };
}
