/** An ERC-7512 summary of an audit for one checked deployment (spec/contract-check.md §4): when there is one, and the document with its signature. */

import { type SummaryTypedData, summaryTypedData } from '@assay/contracts';
import { CliError } from '../errors.ts';
import type { AttestedBuild } from './attested-build.ts';
import type { ChainBlock } from './chain-code.ts';
import type { ContractCheck } from './check.ts';
import type { CheckedLibrary } from './compare.ts';
import { reaches } from './levels.ts';
import type { ChainRpc } from './rpc.ts';

export interface SummaryOptions {
  readonly build: AttestedBuild;
  readonly rpc: ChainRpc;
  /** The chain that the signer means; the RPC has to name the same. */
  readonly chainId: number;
  readonly auditUri?: string | undefined;
  readonly simulated: boolean;
}

/** `assay-audit-summary/1`. */
export interface AuditSummary {
  readonly v: 'assay-audit-summary/1';
  readonly summary: SummaryTypedData['message'];
  readonly domain: SummaryTypedData['domain'];
  readonly signed_at: number;
  readonly signature: { readonly type: 'SECP256K1'; readonly data: string };
  readonly signer: string;
  /** What the signer saw; not signed. */
  readonly check: Readonly<Record<string, string | boolean>>;
}

/**
 * The typed data to sign for a deployment that was checked.
 * @throws {CliError} `cli/no-summary` when the bundle holds no audit that passed, the level is below `exact`, part of the code was not checked or
 * can be replaced, or the RPC is one of another chain.
 * @example const typedData = await summaryOf(await checkContract(address, options), { build, rpc, chainId: 1, auditUri, simulated: false })
 */
export async function summaryOf(
  found: ContractCheck,
  { build, rpc, chainId, auditUri, simulated }: SummaryOptions,
): Promise<SummaryTypedData> {
  const { audit } = build;
  if (audit === null) throw absent('an audit in the bundle', 'none', 'give one of assay audit --save');
  if (!audit.passed) throw absent('an audit that passed its rule', 'one that failed', 'mend the contract');
  if (!reaches(found.level, 'exact'))
    throw absent(
      'the level identical or exact',
      found.level,
      'build with the settings of the deployment, or give --creation-tx',
    );
  const open = uncheckedIn(found);
  if (open !== null) throw absent('all code checked', `${open} unchecked`, 'build it together with the contract');
  const proxy = found.proxies.find(({ kind }) => kind !== 'EIP-1167');
  if (proxy !== undefined)
    throw absent('code that stays', `a proxy (${proxy.kind}) to ${proxy.target}`, 'sign for the implementation');
  const actual = await rpc.call('eth_chainId', []);
  if (typeof actual !== 'string' || !/^0x[0-9a-fA-F]{1,13}$/.test(actual) || Number(actual) !== chainId)
    throw absent(
      `an RPC of chain ${chainId}`,
      `one that says ${JSON.stringify(actual).slice(0, 40)}`,
      'check --chain-id and --rpc',
    );
  return summaryTypedData({
    ...{ analyzer: audit.analyzer, keysetDigest: audit.keysetDigest, issuedAt: audit.issuedAt, auditHash: audit.hash },
    ...{ receiptId: build.receiptId, chainId, address: found.address, auditUri, simulated },
  });
}

export interface SignedSummaryOptions {
  /** r, s and v as 0x and hex. */
  readonly signature: string;
  /** Address that the signature gives. */
  readonly signer: string;
  /** Epoch seconds. */
  readonly signedAt: number;
  readonly found: ContractCheck;
  readonly build: AttestedBuild;
  readonly block: ChainBlock;
  readonly simulated: boolean;
}

/**
 * The document with a signature over {@link summaryOf}'s typed data.
 * @example JSON.stringify(signedSummary(typedData, { signature, signer, signedAt, found, build, block, simulated: false }))
 */
export function signedSummary(
  typedData: SummaryTypedData,
  { signature, signer, signedAt, found, build, block, simulated }: SignedSummaryOptions,
): AuditSummary {
  const { level, contract, codeHash } = found;
  return {
    v: 'assay-audit-summary/1',
    summary: typedData.message,
    domain: typedData.domain,
    signed_at: signedAt,
    signature: { type: 'SECP256K1', data: signature },
    signer,
    check: {
      ...{ level, contract, code_hash: codeHash, build_hash: build.buildHash },
      ...{ block_hash: block.hash, block_word: block.word, simulated },
    },
  };
}

function uncheckedIn({ libraries, parts }: Pick<ContractCheck, 'libraries'> & Partial<ContractCheck>): string | null {
  const part = parts?.find(({ counts }) => !counts);
  return part === undefined ? uncheckedLibrary(libraries) : `the ${part.role} at ${part.checked.address}`;
}

function uncheckedLibrary(libraries: readonly CheckedLibrary[]): string | null {
  for (const { library, checked, counts } of libraries) {
    if (!counts || checked === null) return library;
    const inside = uncheckedLibrary(checked.libraries);
    if (inside !== null) return inside;
  }
  return null;
}

function absent(expected: string, got: string, advice: string): CliError {
  return new CliError('cli/no-summary', `no audit summary is signed: expected ${expected}, got ${got}; ${advice}`);
}
