/**
 * Slither's detectors and the Common Weakness Enumeration, as the SWC registry joined them. Detectors that no weakness describes well
 * have none.
 */

const WEAKNESSES: readonly (readonly [prefix: string, cwe: number])[] = [
  ['reentrancy-', 841],
  ['arbitrary-send-', 284],
  ['suicidal', 284],
  ['unprotected-upgrade', 284],
  ['protected-vars', 284],
  ['tx-origin', 477],
  ['deprecated-standards', 477],
  ['weak-prng', 330],
  ['gelato-unprotected-randomness', 330],
  ['timestamp', 829],
  ['controlled-delegatecall', 829],
  ['delegatecall-loop', 829],
  ['unchecked-', 252],
  ['unused-return', 252],
  ['uninitialized-', 824],
  ['shadowing-', 710],
  ['divide-before-multiply', 682],
  ['incorrect-shift', 682],
  ['incorrect-exp', 682],
  ['incorrect-equality', 667],
  ['rtlo', 451],
  ['encode-packed-collision', 294],
  ['assert-state-change', 670],
  ['calls-loop', 703],
  ['pragma', 664],
  ['solc-version', 937],
  ['dead-code', 561],
  ['unused-state', 563],
  ['write-after-write', 563],
  ['controlled-array-length', 770],
];

/** The weakness's number, or `null`. */
export function weaknessOf(check: string): number | null {
  return WEAKNESSES.find(([prefix]) => check.startsWith(prefix))?.[1] ?? null;
}
