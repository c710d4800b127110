/**
 * The case that a claimed exploit makes: names become addresses, arguments become bytes. The attacker's address follows from the hash of
 * claim and build, so that no honest call can favour an address that the model knew.
 */

import { type ContractArtifact, DEPOSITORS, type ExploitCase, keccakOf } from '@assay/contracts';
import { canonicalJson } from '@assay/encoding/json';
import {
  type AbiFunction,
  encodeAbiParameters,
  encodeFunctionData,
  getContractAddress,
  parseAbiItem,
  toFunctionSelector,
} from 'viem';
import type { ClaimedExploit } from './reply.ts';

/** 1000 ether, in wei. */
const FUNDS = `1${'0'.repeat(21)}`;
/** 2023-11-14. */
const TIMESTAMP = 1_700_000_000;
/** What the machine knows; older and other names of the compiler's run under the nearest of these. */
const HARDFORKS = new Set(['berlin', 'london', 'paris', 'shanghai', 'cancun', 'prague', 'osaka']);
const DEFAULT_HARDFORK = 'cancun';

type Hex = `0x${string}`;

/** Why a claim cannot be run, in one line. */
export class NoCase extends Error {}

export interface CaseParts {
  readonly exploit: ClaimedExploit;
  readonly buildHash: string;
  readonly artifact: ContractArtifact;
  /** Creation code of the attacker's contract, `0x…`; `null` without one. */
  readonly attack: string | null;
  readonly evmVersion: string | null;
}

/**
 * Builds the case.
 * @throws {NoCase} for names, signatures and arguments that cannot be encoded.
 */
export function buildCase({ exploit, buildHash, artifact, attack, evmVersion }: CaseParts): ExploitCase {
  if (artifact.bytecode === '0x') throw new NoCase(`${artifact.name} has no code of its own`);
  if (artifact.openLibraries.length > 0) throw new NoCase(`${artifact.name} needs libraries at addresses`);
  const account = (name: string): Hex =>
    keccakOf(`assay/exploit/v1\n${buildHash}\n${canonicalJson(exploit)}\n${name}`).slice(0, 42) as Hex;
  const [deployer, alice, bob, attacker] = (['deployer', 'alice', 'bob', 'attacker'] as const).map(account) as [
    Hex,
    Hex,
    Hex,
    Hex,
  ];
  const at = (from: Hex): Hex => getContractAddress({ from, nonce: 0n }).toLowerCase() as Hex;
  const roles = { deployer, alice, bob, attacker, target: at(deployer), attack: at(attacker) };
  const honestNames = { $deployer: deployer, $alice: alice, $bob: bob, $target: roles.target };
  const names = { ...honestNames, $attacker: attacker, $attack: roles.attack };
  const creation = `${artifact.bytecode}${constructorData(artifact, exploit, honestNames)}`;
  const honest = exploit.honest.map(({ from, function: signature, args, value }) => {
    return { from: roles[from], to: roles.target, data: callData(signature, args, honestNames), value };
  });
  const deployed =
    attack === null
      ? []
      : [
          {
            from: attacker,
            to: null,
            data: `${attack}${roles.target.slice(2).padStart(64, '0')}`,
            value: exploit.attack_value,
          },
        ];
  const attacks = exploit.exploit.map(({ to, function: signature, args, value, wait }) => {
    if (to === 'attack' && attack === null) throw new NoCase('its exploit calls Attack, and there is no attack_source');
    return { from: attacker, to: roles[to], data: callData(signature, args, names), value, wait };
  });
  return {
    v: 'assay-exploit/1',
    invariant: exploit.invariant,
    hardfork: evmVersion !== null && HARDFORKS.has(evmVersion.toLowerCase()) ? evmVersion.toLowerCase() : DEFAULT_HARDFORK,
    timestamp: TIMESTAMP,
    accounts: Object.fromEntries([deployer, alice, bob, attacker].map((each) => [each, FUNDS])),
    roles,
    watched: [attacker, roles.attack, roles.target],
    questions: questionsOf(exploit, artifact, roles).map((data) => ({ to: roles.target, data })),
    calls: [{ from: deployer, to: null, data: creation, value: exploit.constructor_value }, ...honest, ...deployed, ...attacks],
    honest: 1 + honest.length,
  };
}

