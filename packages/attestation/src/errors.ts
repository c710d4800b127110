/**
 * The one error class of this package. Malformed or unauthentic evidence throws; a policy mismatch never does, it is a
 * failed check of the {@link Appraisal}.
 */

/** What a caller does next. `malformed`: stop, it is not evidence. `untrusted`: stop, it is not authentic.
 * `unavailable`: fetch what is missing and retry. `misuse`: fix the call. */
export type AttestationErrorKind = 'malformed' | 'untrusted' | 'unavailable' | 'misuse';

/** Every code, with its kind. Namespaced `<area>/<defect>`; docs/errors.md explains each one and is held equal by a test. */
export const ATTESTATION_ERROR_KINDS = {
  'answer/address-mismatch': 'untrusted',
  'answer/malformed': 'malformed',
  'answer/request-mismatch': 'untrusted',
  'answer/response-mismatch': 'untrusted',
  'answer/signature-invalid': 'untrusted',
  'certificate/chain-broken': 'untrusted',
  'certificate/chain-too-long': 'malformed',
  'certificate/crl-expired': 'untrusted',
  'certificate/crl-malformed': 'malformed',
  'certificate/crl-missing': 'unavailable',
  'certificate/crl-not-yet-valid': 'untrusted',
  'certificate/crl-signature-invalid': 'untrusted',
  'certificate/expired': 'untrusted',
  'certificate/key-usage': 'untrusted',
  'certificate/malformed': 'malformed',
  'certificate/not-a-ca': 'untrusted',
  'certificate/not-yet-valid': 'untrusted',
  'certificate/ocsp-malformed': 'malformed',
  'certificate/ocsp-outdated': 'untrusted',
  'certificate/ocsp-responder-untrusted': 'untrusted',
  'certificate/ocsp-signature-invalid': 'untrusted',
  'certificate/path-length-exceeded': 'untrusted',
  'certificate/revoked': 'untrusted',
  'certificate/root-not-trusted': 'untrusted',
  'certificate/signature-invalid': 'untrusted',
  'certificate/unknown-critical-extension': 'untrusted',
  'certificate/unsupported-algorithm': 'untrusted',
  'combined/key-unbound': 'untrusted',
  'combined/malformed': 'malformed',
  'combined/public-key-mismatch': 'untrusted',
  'dcap/attestation-key-unbound': 'untrusted',
  'dcap/certification-data-unsupported': 'unavailable',
  'dcap/collateral-expired': 'untrusted',
  'dcap/collateral-missing': 'unavailable',
  'dcap/collateral-not-yet-valid': 'untrusted',
  'dcap/key-type-unsupported': 'malformed',
  'dcap/pck-chain-invalid': 'untrusted',
  'dcap/pck-extensions-malformed': 'malformed',
  'dcap/qe-identity-malformed': 'malformed',
  'dcap/qe-identity-mismatch': 'untrusted',
  'dcap/qe-identity-signature-invalid': 'untrusted',
  'dcap/qe-report-signature-invalid': 'untrusted',
  'dcap/qe-vendor-unknown': 'untrusted',
  'dcap/quote-malformed': 'malformed',
  'dcap/quote-missing': 'unavailable',
  'dcap/quote-signature-invalid': 'untrusted',
  'dcap/runtime-data-unbound': 'untrusted',
  'dcap/tcb-info-malformed': 'malformed',
  'dcap/tcb-info-mismatch': 'untrusted',
  'dcap/tcb-info-signature-invalid': 'untrusted',
  'dcap/tcb-revoked': 'untrusted',
  'dcap/tcb-signing-chain-invalid': 'untrusted',
  'dcap/tdx-module-mismatch': 'untrusted',
  'dcap/tdx-module-unknown': 'untrusted',
  'dcap/tee-type-unsupported': 'malformed',
  'dcap/version-unsupported': 'malformed',
  'dstack/attestation-malformed': 'malformed',
  'dstack/carrier-unsupported': 'unavailable',
  'dstack/compose-hash-mismatch': 'untrusted',
  'dstack/config-mismatch': 'untrusted',
  'dstack/event-digest-mismatch': 'untrusted',
  'dstack/event-log-malformed': 'malformed',
  'dstack/identity-event-repeated': 'untrusted',
  'dstack/image-measurements-malformed': 'malformed',
  'dstack/key-custody-invalid': 'untrusted',
  'dstack/register-mismatch': 'untrusted',
  'dstack/report-data-mismatch': 'untrusted',
  'e2ee/answer-in-clear': 'untrusted',
  'e2ee/key-missing': 'untrusted',
  'e2ee/not-sealable': 'misuse',
  'e2ee/open-failed': 'untrusted',
  'endorsements/not-found': 'unavailable',
  'endorsements/offline': 'unavailable',
  'endorsements/stale': 'unavailable',
  'endorsements/too-large': 'unavailable',
  'endorsements/unreachable': 'unavailable',
  'evidence/malformed': 'malformed',
  'evidence/unrecognised': 'malformed',
  'nitro/algorithm-not-es384': 'untrusted',
  'nitro/malformed': 'malformed',
  'nitro/signature-invalid': 'untrusted',
  'nvidia/certificate-revoked': 'untrusted',
  'nvidia/certificates-missing': 'unavailable',
  'nvidia/device-mismatch': 'untrusted',
  'nvidia/evidence-malformed': 'malformed',
  'nvidia/firmware-id-mismatch': 'untrusted',
  'nvidia/opaque-malformed': 'malformed',
  'nvidia/rim-digest-mismatch': 'untrusted',
  'nvidia/rim-malformed': 'malformed',
  'nvidia/rim-signature-invalid': 'untrusted',
  'nvidia/rim-signature-unsupported': 'malformed',
  'nvidia/signature-invalid': 'untrusted',
  'nvidia/spdm-malformed': 'malformed',
  'policy/malformed': 'misuse',
  'proof/malformed': 'malformed',
  'proof/not-yet-made': 'untrusted',
  'service/address-missing': 'untrusted',
  'service/refused': 'unavailable',
  'service/signature-missing': 'untrusted',
  'service/unreachable': 'unavailable',
  'snp/certificate-chain-mismatch': 'untrusted',
  'snp/certificate-table-malformed': 'malformed',
  'snp/chip-id-mismatch': 'untrusted',
  'snp/endorsement-key-malformed': 'malformed',
  'snp/endorsement-key-missing': 'unavailable',
  'snp/malformed': 'malformed',
  'snp/product-mismatch': 'untrusted',
  'snp/product-unknown': 'untrusted',
  'snp/report-missing': 'unavailable',
  'snp/runtime-data-unbound': 'untrusted',
  'snp/signature-algorithm-unsupported': 'malformed',
  'snp/signature-invalid': 'untrusted',
  'snp/tcb-mismatch': 'untrusted',
  'snp/unsigned': 'untrusted',
  'snp/version-unsupported': 'malformed',
  'token/algorithm-refused': 'untrusted',
  'token/detached-digest-mismatch': 'untrusted',
  'token/expired': 'untrusted',
  'token/issuer-unknown': 'untrusted',
  'token/key-malformed': 'malformed',
  'token/key-missing': 'unavailable',
  'token/malformed': 'malformed',
  'token/not-yet-valid': 'untrusted',
  'token/signature-invalid': 'untrusted',
  'tpm/algorithm-unsupported': 'malformed',
  'tpm/key-missing': 'unavailable',
  'tpm/key-unbound': 'untrusted',
  'tpm/malformed': 'malformed',
  'tpm/pcr-digest-mismatch': 'untrusted',
  'tpm/signature-invalid': 'untrusted',
  'vendor/expired': 'untrusted',
  'vendor/key-not-trusted': 'untrusted',
  'vendor/malformed': 'malformed',
  'vendor/not-yet-valid': 'untrusted',
  'vendor/signature-invalid': 'untrusted',
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
