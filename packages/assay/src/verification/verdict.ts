/**
 * The verdict on any subject: evidence, bundle, receipt, live report, result file, proof of an answer. `outcome` tells five results
 * apart, `type` what the subject is; both narrow. `error.code` is one of a closed list for each outcome.
 */

import {
  type ATTESTATION_ERROR_KINDS,
  AttestationError,
  type Check,
  checksBefore,
  describeOutcome,
  formatInstant,
  subjectName,
  type TcbStanding,
  type VerificationOutcome,
  type VerificationResult,
  type VerifiedClaims,
} from '@assay/attestation';
import { type CodedError, type ErrorKind, isCoded } from '@assay/encoding/coded-error';
import type { ENCODING_ERROR_KINDS } from '@assay/encoding/errors';
import type { Json, JsonObject } from '@assay/encoding/json';
import type { ComparisonPath, MODEL_ERROR_KINDS } from '@assay/models';
import type { Keyset, RECEIPT_ERROR_KINDS, Receipt, Report, VerifiedBundle, VerifiedReceipt } from '@assay/receipt';
import { type CLIENT_ERROR_KINDS, ClientError } from '../errors.ts';

type Kinds = typeof ATTESTATION_ERROR_KINDS &
  typeof ENCODING_ERROR_KINDS &
  typeof RECEIPT_ERROR_KINDS &
  typeof CLIENT_ERROR_KINDS &
  typeof MODEL_ERROR_KINDS;
type CodeOf<Kind extends ErrorKind> = { [Code in keyof Kinds]: Kinds[Code] extends Kind ? Code : never }[keyof Kinds];

/** Why a subject was not accepted; its code is one of that kind's. */
export type VerdictError<Kind extends ErrorKind = ErrorKind> = CodedError<CodeOf<Kind>, Kind>;

