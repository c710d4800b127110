/**
 * Compares the code of a chain with the runtime code of a build (spec/contract-check.md). Bytes that a deployment fills in (immutables, library
 * addresses, a library's own address) are taken out by the places that the compiler names, and every copy of one must hold the same. Bytes of
 * metadata are taken out only by places that were found by compiling again; nothing is searched for in the code.
 */

import { encodeHex } from '@assay/encoding/hex';
import type { ContractArtifact } from '../build/artifact.ts';
import { codeBytes } from '../build/code-bytes.ts';
import type { CodeRange } from '../build/compiler-output.ts';
import { immutableValue } from './immutable-value.ts';

/** How near code is to a build, from the nearest. `identical` takes a replay of the constructor, see spec/contract-check.md §2. */
export type MatchLevel = 'identical' | 'exact' | 'match' | 'no match';

export interface FilledImmutable {
  readonly name: string;
  readonly type: string;
  /** As its type is written: decimal, `true`, `0x…`. */
  readonly value: string;
}

export interface FilledLibrary {
  /** `source:name`. */
  readonly library: string;
  readonly address: string;
}

export interface CodeDifference {
  /** Offset in the runtime code, bytes. */
  readonly offset: number;
  readonly reason: 'length' | 'code' | 'immutable-copies-differ' | 'library-copies-differ' | 'immutable-padding';
  /** What it is about: the immutable or library; empty for code. */
  readonly subject: string;
}

export interface CodeComparison {
  readonly level: Exclude<MatchLevel, 'identical'>;
  readonly immutables: readonly FilledImmutable[];
  readonly libraries: readonly FilledLibrary[];
  /** The code is a library's, with its own address in front. */
  readonly callProtected: boolean;
  /** First difference; `null` for a match of any level. */
  readonly difference: CodeDifference | null;
  /** Metadata differs at these offsets; empty where it is equal. */
  readonly metadataAt: readonly number[];
}

const ADDRESS_BYTES = 20;
/** `PUSH20 <own address> ADDRESS EQ`: how libraries keep callers out. */
const CALL_PROTECTION = { push: 0x73, after: [0x30, 0x14] } as const;

/**
 * Compares. `metadata`: places of metadata hashes, from {@link metadataPlaces}; `null` when they are not known, which can only make the result worse.
 * @throws {ContractsError} `build/malformed`.
 * @example compareCode(artifact, decodeHex(code.slice(2)), null).level // 'exact'
 */
export function compareCode(
  artifact: ContractArtifact,
  chain: Uint8Array,
  metadata: readonly CodeRange[] | null,
): CodeComparison {
  const built = runtimeBytes(artifact);
  const nothing = { immutables: [], libraries: [], callProtected: false, metadataAt: [] };
  const refuse = (difference: CodeDifference): CodeComparison => ({ ...nothing, level: 'no match', difference });
  if (chain.length !== built.length)
    return refuse({ offset: firstDifference(built, chain, new Uint8Array(built.length)), reason: 'length', subject: '' });
  const filled = new Uint8Array(built.length);
  const immutables: FilledImmutable[] = [];
  for (const { name, type, places } of artifact.immutables) {
    const value = copyOf(chain, places);
    if (typeof value === 'number') return refuse({ offset: value, reason: 'immutable-copies-differ', subject: name });
    const shown = immutableValue(type, value);
    if (shown === null) return refuse({ offset: places[0]?.start ?? 0, reason: 'immutable-padding', subject: name });
    immutables.push({ name, type, value: shown });
    mark(filled, places);
  }
  const libraries: FilledLibrary[] = [];
  for (const [source, each] of Object.entries(artifact.deployedLinkReferences)) {
    for (const [name, places] of Object.entries(each)) {
      const address = copyOf(chain, places);
      if (typeof address === 'number')
        return refuse({ offset: address, reason: 'library-copies-differ', subject: `${source}:${name}` });
      libraries.push({ library: `${source}:${name}`, address: `0x${encodeHex(address)}` });
      mark(filled, places);
    }
  }
  const callProtected = isCallProtected(built);
  if (callProtected) mark(filled, [{ start: 1, length: ADDRESS_BYTES }]);
  const places = { ...nothing, immutables, libraries, callProtected };
  if (firstDifference(built, chain, filled) === -1) return { ...places, level: 'exact', difference: null };
  const masked = filled.slice();
  mark(masked, metadata ?? []);
  const offset = firstDifference(built, chain, masked);
  if (offset !== -1) return { ...places, level: 'no match', difference: { offset, reason: 'code', subject: '' } };
  const metadataAt = (metadata ?? [])
    .filter(({ start, length }) => differsIn(built, chain, start, length))
    .map(({ start }) => start);
  return { ...places, level: 'match', difference: null, metadataAt };
}

