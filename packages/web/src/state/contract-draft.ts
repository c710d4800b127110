/** Sources and settings of work on contracts, as a form holds them, and the request that they become. */

export interface ContractDraft {
  readonly sources: Readonly<Record<string, string>>;
  /** Of one contract that is pasted; counts when there are no files. */
  readonly pasted: string;
  /** Empty: what the pragmas allow. */
  readonly solcVersion: string;
  readonly optimizer: boolean;
  readonly runs: number;
  readonly evmVersion: string;
  readonly viaIR: boolean;
  readonly policy: string;
  /** Audits only: also ask the agent's model. */
  readonly claims: boolean;
}

export const EMPTY_CONTRACTS: ContractDraft = {
  sources: {},
  pasted: '',
  solcVersion: '',
  optimizer: true,
  runs: 200,
  evmVersion: '',
  viaIR: false,
  policy: 'default',
  claims: false,
};

export const MOST_SOURCES = 2000;
export const MOST_SOURCE_BYTES = 5 * 1024 * 1024;

export type ContractWork = 'attested_audit' | 'attested_build';

/** The request of `/api/process`. */
export function contractRequest(type: ContractWork, draft: ContractDraft): Readonly<Record<string, unknown>> {
  const { sources, pasted, solcVersion, optimizer, runs, evmVersion, viaIR, policy, claims } = draft;
  return {
    type,
    ...(Object.keys(sources).length > 0 ? { sources } : { contract_code: pasted }),
    ...(solcVersion.trim() === '' ? {} : { solc_version: solcVersion.trim() }),
    optimizer,
    ...(Number.isInteger(runs) && runs > 0 ? { optimizer_runs: runs } : {}),
    ...(evmVersion.trim() === '' ? {} : { evm_version: evmVersion.trim() }),
    ...(viaIR ? { via_ir: true } : {}),
    ...(type === 'attested_audit' ? { policy, ...(claims ? { claims } : {}) } : {}),
  };
}

/** Whether there is anything to work on. */
export function hasSources({ sources, pasted }: ContractDraft): boolean {
  return Object.keys(sources).length > 0 || pasted.trim() !== '';
}

/**
 * The Solidity files of a choice or a drop, by the path in their folder where there is one.
 * @throws {Error} in words for people.
 */
export async function sourcesOf(files: Iterable<File>): Promise<Readonly<Record<string, string>>> {
  const sources: Record<string, string> = {};
  let bytes = 0;
  for (const file of files) {
    if (!file.name.endsWith('.sol')) continue;
    bytes += file.size;
    if (bytes > MOST_SOURCE_BYTES || Object.keys(sources).length >= MOST_SOURCES)
      throw new Error(`Expected at most ${MOST_SOURCES} files with 5 MiB in all. Leave out what no contract imports.`);
    sources[file.webkitRelativePath.split('/').slice(1).join('/') || file.name] = await file.text();
  }
  if (bytes === 0) throw new Error('Expected Solidity files (.sol), got none.');
  return sources;
}