/** What people read, and every check behind it. */
export interface Findings {
  readonly checks: readonly Check[];
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

/** A bundle's receipts, each with its time by the enclave's clock (epoch milliseconds) and the payloads that the file holds. */
export interface BundleContents {
  readonly receipts: readonly VerifiedReceipt[];
  /** Of each keyset, oldest first, as of the time it was logged. */
  readonly evidence: VerifiedBundle<VerifiedClaims>['evidence'];
  readonly log: VerifiedBundle<VerifiedClaims>['log'];
  /** Of a record of a comparison: both wealths after each query. */
  readonly comparison?: ComparisonPath | undefined;
}

/** An attested keyset. */
export interface ReportContents {
  readonly report: Report;
  readonly keyset: Keyset;
}

/** A receipt, and the attested keyset that signed it. */
export interface ReceiptContents extends ReportContents {
  readonly receipt: Receipt;
}

/** A result file's receipt, and what the file says of its model. */
export interface ResultContents {
  readonly receipt: Receipt;
  readonly inference: Json;
  /** The whole file, as far as the receipt covers it. */
  readonly answer: JsonObject;
}

/** An answer that a service signed inside its TEE. */
export interface ProofContents {
  readonly service: string;
  readonly model: string;
  /** Epoch milliseconds, the keeper's word. */
  readonly time: number;
  readonly signer: { readonly address: string; readonly algorithm: string; readonly statedModel: string | null };
  /** Lower-case hex SHA-256. */
  readonly requestHash: string;
  readonly responseHash: string;
}

/** What an authentic agent's file holds, by its type. */
export interface ContentsByType {
  readonly bundle: BundleContents;
  readonly report: ReportContents;
  readonly receipt: ReceiptContents;
  readonly result: ResultContents;
  readonly proof: ProofContents;
}

/** The kinds of files that `verify` tells apart. */
export type SubjectType = keyof ContentsByType;

interface Authentic {
  /** Of the TEE that vouches for the subject; of a bundle's first keyset. */
  readonly claims: VerifiedClaims;
  readonly tcb: TcbStanding | null;
}

/** Authentic, and the policy accepts it. */
export type AcceptedSubject<Type extends SubjectType> = Findings &
  Authentic &
  ContentsByType[Type] & { readonly type: Type; readonly outcome: 'accepted'; readonly error?: undefined };

/** Authentic, and the policy refuses it. */
export type RefusedSubject<Type extends SubjectType> = Findings &
  Authentic &
  ContentsByType[Type] & { readonly type: Type; readonly outcome: 'refused'; readonly error: VerdictError<'refused'> };

interface Failure<Type, Outcome extends VerificationOutcome, Kind extends ErrorKind> extends Findings {
  readonly type: Type;
  readonly outcome: Outcome;
  readonly error: VerdictError<Kind>;
  readonly claims?: undefined;
  readonly tcb?: undefined;
}

/** The verdict on a file whose claims are not known to be authentic. */
export type FailedSubject<Type> =
  | Failure<Type, 'malformed', 'malformed'>
  | Failure<Type, 'not-authentic', 'untrusted'>
  | Failure<Type, 'unavailable', 'unavailable'>;

/** The verdict on one type of file that agents make. */
export type SubjectVerdict<Type extends SubjectType> = AcceptedSubject<Type> | RefusedSubject<Type> | FailedSubject<Type>;

/** The verdict on a bundle. */
export type BundleVerdict = SubjectVerdict<'bundle'>;
/** The verdict on a report. */
export type ReportVerdict = SubjectVerdict<'report'>;
/** The verdict on a receipt. */
export type ReceiptVerdict = SubjectVerdict<'receipt'>;
/** The verdict on a result file. */
export type ResultVerdict = SubjectVerdict<'result'>;
/** The verdict on a proof of one answer. */
export type ProofVerdict = SubjectVerdict<'proof'>;
/** The verdict on bare evidence; `type` is the evidence's, `null` when nothing was recognised. */
export type EvidenceVerdict = VerificationResult & Findings;

/** The verdict on one file; `type` says what the file is, `outcome` whether its claims may be used. */
export type Verdict = BundleVerdict | ReportVerdict | ReceiptVerdict | ResultVerdict | ProofVerdict | EvidenceVerdict;

type Conclusion<Type extends SubjectType> = Omit<Findings, 'scope'> &
  Authentic &
  ContentsByType[Type] & { readonly type: Type };

/**
 * The verdict on a subject whose evidence is authentic: outcome and headline follow from all checks, so neither can contradict one.
 * @example concluded({ ...authentic, type: 'receipt', subject: 'receipt by agent.example', checks, receipt }).outcome
 */
export function concluded<Type extends SubjectType>(parts: Conclusion<Type>): AcceptedSubject<Type> | RefusedSubject<Type> {
  const { subject, checks, policy } = parts;
  const found = { ...parts, scope: describeOutcome(subject, checks, { policy: policy ?? 'unnamed' }) };
  const failed = checks.filter(({ outcome }) => outcome === 'fail');
  if (failed.length === 0) return { ...found, outcome: 'accepted' } as unknown as AcceptedSubject<Type>;
  return { ...found, outcome: 'refused', error: refusalOf(failed, policy) } as unknown as RefusedSubject<Type>;
}

function refusalOf(failed: readonly Check[], policy: string | null): VerdictError<'refused'> {
  const [first] = failed;
  const more = failed.length > 1 ? ` and ${failed.length - 1} more` : '';
  return new AttestationError(
    'policy/refused',
    `expected ${first?.expected ?? 'what the policy wants'}, got ${first?.actual ?? 'something else'} (${first?.id}${more}, policy ${policy ?? 'unnamed'}); ` +
      'use another one, or change the policy if you accept that',
    { details: { failed } },
  ) as VerdictError<'refused'>;
}

/** The verdict on bare evidence. `now` in epoch milliseconds. */
export function evidenceVerdict(result: VerificationResult, now: number): EvidenceVerdict {
  const { type, checks, appraisal } = result;
  const at = formatInstant(now);
  const subject = appraisal?.subject ?? `${subjectName(type)} at ${at}`;
  const policy = appraisal?.policy ?? null;
  return {
    ...result,
    subject,
    scope: describeOutcome(subject, checks, { policy }),
    warnings: appraisal?.warnings ?? [],
    limits: appraisal?.limits ?? [],
    simulated: appraisal?.simulated ?? false,
    policy,
    at,
  };
}

const OUTCOMES = { malformed: 'malformed', untrusted: 'not-authentic', unavailable: 'unavailable' } as const;

/**
 * The verdict on a subject that ended in an error. Checks made before it stand in front of the failed one.
 * @throws the error itself when it is no fault of the subject.
 */
export function failedVerdict<Type extends string | null>(
  type: Type,
  thrown: unknown,
  now: number,
  checks: readonly Check[] = [],
): FailedSubject<Type> {
  if (!isCoded(thrown) || thrown.kind === 'misuse' || thrown.kind === 'refused') throw thrown;
  const at = formatInstant(now);
  const made: readonly Check[] = [
    ...checks,
    ...checksBefore(thrown),
    { id: thrown.code.replace('/', '.'), outcome: 'fail', expected: null, actual: thrown.message, spec: 'docs/errors.md' },
  ];
  const subject = `${subjectName(type)} at ${at}`;
  return {
    ...{ type, outcome: OUTCOMES[thrown.kind], error: thrown, checks: made, subject, at },
    scope: describeOutcome(subject, made, { policy: null }),
    ...{ warnings: [], limits: [], simulated: false, policy: null },
  } as FailedSubject<Type>;
}

/** Why a verdict is not `accepted`, in one line for the error that quotes it. */
export function reasonOf({ error, outcome }: Verdict): string {
  return error?.message ?? outcome;
}

/**
 * The verdict behind an error that says a subject was not accepted; `null` for any other error.
 * @example try { await connect(url) } catch (error) { console.error(verdictOf(error)?.checks) }
 */
export function verdictOf(error: unknown): Verdict | null {
  if (!ClientError.is(error)) return null;
  return (error.details.verdict as Verdict | undefined) ?? null;
}

const SUBJECT_TYPES: ReadonlySet<string | null> = new Set<SubjectType>(['bundle', 'proof', 'receipt', 'report', 'result']);

/** True for the verdict on bare evidence, and on files that were not recognised. */
export function isEvidence(verdict: Verdict): verdict is EvidenceVerdict {
  return !SUBJECT_TYPES.has(verdict.type);
}