/**
 * Whether the two places of an address that a library holds itself is the one it is deployed at.
 * @example ownAddress(decodeHex(deployed))
 */
export function ownAddress(chain: Uint8Array): string {
  return `0x${encodeHex(chain.subarray(1, 1 + ADDRESS_BYTES))}`;
}

/**
 * The runtime code of a build; what a deployment fills in is zero.
 * @example keccakOf(runtimeBytes(artifact))
 */
export function runtimeBytes(artifact: ContractArtifact): Uint8Array {
  return codeBytes({
    object: artifact.deployedBytecode.slice(2),
    sourceMap: '',
    linkReferences: artifact.deployedLinkReferences,
    immutableReferences: {},
  });
}

/**
 * The creation code of a build, with the addresses of its libraries.
 * @example keccakOf(creationBytes(artifact, []))
 */
export function creationBytes(artifact: ContractArtifact, libraries: readonly FilledLibrary[]): Uint8Array {
  const code = codeBytes({
    object: artifact.bytecode.slice(2),
    sourceMap: '',
    linkReferences: artifact.linkReferences,
    immutableReferences: {},
  });
  for (const [source, each] of Object.entries(artifact.linkReferences)) {
    for (const [name, places] of Object.entries(each)) {
      const address = libraries.find(({ library }) => library === `${source}:${name}`)?.address ?? '';
      for (const { start } of places)
        for (let i = 0; i < ADDRESS_BYTES; i++) code[start + i] = Number.parseInt(address.slice(2 + i * 2, 4 + i * 2), 16) || 0;
    }
  }
  return code;
}

/** The value that stands at every place, or the offset of a copy that is another. */
function copyOf(chain: Uint8Array, places: readonly CodeRange[]): Uint8Array | number {
  const [first] = places;
  if (first === undefined) return new Uint8Array(0);
  const value = chain.subarray(first.start, first.start + first.length);
  for (const { start, length } of places)
    if (length !== first.length || !value.every((byte, i) => chain[start + i] === byte)) return start;
  return value;
}

function isCallProtected(built: Uint8Array): boolean {
  const own = built.subarray(1, 1 + ADDRESS_BYTES);
  const [first, second] = CALL_PROTECTION.after;
  return built[0] === CALL_PROTECTION.push && own.every((byte) => byte === 0) && built[21] === first && built[22] === second;
}

function mark(mask: Uint8Array, places: readonly CodeRange[]): void {
  for (const { start, length } of places) mask.fill(1, start, start + length);
}

/** First offset outside of `mask` at which they differ; -1 for none. */
function firstDifference(built: Uint8Array, chain: Uint8Array, mask: Uint8Array): number {
  const most = Math.max(built.length, chain.length);
  for (let at = 0; at < most; at++) if (mask[at] !== 1 && built[at] !== chain[at]) return at;
  return -1;
}

function differsIn(built: Uint8Array, chain: Uint8Array, start: number, length: number): boolean {
  for (let at = start; at < start + length; at++) if (built[at] !== chain[at]) return true;
  return false;
}
