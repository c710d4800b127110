/** Types of `report.mjs`. */

import type { ColumnShift } from './source.mjs';

export interface Described {
  readonly name: string;
  readonly message: string;
  readonly traceback: string;
}

export const UNSETTLED: number;
export function unsettledError(): Error;
export function textOf(value: unknown, inspect: (value: unknown) => string): string | null;
export function exitCodeOf(code: unknown): number;
export function describe(
  reason: unknown,
  ways: {
    readonly inspect: (value: unknown) => string;
    readonly framesOf: (error: Error) => string;
  },
): Described;
export function programFrames(stack: string, shifts: readonly ColumnShift[]): string;
