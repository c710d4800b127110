/** The one error class of this package. Every reader here throws it and nothing else. */

/** What a caller does next. `malformed`: stop, the bytes are not what they should be. `misuse`: fix the call. */
export type EncodingErrorKind = 'malformed' | 'misuse';

/** Every code with its kind; docs/errors.md explains each. */
export const ENCODING_ERROR_KINDS = {
  'base64/malformed': 'malformed',
  'cbor/duplicate-key': 'malformed',
  'cbor/limit': 'malformed',
  'cbor/malformed': 'malformed',
  'cbor/trailing-bytes': 'malformed',
  'cbor/unencodable': 'misuse',
  'cbor/unsupported': 'malformed',
  'cose/malformed': 'malformed',
  'der/limit': 'malformed',
  'der/malformed': 'malformed',
  'der/trailing-bytes': 'malformed',
  'der/unexpected-type': 'malformed',
  'hex/malformed': 'malformed',
  'json/duplicate-name': 'malformed',
  'json/limit': 'malformed',
  'json/malformed': 'malformed',
  'json/unencodable': 'misuse',
  'pem/malformed': 'malformed',
  'reader/out-of-bounds': 'malformed',
  'reader/trailing-bytes': 'malformed',
  'utf8/malformed': 'malformed',
} as const satisfies Readonly<Record<string, EncodingErrorKind>>;

export type EncodingErrorCode = keyof typeof ENCODING_ERROR_KINDS;

const BRAND: unique symbol = Symbol.for('assay.EncodingError') as never;

export interface EncodingErrorOptions {
  readonly cause?: unknown;
  /** Facts for programs: offsets, lengths, expected and actual values. Never content that could be secret. */
  readonly details?: Readonly<Record<string, unknown>>;
}

/**
 * Thrown when bytes or text are not exactly what their format demands.
 *
 * @example
 * try { decodeHex(input) } catch (error) { if (EncodingError.is(error)) console.error(error.code) }
 */
export class EncodingError extends Error {
  readonly code: EncodingErrorCode;
  readonly kind: EncodingErrorKind;
  readonly details: Readonly<Record<string, unknown>>;
  readonly [BRAND] = true;

  constructor(code: EncodingErrorCode, message: string, options: EncodingErrorOptions = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    this.name = 'EncodingError';
    this.code = code;
    this.kind = ENCODING_ERROR_KINDS[code];
    this.details = options.details ?? {};
  }

  /** True for errors of this class, also across duplicate copies of the package. */
  static is(error: unknown): error is EncodingError {
    return typeof error === 'object' && error !== null && BRAND in error;
  }
}
