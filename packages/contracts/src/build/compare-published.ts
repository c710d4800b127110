/**
 * Compares a build with what a project published: the artifact of one contract (Hardhat, Truffle, Foundry, or standard JSON), a build-info
 * file, or the code hash that a chain has.
 */

import { keccakOf } from '../digest.ts';
import { ContractsError } from '../errors.ts';
import type { ContractArtifact } from './artifact.ts';
import { codeBytes } from './code-bytes.ts';

export interface PublishedComparison {
  /** `source:name` of contracts whose code is equal. */
  readonly equal: readonly string[];
  readonly different: readonly { readonly contract: string; readonly what: 'creation' | 'runtime' | 'code hash' }[];
  /** Published contracts that the build does not have. */
  readonly missing: readonly string[];
}

interface PublishedCode {
  readonly source: string | null;
  readonly name: string;
  readonly creation: string;
  readonly runtime: string;
}

const HASH = /^0x[0-9a-f]{64}$/;

/**
 * Compares. Contracts without code count for nothing.
 * @param published the parsed JSON, or a code hash as text.
 * @param name of the contract in an artifact that does not name it.
 * @throws {ContractsError} `build/malformed` for what is none of these.
 * @example comparePublished(contracts, JSON.parse(artifact), 'UniswapV2Pair').different.length === 0
 */
export function comparePublished(
  contracts: readonly ContractArtifact[],
  published: unknown,
  name: string,
): PublishedComparison {
  if (typeof published === 'string' && HASH.test(published.toLowerCase()))
    return compareHash(contracts, published.toLowerCase());
  const found = publishedCode(published, name).filter(({ creation }) => creation !== '');
  if (found.length === 0)
    throw new ContractsError(
      'build/malformed',
      'expected an artifact, a build-info file or a code hash of 0x and 64 hex characters, got something else; give one of them',
    );
  const equal: string[] = [];
  const different: { contract: string; what: 'creation' | 'runtime' }[] = [];
  const missing: string[] = [];
  for (const each of found) {
    const own = contracts.find(
      (contract) => contract.name === each.name && (each.source === null || contract.source === each.source),
    );
    if (own === undefined) missing.push(each.source === null ? each.name : `${each.source}:${each.name}`);
    else {
      const contract = `${own.source}:${own.name}`;
      if (own.bytecode !== `0x${each.creation}`) different.push({ contract, what: 'creation' });
      else if (each.runtime !== '' && own.deployedBytecode !== `0x${each.runtime}`)
        different.push({ contract, what: 'runtime' });
      else equal.push(contract);
    }
  }
  return { equal, different, missing };
}

function compareHash(contracts: readonly ContractArtifact[], hash: string): PublishedComparison {
  const hashes = contracts
    .filter(({ deployedBytecode }) => deployedBytecode !== '0x')
    .map((contract) => ({ contract: `${contract.source}:${contract.name}`, hash: runtimeHash(contract) }));
  const equal = hashes.filter((each) => each.hash === hash).map(({ contract }) => contract);
  return {
    equal,
    different: equal.length > 0 ? [] : hashes.map(({ contract }) => ({ contract, what: 'code hash' })),
    missing: [],
  };
}

function runtimeHash({ deployedBytecode, deployedLinkReferences }: ContractArtifact): string {
  const code = {
    object: deployedBytecode.slice(2),
    sourceMap: '',
    linkReferences: deployedLinkReferences,
    immutableReferences: {},
  };
  return keccakOf(codeBytes(code));
}

function publishedCode(published: unknown, name: string): readonly PublishedCode[] {
  const file = fields(published);
  const { contracts } = fields(file.output ?? published);
  if (contracts !== undefined)
    return Object.entries(fields(contracts)).flatMap(([source, each]) =>
      Object.entries(fields(each)).map(([own, contract]) => ({ source, name: own, ...codeOf(fields(contract)) })),
    );
  const source = typeof file.sourceName === 'string' ? file.sourceName : null;
  const own = typeof file.contractName === 'string' ? file.contractName : name;
  return [{ source, name: own, ...codeOf(file) }];
}

/** `bytecode` as text or `{object}`, or below `evm`. */
function codeOf(contract: Fields): Pick<PublishedCode, 'creation' | 'runtime'> {
  const evm = fields(contract.evm);
  const hex = (value: unknown): string => {
    const text = typeof value === 'string' ? value : fields(value).object;
    return typeof text === 'string' ? text.replace(/^0x/, '') : '';
  };
  return { creation: hex(evm.bytecode ?? contract.bytecode), runtime: hex(evm.deployedBytecode ?? contract.deployedBytecode) };
}

type Fields = Readonly<Record<string, unknown>>;

function fields(value: unknown): Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}