/** What the target is asked before and after, from its own interface. */
function questionsOf(exploit: ClaimedExploit, { abi, name }: ContractArtifact, roles: ExploitCase['roles']): readonly Hex[] {
  const view = (wanted: string, inputs: readonly string[], output: string): AbiFunction | undefined =>
    (abi as unknown as readonly AbiFunction[]).find(
      (each) =>
        each.type === 'function' &&
        each.name === wanted &&
        (each.stateMutability === 'view' || each.stateMutability === 'pure') &&
        each.inputs.map(({ type }) => type).join() === inputs.join() &&
        each.outputs.map(({ type }) => type).join() === output,
    );
  const asked = (item: AbiFunction, of?: Hex): Hex => encodeFunctionData({ abi: [item], args: of === undefined ? [] : [of] });
  switch (exploit.invariant) {
    case 'attacker-gains': {
      const getter = view('balanceOf', ['address'], 'uint256');
      return getter === undefined ? [] : [asked(getter, roles.attacker as Hex), asked(getter, roles.attack as Hex)];
    }
    case 'deposits-exceed-balance': {
      const getter = view(exploit.deposit_getter ?? '', ['address'], 'uint256');
      if (getter === undefined)
        throw new NoCase(`${name} has no view function ${exploit.deposit_getter ?? '(none named)'}(address) returns (uint256)`);
      return DEPOSITORS.map((role) => asked(getter, roles[role] as Hex));
    }
    case 'owner-changed': {
      const getter = ['owner', 'getOwner', 'admin'].map((each) => view(each, [], 'address')).find((each) => each !== undefined);
      if (getter === undefined) throw new NoCase(`${name} has no owner(), getOwner() or admin()`);
      return [asked(getter)];
    }
    case 'supply-grows': {
      const getter = view('totalSupply', [], 'uint256');
      if (getter === undefined) throw new NoCase(`${name} has no totalSupply()`);
      return [asked(getter)];
    }
  }
}

type Names = Readonly<Record<string, Hex>>;

function constructorData({ abi, name }: ContractArtifact, { constructor_args: args }: ClaimedExploit, names: Names): string {
  const inputs = (abi.find(({ type }) => type === 'constructor')?.inputs ?? []) as unknown as AbiFunction['inputs'];
  return encoded(`the constructor of ${name}`, () => encodeAbiParameters(inputs, named(args, names) as unknown[])).slice(2);
}

function callData(signature: string, args: readonly unknown[], names: Names): Hex {
  return encoded(signature, () => {
    const item = parseAbiItem(`function ${signature}`) as AbiFunction;
    const data =
      args.length === 0 && item.inputs.length === 0
        ? toFunctionSelector(item)
        : encodeFunctionData({ abi: [item], args: named(args, names) as unknown[] });
    return data;
  });
}

function encoded(what: string, encode: () => Hex): Hex {
  try {
    return encode();
  } catch (error) {
    if (error instanceof NoCase) throw error;
    throw new NoCase(`${what} does not take the arguments given`);
  }
}

/** Names of accounts become their addresses. */
function named(value: unknown, names: Names): unknown {
  if (Array.isArray(value)) return value.map((each) => named(each, names));
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, named(each, names)]));
  if (typeof value !== 'string') return value;
  if (value.startsWith('$')) {
    const found = Object.hasOwn(names, value) ? names[value] : undefined;
    if (found === undefined) throw new NoCase(`${value.slice(0, 40)} is no account that this call may name`);
    return found;
  }
  return /^-?[0-9]{1,78}$/.test(value) ? BigInt(value) : value;
}
