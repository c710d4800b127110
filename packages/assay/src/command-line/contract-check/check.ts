/** Checks the code at an address against an attested build (spec/contract-check.md): proxies, libraries, immutables, constructor. */

import {
  addressOf,
  BEACON_CALL,
  type CodeComparison,
  type CodeRange,
  type ContractArtifact,
  type ContractProxy,
  compareCode,
  constructorParameters,
  creationBytes,
  type DecodedArgument,
  decodeArguments,
  type FilledImmutable,
  type MatchLevel,
  metadataPlaces,
  ownAddress,
  PROXY_SLOTS,
  proxyInCode,
  proxyInSlots,
  runtimeBytes,
  type SourcePlace,
  sourcePlace,
} from '@assay/contracts';
import { encodeHex } from '@assay/encoding/hex';
import { CliError } from '../errors.ts';
import type { AttestedBuild } from './attested-build.ts';
import { type ChainBlock, type ChainCode, codeAt, slotAt } from './chain-code.ts';
import { type Deployment, deploymentOf } from './deployment.ts';
import type { ChainRpc } from './rpc.ts';

export interface CheckedLibrary {
  readonly library: string;
  readonly address: string;
  /** `null` for a library that is not in the build: nothing is known of it. */
  readonly checked: ContractCheck | null;
}

export interface ContractCheck {
  readonly address: string;
  readonly level: MatchLevel;
  /** `source:name` of the contract compared with; of a miss, the nearest. */
  readonly contract: string;
  readonly codeHash: string;
  readonly proxy: ContractProxy | null;
  readonly immutables: readonly FilledImmutable[];
  readonly libraries: readonly CheckedLibrary[];
  readonly arguments: readonly DecodedArgument[] | null;
  readonly difference: (NonNullable<CodeComparison['difference']> & { readonly place: SourcePlace | null }) | null;
  /** What this level does not show. */
  readonly unproven: readonly string[];
}

export interface CheckOptions {
  readonly rpc: ChainRpc;
  readonly block: ChainBlock;
  readonly build: AttestedBuild;
  /** Only contracts of this name, or `source:name`. */
  readonly contract: string | null;
  /** Runtime code of every contract, of the same input with other comments; `null` where it cannot be compiled here. */
  readonly recompiled: () => Promise<ReadonlyMap<string, Uint8Array> | null>;
  readonly deployment: { readonly transaction: string | null; readonly arguments: Uint8Array | null };
}

const MOST_DEPTH = 4;
const LEVELS: readonly MatchLevel[] = ['no match', 'match', 'exact', 'identical'];

/** Whether `level` is at least `wanted`. */
export function reaches(level: MatchLevel, wanted: MatchLevel): boolean {
  return LEVELS.indexOf(level) >= LEVELS.indexOf(wanted);
}

/**
 * Checks an address; a proxy's implementation instead of the proxy.
 * @throws {CliError} `cli/no-code`, `cli/rpc-failed`, `cli/rpc-lies`, `cli/bad-option`; {ContractsError} `chain/proof-invalid` and others.
 */
export async function checkContract(address: string, options: CheckOptions): Promise<ContractCheck> {
  const { rpc, block } = options;
  const at = await codeAt(rpc, address, block);
  if (at.code.length === 0)
    throw new CliError(
      'cli/no-code',
      `expected a contract at ${address}, got an account without code; check address and chain`,
    );
  const proxy = await proxyAt(at, options);
  const own = await compareAt(at, options, 0);
  if (proxy === null || own.level !== 'no match') return { ...own, proxy };
  const target = proxy.kind === 'EIP-1967 beacon' ? await implementationOf(rpc, proxy.target, block) : proxy.target;
  const implementation = await codeAt(rpc, target, block);
  const checked = await compareAt(implementation, { ...options, deployment: { transaction: null, arguments: null } }, 0);
  return {
    ...checked,
    proxy,
    unproven: [`the code of the proxy at ${address} itself, and that it keeps this implementation`, ...checked.unproven],
  };
}

