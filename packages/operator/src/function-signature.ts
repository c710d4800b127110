/** The function that a rule of the policy names, and what its arguments can be as text (spec/operator.md §10). */

import type { AbiFunction } from 'viem';
import { parseAbiItem, toFunctionSelector } from 'viem/utils';
import type { Hex } from './hex.ts';

/** A signature, read. */
export interface CalledFunction {
  readonly item: AbiFunction;
  /** The first 4 bytes of its calldata. */
  readonly selector: Hex;
}

/**
 * Reads a signature; `null` when it is none of a function.
 * @example functionOf('function vote(uint256 id)')?.selector // '0x0121b93f'
 */
export function functionOf(signature: string): CalledFunction | null {
  try {
    const item = parseAbiItem(signature as 'function f()') as AbiFunction;
    return item.type === 'function' ? { item, selector: toFunctionSelector(item) } : null;
  } catch {
    return null;
  }
}

/** By the type of an argument: how its values read as text. Types without a row, lists and structs, have no text. */
const FORMS: readonly (readonly [RegExp, RegExp])[] = [
  [/^address$/, /^0x[0-9a-f]{40}$/],
  [/^bytes[0-9]*$/, /^0x(?:[0-9a-f]{2})*$/],
  [/^u?int[0-9]*$/, /^(?:0|-?[1-9][0-9]*)$/],
  [/^bool$/, /^(?:true|false)$/],
  [/^string$/, /^/],
];

/** The form of the texts of arguments of `type`; `null` when a rule cannot compare them. */
export function textFormOf(type: string): RegExp | null {
  return FORMS.find(([types]) => types.test(type))?.[1] ?? null;
}

/** Whether its values have an order. */
export function isNumber(type: string): boolean {
  return /^u?int[0-9]*$/.test(type);
}
