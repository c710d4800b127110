/** Compares code with an attested build, and its libraries with it (spec/contract-check.md §1, §2): libraries, immutables, constructor. */

import {
  type CodeComparison,
  type CodeRange,
  type ContractArtifact,
  compareCode,
  constructorParameters,
  creationBytes,
  type DecodedArgument,
  decodeArguments,
  type FilledImmutable,
  type FilledLibrary,
  type MatchLevel,
  metadataPlaces,
  ownAddress,
  runtimeBytes,
  type SourcePlace,
  sourcePlace,
} from '@assay/contracts';
import { encodeHex } from '@assay/encoding/hex';
import { CliError } from '../errors.ts';
import type { AttestedBuild } from './attested-build.ts';
import { type ChainBlock, type ChainCode, codeAt } from './chain-code.ts';
import { type Deployment, deploymentOf } from './deployment.ts';
import { type Graded, lowest } from './levels.ts';
import type { ChainRpc } from './rpc.ts';

export interface CheckedLibrary {
  readonly library: string;
  readonly address: string;
  /** `null` for a library that is not in the build, is linked too deep, or was named as one not to check. */
  readonly checked: CodeCheck | null;
  /** Whether it counts towards the level: unless the user named it. */
  readonly counts: boolean;
}

/** Code with its libraries; `level` is the lowest of them. */
export interface CodeCheck extends Graded {
  readonly address: string;
  /** The level of this code alone. */
  readonly own: MatchLevel;
  /** `source:name` of the contract compared with; of a miss, the nearest. */
  readonly contract: string;
  readonly codeHash: string;
  readonly immutables: readonly FilledImmutable[];
  readonly libraries: readonly CheckedLibrary[];
  readonly arguments: readonly DecodedArgument[] | null;
  readonly difference: (NonNullable<CodeComparison['difference']> & { readonly place: SourcePlace | null }) | null;
  /** What this level does not show. */
  readonly unproven: readonly string[];
}

export interface CompareOptions {
  readonly rpc: ChainRpc;
  readonly block: ChainBlock;
  readonly build: AttestedBuild;
  /** Only contracts of this name, or `source:name`. */
  readonly contract: string | null;
  /** Runtime code of every contract, of the same input with other comments; `null` where it cannot be compiled here. */
  readonly recompiled: () => Promise<ReadonlyMap<string, Uint8Array> | null>;
  readonly deployment: { readonly transaction: string | null; readonly arguments: Uint8Array | null };
  /** Libraries, `source:name`, that the user does not want checked. */
  readonly uncheckedLibraries: readonly string[];
}

const MOST_DEPTH = 4;
const OWN_ADDRESS_BYTES = 20;
/** Nothing is known of how it was deployed. */
export const NO_DEPLOYMENT = { transaction: null, arguments: null } as const;
/** What stands in for code that nothing is known of. */
const UNKNOWN: Graded = { level: 'no match', undecided: false };

/** @throws {CliError} `cli/rpc-failed`, `cli/rpc-lies`, `cli/bad-option`; {ContractsError} `chain/proof-invalid` and others. */
export async function compareWithBuild(at: ChainCode, options: CompareOptions): Promise<CodeCheck> {
  return compareAt(at, options, 0);
}

interface OwnCheck {
  readonly own: MatchLevel;
  readonly arguments: readonly DecodedArgument[] | null;
  readonly difference: CodeCheck['difference'];
  readonly undecided: boolean;
  readonly unproven: readonly string[];
}

