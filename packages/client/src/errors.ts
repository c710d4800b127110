/** The error class of this package: what a relying party was shown is not enough, not whole, or not what it says. */

export type ClientErrorKind = 'malformed' | 'untrusted' | 'unavailable' | 'refused' | 'misuse';

/** Every code, with its kind; docs/errors.md explains each one and is held equal by a test. */
export const CLIENT_ERROR_KINDS = {
  'client/agent-refused': 'refused',
  'client/agent-unreachable': 'unavailable',
  'client/answer-incomplete': 'untrusted',
  'client/attestation-malformed': 'malformed',
  'client/attestation-refused': 'untrusted',
  'client/channel-unbound': 'untrusted',
  'client/foreign-origin': 'misuse',
  'client/keyset-expired': 'untrusted',
  'client/not-connected': 'misuse',
  'client/not-sealable': 'misuse',
  'client/proof-refused': 'untrusted',
  'client/receipt-missing': 'untrusted',
  'receipt/report-missing': 'unavailable',
  'report/evidence-missing': 'malformed',
  'report/unbound': 'untrusted',
  'result/changed': 'untrusted',
  'result/code-mismatch': 'untrusted',
  'result/malformed': 'malformed',
  'result/receipt-mismatch': 'untrusted',
  'result/unsigned': 'untrusted',
} as const satisfies Readonly<Record<string, ClientErrorKind>>;

export type ClientErrorCode = keyof typeof CLIENT_ERROR_KINDS;

const BRAND: unique symbol = Symbol.for('assay.ClientError') as never;

/**
 * @example
 * try { await judge(bytes, request) } catch (error) { if (ClientError.is(error)) console.error(error.code) }
 */
export class ClientError extends Error {
  readonly code: ClientErrorCode;
  readonly kind: ClientErrorKind;
  /** Facts for programs; `client/attestation-refused` carries the whole verdict as `verdict`. */
  readonly details: Readonly<Record<string, unknown>>;
  readonly [BRAND] = true;

  constructor(
    code: ClientErrorCode,
    message: string,
    options: { readonly cause?: unknown; readonly details?: Readonly<Record<string, unknown>> } = {},
  ) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    this.details = options.details ?? {};
    this.name = 'ClientError';
    this.code = code;
    this.kind = CLIENT_ERROR_KINDS[code];
  }

  /** True for errors of this class, also across duplicate copies of the package. */
  static is(error: unknown): error is ClientError {
    return typeof error === 'object' && error !== null && BRAND in error;
  }
}
