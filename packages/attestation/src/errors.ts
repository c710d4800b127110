/**
 * The one error class of this package. Malformed or unauthentic evidence throws; a policy mismatch never does, it is a
 * failed check of the {@link Appraisal}.
 */

/** What a caller does next. `malformed`: stop, it is not evidence. `untrusted`: stop, it is not authentic.
 * `unavailable`: fetch what is missing and retry. `misuse`: fix the call. */
export type AttestationErrorKind = 'malformed' | 'untrusted' | 'unavailable' | 'misuse';

/** Every code, with its kind. Namespaced `<area>/<defect>`; docs/errors.md explains each one and is held equal by a test. */
export const ATTESTATION_ERROR_KINDS = {
  'evidence/unrecognised': 'malformed',
  'evidence/malformed': 'malformed',
} as const satisfies Readonly<Record<string, AttestationErrorKind>>;

export type AttestationErrorCode = keyof typeof ATTESTATION_ERROR_KINDS;

const BRAND: unique symbol = Symbol.for('assay.AttestationError') as never;

export interface AttestationErrorOptions {
  readonly cause?: unknown;
  /** Facts for programs: expected and actual values, never secrets. */
  readonly details?: Readonly<Record<string, unknown>>;
}

/**
 * Thrown by every parser and verifier here.
 *
 * @example
 * try { await verify(evidence) } catch (error) { if (AttestationError.is(error)) console.error(error.code, error.kind) }
 */
export class AttestationError extends Error {
  readonly code: AttestationErrorCode;
  readonly kind: AttestationErrorKind;
  readonly details: Readonly<Record<string, unknown>>;
  readonly [BRAND] = true;

  constructor(code: AttestationErrorCode, message: string, options: AttestationErrorOptions = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    this.name = 'AttestationError';
    this.code = code;
    this.kind = ATTESTATION_ERROR_KINDS[code];
    this.details = options.details ?? {};
  }

  /** True for errors of this class, also across duplicate copies of the package. */
  static is(error: unknown): error is AttestationError {
    return typeof error === 'object' && error !== null && BRAND in error;
  }
}
