/**
 * A check as the attestation package reports them, so that both kinds stand in one list: one question, its outcome, and where it
 * is asked for. A question that was not put reads `not-checked`, never `pass`.
 */
export interface Check {
  /** `<area>.<question>`, e.g. `bundle.inclusion`. */
  readonly id: string;
  readonly outcome: 'pass' | 'fail' | 'not-checked';
  readonly expected: string | null;
  readonly actual: string | null;
  readonly spec: string;
}
