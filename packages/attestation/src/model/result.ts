/**
 * What a verification came to (RATS: the Attestation Result): one of five outcomes. `outcome` tells them apart; claims are there when
 * the evidence is authentic, an error is there unless it was accepted. `error.code` is one of a closed list for each outcome.
 */

import type { CodedError, ErrorKind } from '@assay/encoding/coded-error';
import type { ENCODING_ERROR_KINDS } from '@assay/encoding/errors';
import type { ATTESTATION_ERROR_KINDS } from '../errors.ts';
import type { Appraisal } from './appraisal.ts';
import type { Check } from './check.ts';
import type { Claims, EvidenceType, TcbStanding, VerifiedClaims } from './claims.ts';

type Kinds = typeof ATTESTATION_ERROR_KINDS & typeof ENCODING_ERROR_KINDS;
type CodeOf<Kind extends ErrorKind> = { [Code in keyof Kinds]: Kinds[Code] extends Kind ? Code : never }[keyof Kinds];

/** An error of one kind; its code is one of that kind's. */
export type VerificationError<Kind extends ErrorKind> = CodedError<CodeOf<Kind>, Kind>;

interface AuthenticResult<Of extends Claims> {
  readonly type: Of['type'];
  readonly claims: VerifiedClaims<Of>;
  /** Steps of verification and questions of the policy; ids of parts begin with `<part>/`. */
  readonly checks: readonly Check[];
  readonly tcb: TcbStanding | null;
  readonly appraisal: Appraisal;
}

/** Authentic, and the policy accepts it. */
export interface AcceptedResult<Of extends Claims = Claims> extends AuthenticResult<Of> {
  readonly outcome: 'accepted';
  readonly error?: undefined;
}

/** Authentic, and the policy refuses it. */
export interface RefusedResult<Of extends Claims = Claims> extends AuthenticResult<Of> {
  readonly outcome: 'refused';
  /** `policy/refused`, with the failed checks in `details.failed`. */
  readonly error: VerificationError<'refused'>;
}

interface FailedResult<Outcome extends string, Kind extends ErrorKind> {
  readonly outcome: Outcome;
  /** `null` when the bytes were not recognised; of broken evidence the type whose reader claimed them. */
  readonly type: EvidenceType | null;
  /** Those made before, and the one that failed, named after the error. */
  readonly checks: readonly Check[];
  readonly error: VerificationError<Kind>;
  readonly claims?: undefined;
  readonly tcb?: undefined;
  readonly appraisal?: undefined;
}

/** Not evidence, or broken. */
export type MalformedResult = FailedResult<'malformed', 'malformed'>;
/** No trusted root vouches for it. */
export type NotAuthenticResult = FailedResult<'not-authentic', 'untrusted'>;
/** Endorsements that it needs are missing, out of date or foreign. */
export type UnavailableResult = FailedResult<'unavailable', 'unavailable'>;

export type VerificationResult<Of extends Claims = Claims> =
  | AcceptedResult<Of>
  | RefusedResult<Of>
  | MalformedResult
  | NotAuthenticResult
  | UnavailableResult;

export type VerificationOutcome = VerificationResult['outcome'];