async function compareAt(at: ChainCode, options: CheckOptions, depth: number): Promise<ContractCheck> {
  const { artifact, comparison, metadata } = await nearest(at, options);
  const libraries = await librariesOf(comparison, options, depth);
  const base = {
    address: at.address,
    contract: `${artifact.source}:${artifact.name}`,
    codeHash: at.keccak256,
    proxy: null,
    immutables: comparison.immutables,
    libraries,
  };
  const { difference } = comparison;
  if (difference !== null) {
    const place =
      difference.reason === 'code' || difference.reason === 'length'
        ? placeOf(artifact, difference.offset, options.build)
        : null;
    const unproven = metadata === null ? ['whether only metadata differs: the compiler is not installed here'] : [];
    return { ...base, level: 'no match', arguments: null, difference: { ...difference, place }, unproven };
  }
  const unlinked = libraries.filter(({ checked }) => checked === null || !reaches(checked.level, 'exact'));
  const unproven = unlinked.map(({ library, address }) => `the code of library ${library} at ${address}`);
  if (comparison.callProtected && ownAddress(at.code) !== at.address.toLowerCase())
    return {
      ...base,
      level: 'no match',
      arguments: null,
      difference: { offset: 1, reason: 'code', subject: 'own address', place: null },
      unproven,
    };
  if (comparison.level === 'match')
    return {
      ...base,
      level: 'match',
      arguments: null,
      difference: null,
      unproven: ['that comments, names and settings without a trace in the code are those of the build', ...unproven],
    };
  const replayed = depth > 0 ? null : await replay({ at, artifact, comparison }, options);
  if (replayed?.same === true)
    return {
      ...base,
      level: 'identical',
      arguments: replayed.arguments,
      difference: null,
      unproven: ['what the constructor wrote to storage', ...unproven],
    };
  return {
    ...base,
    level: 'exact',
    arguments: replayed?.arguments ?? null,
    difference: null,
    unproven: [
      replayed === null
        ? 'that the constructor gives this code: no deployment was given to replay'
        : 'that the constructor gives this code: its replay gave other code',
      'that the values of immutables are the wanted ones',
      ...unproven,
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
async function nearest({ code }: ChainCode, { build, contract, recompiled }: CheckOptions): Promise<Nearest> {
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

async function librariesOf(
  { libraries }: CodeComparison,
  options: CheckOptions,
  depth: number,
): Promise<readonly CheckedLibrary[]> {
  const checked: CheckedLibrary[] = [];
  for (const { library, address } of libraries) {
    const known = options.build.artifacts.some(({ source, name }) => `${source}:${name}` === library);
    const at = known && depth < MOST_DEPTH ? await codeAt(options.rpc, address, options.block) : null;
    checked.push({
      library,
      address,
      checked: at === null ? null : await compareAt(at, { ...options, contract: library }, depth + 1),
    });
  }
  return checked;
}

interface Replayed {
  readonly same: boolean;
  readonly arguments: readonly DecodedArgument[] | null;
}

/** Runs the attested creation code again, as the deployment did: `eth_call` without a recipient gives the code that it would leave. */
async function replay(
  {
    at,
    artifact,
    comparison,
  }: { readonly at: ChainCode; readonly artifact: ContractArtifact; readonly comparison: CodeComparison },
  options: CheckOptions,
): Promise<Replayed | null> {
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
  const same = code !== null && code.length === at.code.length && code.every((byte, i) => byte === at.code[i]);
  return { same, arguments: decoded };
}

async function proxyAt({ address, code }: ChainCode, { rpc, block }: CheckOptions): Promise<ContractProxy | null> {
  const inCode = proxyInCode(code);
  if (inCode !== null) return inCode;
  const [implementation, beacon] = [
    await slotAt(rpc, address, PROXY_SLOTS.implementation, block),
    await slotAt(rpc, address, PROXY_SLOTS.beacon, block),
  ];
  return proxyInSlots(implementation, beacon);
}

async function implementationOf(rpc: ChainRpc, beacon: string, block: ChainBlock): Promise<string> {
  const word = `0x${encodeHex(await rpc.bytes('eth_call', [{ to: beacon, data: BEACON_CALL }, block.number]))}`;
  const address = addressOf(word);
  if (address !== null) return address;
  throw new CliError(
    'cli/no-code',
    `expected the beacon at ${beacon} to name an implementation, got none; check address and chain`,
  );
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
