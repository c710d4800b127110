/** The one shape in which every kind of subject is answered: evidence, bundle, receipt, live report, result file. */

import {
  type Check,
  describeOutcome,
  formatInstant,
  type TcbStanding,
  type VerificationOutcome,
  type VerificationResult,
} from '@assay/attestation';
import { isCoded } from '@assay/encoding/coded-error';

export type SubjectType = 'bundle' | 'receipt' | 'report' | 'result' | 'proof';

export interface Verdict {
  readonly outcome: VerificationOutcome;
  /** The evidence's type, or what else the file is; `null` when nothing was recognised. */
  readonly type: string | null;
  /** What is authentic, JSON-safe; `null` when nothing is. */
  readonly claims: Readonly<Record<string, unknown>> | null;
  readonly checks: readonly Check[];
  readonly tcb: TcbStanding | null;
  readonly error: { readonly code: string; readonly kind: string; readonly message: string } | null;
  /** What the verdict is about, and when. */
  readonly subject: string;
  /** One sentence, computed from the checks: which failed, and what the outcome covers. */
  readonly scope: string;
  readonly warnings: readonly string[];
  /** What the outcome does not prove. */
  readonly limits: readonly string[];
  /** True when anything it rests on comes from a simulator; shown in every output. */
  readonly simulated: boolean;
  /** Name of the policy applied, `null` when it did not come to that. */
  readonly policy: string | null;
  /** RFC 3339 instant the verdict is about. */
  readonly at: string;
}

/**
 * The verdict on a subject whose evidence is authentic: outcome and headline follow from all checks, so neither can contradict one.
 * @example concluded({ subject: 'receipt by …', checks, type: 'receipt', … });
 */
export function concluded(parts: Omit<Verdict, 'outcome' | 'scope' | 'error'>): Verdict {
  const { subject, checks, policy } = parts;
  return {
    ...parts,
    outcome: checks.some(({ outcome }) => outcome === 'fail') ? 'refused' : 'accepted',
    error: null,
    ...headline(subject, checks, policy ?? 'unnamed'),
  };
}

function headline(subject: string, checks: readonly Check[], policy: string | null): Pick<Verdict, 'subject' | 'scope'> {
  return { subject, scope: describeOutcome(subject, checks, { policy }) };
}

/** The verdict on bare evidence. `now` in epoch milliseconds. */
export function evidenceVerdict(result: VerificationResult, now: number): Verdict {
  const { outcome, type, claims, checks, tcb, error, appraisal } = result;
  const at = formatInstant(now);
  return {
    outcome,
    type,
    claims: claims === undefined ? null : { ...claims },
    checks,
    tcb: tcb ?? null,
    error: error === undefined || outcome === 'refused' ? null : { code: error.code, kind: error.kind, message: error.message },
    ...headline(appraisal?.subject ?? `${type ?? 'this file'} at ${at}`, checks, appraisal?.policy ?? null),
    warnings: appraisal?.warnings ?? [],
    limits: appraisal?.limits ?? [],
    simulated: appraisal?.simulated ?? false,
    policy: appraisal?.policy ?? null,
    at,
  };
}

const OUTCOMES: Readonly<Record<string, VerificationOutcome>> = {
  malformed: 'malformed',
  untrusted: 'not-authentic',
  unavailable: 'unavailable',
  refused: 'refused',
};

/**
 * The verdict on a subject that ended in an error. Checks made before it stand in front of the failed one.
 * @throws the error itself when it is no fault of the subject.
 */
export function failedVerdict(type: SubjectType, thrown: unknown, now: number, checks: readonly Check[] = []): Verdict {
  const outcome = isCoded(thrown) ? OUTCOMES[thrown.kind] : undefined;
  if (!isCoded(thrown) || outcome === undefined) throw thrown;
  const { code, kind, message } = thrown;
  const at = formatInstant(now);
  const made: readonly Check[] = [
    ...checks,
    { id: code.replace('/', '.'), outcome: 'fail', expected: null, actual: message, spec: 'docs/errors.md' },
  ];
  return {
    outcome,
    type,
    claims: null,
    checks: made,
    tcb: null,
    error: { code, kind, message },
    ...headline(`${type} at ${at}`, made, null),
    warnings: [],
    limits: [],
    simulated: false,
    policy: null,
    at,
  };
}
