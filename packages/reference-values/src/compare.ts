/** Measured values beside those of evidence: what agrees, what differs, what one of them does not have. Proves nothing about the evidence: verify it first. */

import type { Measured } from './measured.ts';

export type Comparison =
  | { readonly name: string; readonly outcome: 'equal'; readonly expected: string }
  | { readonly name: string; readonly outcome: 'different'; readonly expected: string; readonly actual: string }
  | { readonly name: string; readonly outcome: 'absent'; readonly expected: string }
  | { readonly name: string; readonly outcome: 'not-computed'; readonly reason: string };

/**
 * @param actual measurements of verified claims, name → lower-case hex.
 * @returns differences first.
 * @example compareMeasured(measured, claims.measurements).every(({ outcome }) => outcome === 'equal')
 */
export function compareMeasured(
  measured: Measured,
  actual: Readonly<Record<string, string | undefined>>,
): readonly Comparison[] {
  const rows = Object.entries(measured.values).map(([name, expected]): Comparison => {
    const value = actual[name];
    if (value === undefined) return { name, outcome: 'absent', expected };
    return value === expected ? { name, outcome: 'equal', expected } : { name, outcome: 'different', expected, actual: value };
  });
  const unknown = measured.notComputed.map(({ name, reason }): Comparison => ({ name, outcome: 'not-computed', reason }));
  const order = ['different', 'absent', 'equal'];
  return [...rows.toSorted((left, right) => order.indexOf(left.outcome) - order.indexOf(right.outcome)), ...unknown];
}
