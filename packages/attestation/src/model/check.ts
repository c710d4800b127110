/**
 * A check: one question that was put to evidence, and what came out. Verification steps and policy rules both yield checks, so
 * that a reader sees every question in one list. A question that was not put reads `not-checked`, never `pass`.
 */

export type CheckOutcome = 'pass' | 'fail' | 'not-checked';

export interface Check {
  /** Stable name, `<area>.<question>` in kebab case, e.g. `nitro.signature`, `tdx.tcb-status`, `policy.measurement.mrtd`. */
  readonly id: string;
  readonly outcome: CheckOutcome;
  /** What would have passed, as text for people. `null` when nothing was expected. */
  readonly expected: string | null;
  /** What the evidence says, as text for people. `null` when it says nothing. */
  readonly actual: string | null;
  /** The section that asks for this check, e.g. `RFC 5280 §6.1`, `Intel DCAP quote format §A.4`. */
  readonly spec: string;
}

/**
 * A passed check.
 * @example pass('tdx.debug', 'Intel TDX ABI §A.3.4', 'off').outcome // 'pass'
 */
export function pass(id: string, spec: string, actual: string | null = null, expected: string | null = actual): Check {
  return { id, outcome: 'pass', expected, actual, spec };
}

/**
 * A failed check.
 * @example fail('tdx.debug', 'Intel TDX ABI §A.3.4', 'off', 'on').outcome // 'fail'
 */
export function fail(id: string, spec: string, expected: string | null, actual: string | null): Check {
  return { id, outcome: 'fail', expected, actual, spec };
}

/**
 * A check that was not made; `why` says what was missing.
 * @example notChecked('nvidia.rim', 'TCG RIM', 'no manifest was given').outcome // 'not-checked'
 */
export function notChecked(id: string, spec: string, why: string): Check {
  return { id, outcome: 'not-checked', expected: null, actual: why, spec };
}