async function compareAt(at: ChainCode, options: CompareOptions, depth: number): Promise<CodeCheck> {
  const nearest = await nearestTo(at, options);
  const { artifact, comparison } = nearest;
  const linked = comparison.difference === null ? linkedLibraries(artifact, comparison, options.build) : [];
  const libraries = await librariesOf(linked, options, depth);
  const own = await ownCheck(at, nearest, options);
  const counted = libraries.filter(({ counts }) => counts).map(({ checked }) => checked ?? UNKNOWN);
  return {
    ...own,
    ...lowest([{ level: own.own, undecided: own.undecided }, ...counted]),
    address: at.address,
    contract: `${artifact.source}:${artifact.name}`,
    codeHash: at.keccak256,
    immutables: comparison.immutables,
    libraries,
    unproven: [
      ...own.unproven,
      ...libraries
        .filter(({ checked }) => checked === null || checked.level === 'no match')
        .map(({ library, address }) => `the code of library ${library} at ${address}`),
    ],
  };
}

async function ownCheck(at: ChainCode, nearest: Nearest, options: CompareOptions): Promise<OwnCheck> {
  const { artifact, comparison, metadata } = nearest;
  const { difference } = comparison;
  const none = { arguments: null, difference: null, undecided: false };
  if (difference !== null) {
    const isCode = difference.reason === 'code' || difference.reason === 'length';
    const place = isCode ? placeOf(artifact, difference.offset, options.build) : null;
    const undecided = metadata === null;
    const unproven = undecided ? ['whether only metadata differs: the compiler is not installed here'] : [];
    return { ...none, own: 'no match', difference: { ...difference, place }, undecided, unproven };
  }
  if (comparison.callProtected && ownAddress(at.code) !== at.address.toLowerCase()) {
    const elsewhere = { offset: 1, reason: 'code', subject: 'own address', place: null } as const;
    return { ...none, own: 'no match', difference: elsewhere, unproven: [] };
  }
  if (comparison.level === 'match') {
    const unproven = ['that comments, names and settings without a trace in the code are those of the build'];
    return { ...none, own: 'match', unproven };
  }
  const replayed = await replay(at, nearest, options);
  if (replayed?.same === true)
    return {
      ...none,
      own: 'identical',
      arguments: replayed.arguments,
      unproven: [
        "that the constructor gives this code: it was run by eth_call, which is the RPC's word, also with --block-hash",
        'what the constructor wrote to storage',
      ],
    };
  return {
    ...none,
    own: 'exact',
    arguments: replayed?.arguments ?? null,
    unproven: [
      replayed === null
        ? 'that the constructor gives this code: no deployment was given to replay'
        : 'that the constructor gives this code: its replay gave other code',
      'that the values of immutables are the wanted ones',
    ],
  };
}

interface Nearest {
  readonly artifact: ContractArtifact;
  readonly comparison: CodeComparison;
  /** Places of metadata, where they were needed and could be found. */
  readonly metadata: readonly CodeRange[] | null;
}

/** The contract of the build that comes nearest; metadata is only looked for when nothing is exact. */
async function nearestTo({ code }: ChainCode, { build, contract, recompiled }: CompareOptions): Promise<Nearest> {
  const named = build.artifacts.filter(
    ({ source, name }) => contract === null || name === contract || `${source}:${name}` === contract,
  );
  const candidates = named.filter(({ deployedBytecode }) => deployedBytecode !== '0x');
  const all = candidates.map((artifact) => ({
    artifact,
    comparison: compareCode(artifact, code, null),
    metadata: [] as readonly CodeRange[] | null,
  }));
  const exact = all.find(({ comparison }) => comparison.level === 'exact');
  if (exact !== undefined) return exact;
  const best = all.sort((a, b) => nearness(b, code) - nearness(a, code))[0];
  if (best === undefined)
    throw new CliError(
      'cli/bad-option',
      `--contract: expected one of ${build.artifacts
        .map(({ name }) => name)
        .slice(0, 20)
        .join(', ')} with code, got ${JSON.stringify(contract)}; name another`,
    );
  if (best.comparison.difference?.reason !== 'code') return best;
  const edited = await recompiled();
  const { artifact } = best;
  const other = edited?.get(`${artifact.source}:${artifact.name}`);
  const metadata = other === undefined ? null : metadataPlaces(runtimeBytes(artifact), other);
  return { artifact, comparison: compareCode(artifact, code, metadata), metadata };
}

