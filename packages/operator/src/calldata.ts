/**
 * What a transaction's calldata spends (spec/operator.md §11). Transfers, allowances, permits and authorisations count; calldata that is
 * not exactly what its selector says (bytes behind, dirty address bytes) is not decoded, and what is not decoded is denied.
 */

import { decodeFunctionData, encodeFunctionData, parseAbi, toFunctionSelector } from 'viem/utils';
import { functionOf, textFormOf } from './function-signature.ts';
import type { Hex } from './hex.ts';
import type { Asset } from './policy.ts';

/** What a transaction moves, or lets others move. */
export interface Spend {
  readonly asset: Asset;
  readonly amount: bigint;
  /** Who receives it or may spend it; `null` for the native value, which goes to `to`. */
  readonly beneficiary: Hex | null;
}

/** Calldata that was understood. */
export interface DecodedCall {
  readonly name: string;
  readonly spends: readonly Spend[];
}

/** Where the beneficiary and the amount stand among the arguments. */
const SPENDING = [
  { signature: 'function transfer(address to, uint256 amount)', beneficiary: 0, amount: 1 },
  { signature: 'function approve(address spender, uint256 amount)', beneficiary: 0, amount: 1 },
  { signature: 'function transferFrom(address from, address to, uint256 amount)', beneficiary: 1, amount: 2 },
  { signature: 'function increaseAllowance(address spender, uint256 amount)', beneficiary: 0, amount: 1 },
  {
    signature:
      'function permit(address owner, address spender, uint256 value, uint256 deadline, uint8 v, bytes32 r, bytes32 s)',
    beneficiary: 1,
    amount: 2,
  },
  {
    signature:
      'function transferWithAuthorization(address from, address to, uint256 value, uint256 validAfter, uint256 validBefore, bytes32 nonce, uint8 v, bytes32 r, bytes32 s)',
    beneficiary: 1,
    amount: 2,
  },
  {
    signature:
      'function receiveWithAuthorization(address from, address to, uint256 value, uint256 validAfter, uint256 validBefore, bytes32 nonce, uint8 v, bytes32 r, bytes32 s)',
    beneficiary: 1,
    amount: 2,
  },
  /** Permit2: the token is an argument, not the contract. */
  {
    signature: 'function approve(address token, address spender, uint160 amount, uint48 expiration)',
    token: 0,
    beneficiary: 1,
    amount: 2,
  },
  {
    signature: 'function transferFrom(address from, address to, uint160 amount, address token)',
    token: 3,
    beneficiary: 1,
    amount: 2,
  },
] as const;

const BY_SELECTOR = new Map(
  SPENDING.map((row) => [toFunctionSelector(row.signature) as string, { ...row, abi: parseAbi([row.signature as string]) }]),
);

/**
 * The selector of calldata: its first 4 bytes.
 * @example selectorOf('0xa9059cbb00') // '0xa9059cbb'
 */
export function selectorOf(data: Hex): Hex | null {
  return data.length >= 10 ? (data.slice(0, 10) as Hex) : null;
}

/**
 * What calldata to `contract` spends; `null` when it is not one of the known functions, exactly encoded.
 * @example decodeSpending('0x1c23…', '0xa9059cbb…') // { name: 'transfer', spends: [{ asset: '0x1c23…', amount: 5n, … }] }
 */
export function decodeSpending(contract: Hex, data: Hex): DecodedCall | null {
  const row = BY_SELECTOR.get(selectorOf(data) ?? '');
  if (row === undefined) return null;
  const args = decodeExactly(row.abi, data);
  if (args === null) return null;
  const token = 'token' in row ? (String(args[row.token]).toLowerCase() as Hex) : contract;
  const beneficiary = String(args[row.beneficiary]).toLowerCase() as Hex;
  const name = /^function (\w+)/.exec(row.signature)?.[1] ?? '';
  return { name, spends: [{ asset: token, amount: BigInt(args[row.amount] as bigint), beneficiary }] };
}

/**
 * The arguments of calldata for one function, as texts; `null` when it is for another, or not exactly encoded. Addresses and bytes are lower
 * case; a list or a struct has no text: `null`.
 * @example decodeArguments('transfer(address,uint256)', data) // ['0x…', '1000']
 */
export function decodeArguments(signature: string, data: Hex): readonly (string | null)[] | null {
  const called = functionOf(signature);
  if (called === null || called.selector !== selectorOf(data)) return null;
  const args = decodeExactly([called.item], data);
  return args === null ? null : args.map((value, index) => textOf(value, called.item.inputs[index]?.type ?? ''));
}

function textOf(value: unknown, type: string): string | null {
  if (textFormOf(type) === null) return null;
  return /^(?:address|bytes[0-9]*)$/.test(type) ? String(value).toLowerCase() : String(value);
}

/** Decodes, and encodes again: one call has one encoding. */
function decodeExactly(abi: Parameters<typeof decodeFunctionData>[0]['abi'], data: Hex): readonly unknown[] | null {
  try {
    const { functionName, args = [] } = decodeFunctionData({ abi, data });
    const again = encodeFunctionData({ abi, functionName, args } as Parameters<typeof encodeFunctionData>[0]);
    return again === data ? args : null;
  } catch {
    return null;
  }
}
