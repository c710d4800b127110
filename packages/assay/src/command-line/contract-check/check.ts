/** Checks the code at an address against an attested build (spec/contract-check.md): the account's own, and all that a proxy leads to. */

import type { ContractProxy } from '@assay/contracts';
import { CliError } from '../errors.ts';
import { type ChainCode, codeAt } from './chain-code.ts';
import { type CodeCheck, type CompareOptions, compareWithBuild, NO_DEPLOYMENT } from './compare.ts';
import { lowest } from './levels.ts';
import { proxyTargets } from './proxies.ts';

/** Code that runs together with the one that is shown. */
export interface CheckedPart {
  readonly role: 'proxy' | 'beacon' | 'implementation';
  readonly checked: CodeCheck;
  /** Whether it counts towards the level: unless it is a proxy or beacon that the user does not want checked. */
  readonly counts: boolean;
}

/** Of a proxy: its implementation, with `level` the lowest of all parts. */
export interface ContractCheck extends CodeCheck {
  /** The proxies on the way; empty for an account that is none. */
  readonly proxies: readonly ContractProxy[];
  /** Of a proxy: everything that was compared, the implementation included; empty otherwise. */
  readonly parts: readonly CheckedPart[];
}

export interface CheckOptions extends CompareOptions {
  /** A proxy or beacon whose code is not in the build does not lower the level. */
  readonly uncheckedProxy: boolean;
}

/**
 * Checks an address; of a proxy, its own code and each implementation.
 * @throws {CliError} `cli/no-code`, `cli/rpc-failed`, `cli/rpc-lies`, `cli/bad-option`; {ContractsError} `chain/proof-invalid` and others.
 * @example const { level } = await checkContract('0x4200000000000000000000000000000000000006', options)
 */
export async function checkContract(address: string, options: CheckOptions): Promise<ContractCheck> {
  const { rpc, block, uncheckedProxy } = options;
  const at = await codeAt(rpc, address, block);
  if (at.code.length === 0)
    throw new CliError(
      'cli/no-code',
      `expected a contract at ${address}, got an account without code; check address and chain`,
    );
  const { proxies, proxyCode, beacons, implementations } = await proxyTargets(at, rpc, block);
  if (proxies.length === 0) return { ...(await compareWithBuild(at, options)), proxies, parts: [] };
  const parts: CheckedPart[] = [];
  const compare = async (role: CheckedPart['role'], code: ChainCode): Promise<void> => {
    const isTarget = role === 'implementation';
    const deployment = code.address === address ? options.deployment : NO_DEPLOYMENT;
    const contract = isTarget ? options.contract : null;
    const checked = await compareWithBuild(code, { ...options, contract, deployment });
    parts.push({ role, checked, counts: isTarget || !uncheckedProxy || checked.own !== 'no match' });
  };
  if (proxyCode !== null) await compare('proxy', proxyCode);
  for (const beacon of beacons) await compare('beacon', beacon);
  for (const implementation of implementations) await compare('implementation', implementation);
  const whole = lowest(parts.filter(({ counts }) => counts).map(({ checked }) => checked));
  const targets = parts.filter(({ role }) => role === 'implementation').map(({ checked }) => checked);
  const shown = targets.find(({ level }) => level === lowest(targets).level) as CodeCheck;
  const unproven = new Set([
    ...parts
      .filter(({ role, checked }) => role !== 'implementation' && checked.own === 'no match')
      .map(({ role, checked }) => `the code of the ${role} at ${checked.address} itself`),
    ...proxies.flatMap(unprovenOf),
    ...parts
      .filter(({ role, checked }) => role === 'implementation' || checked.own !== 'no match')
      .flatMap(({ checked }) => checked.unproven),
  ]);
  return { ...shown, ...whole, proxies, parts, unproven: [...unproven] };
}

/** What a proxy leaves open whatever its code is. */
function unprovenOf({ kind, target }: ContractProxy): readonly string[] {
  if (kind === 'EIP-1167') return [];
  if (kind === 'EIP-7702') return [`that the account keeps its delegation to ${target}: its key can change it`];
  if (kind === 'EIP-1967') return [`that the proxy keeps the implementation ${target}`];
  return [
    `that the beacon at ${target} names this implementation: it was asked by eth_call, which is the RPC's word, also with --block-hash`,
    `that the beacon at ${target} keeps the implementation`,
  ];
}