/** Same length first, then the later difference. */
function nearness({ artifact, comparison }: Nearest, code: Uint8Array): number {
  const offset = comparison.difference?.offset ?? 0;
  return (runtimeBytes(artifact).length === code.length ? 1_000_000 : 0) + offset;
}

/**
 * The libraries whose code this one runs: those whose addresses the deployment filled in, and those whose addresses stood in the settings of
 * the compilation, which the compiler writes into the code itself.
 */
function linkedLibraries(
  { deployedBytecode }: ContractArtifact,
  { libraries }: CodeComparison,
  { input }: AttestedBuild,
): readonly FilledLibrary[] {
  const preset = (input.settings.libraries ?? {}) as Readonly<Record<string, Readonly<Record<string, string>>>>;
  const named = Object.entries(preset).flatMap(([source, each]) =>
    Object.entries(each).map(([name, address]) => ({ library: `${source}:${name}`, address: address.toLowerCase() })),
  );
  return [...libraries, ...named.filter(({ address }) => deployedBytecode.toLowerCase().includes(address.slice(2)))];
}

async function librariesOf(
  linked: readonly FilledLibrary[],
  options: CompareOptions,
  depth: number,
): Promise<readonly CheckedLibrary[]> {
  const checked: CheckedLibrary[] = [];
  for (const { library, address } of linked) {
    const counts = !options.uncheckedLibraries.includes(library);
    const known = options.build.artifacts.some(
      ({ source, name, deployedBytecode }) => `${source}:${name}` === library && deployedBytecode !== '0x',
    );
    const at = counts && known && depth < MOST_DEPTH ? await codeAt(options.rpc, address, options.block) : null;
    const inner = { ...options, contract: library, deployment: NO_DEPLOYMENT };
    checked.push({ library, address, counts, checked: at === null ? null : await compareAt(at, inner, depth + 1) });
  }
  return checked;
}

interface Replayed {
  readonly same: boolean;
  readonly arguments: readonly DecodedArgument[] | null;
}

/** Runs the attested creation code again, as the deployment did: `eth_call` without a recipient gives the code that it would leave. */
async function replay(at: ChainCode, { artifact, comparison }: Nearest, options: CompareOptions): Promise<Replayed | null> {
  const creation = creationBytes(artifact, comparison.libraries);
  const parameters = constructorParameters(artifact.abi);
  const deployment: Deployment | null = await deploymentOf({
    ...options,
    address: at.address,
    creation,
    needsArguments: parameters.length > 0,
  });
  if (deployment === null) return null;
  const decoded = decodeArguments(parameters, deployment.arguments);
  const data = `0x${encodeHex(creation)}${encodeHex(deployment.arguments)}`;
  const call = { data, from: deployment.from, ...(deployment.value === '0x0' ? {} : { value: deployment.value }) };
  const code = await options.rpc.bytes('eth_call', [call, deployment.block]).catch((error: unknown) => {
    if (CliError.is(error) && error.code === 'cli/rpc-failed') return null; // the constructor reverts, or the state is gone
    throw error;
  });
  // A library writes the address of its own deployment into its code; where it is deployed was compared already.
  const isOwnAddress = (i: number): boolean => comparison.callProtected && i > 0 && i <= OWN_ADDRESS_BYTES;
  const same =
    code !== null && code.length === at.code.length && code.every((byte, i) => byte === at.code[i] || isOwnAddress(i));
  return { same, arguments: decoded };
}

function placeOf(artifact: ContractArtifact, offset: number, { input }: AttestedBuild): SourcePlace | null {
  // The compiler numbers sources in the order of their names.
  const names = Object.keys(input.sources).sort();
  const sourceOf = (id: number) => {
    const name = names[id];
    return name === undefined ? null : { name, text: input.sources[name] ?? '' };
  };
  return sourcePlace({ code: runtimeBytes(artifact), sourceMap: artifact.deployedSourceMap, offset, sourceOf });
}
