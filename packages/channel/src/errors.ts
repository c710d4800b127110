/** The one error class of this package. Messages never say which cryptographic step failed: they would be an oracle. */

export type ChannelErrorKind = 'malformed' | 'untrusted' | 'misuse';

export const CHANNEL_ERROR_KINDS = {
  'channel/key-config-malformed': 'malformed',
  'channel/suite-unsupported': 'malformed',
  'channel/key-unknown': 'untrusted',
  'channel/message-malformed': 'malformed',
  'channel/decryption-failed': 'untrusted',
  'channel/truncated': 'untrusted',
  'channel/oversize': 'malformed',
  'channel/response-unencrypted': 'untrusted',
  'channel/key-invalid': 'misuse',
  'channel/tls-key-mismatch': 'untrusted',
} as const satisfies Readonly<Record<string, ChannelErrorKind>>;

export type ChannelErrorCode = keyof typeof CHANNEL_ERROR_KINDS;

const BRAND: unique symbol = Symbol.for('assay.ChannelError') as never;

/** Thrown by every function of this package. */
export class ChannelError extends Error {
  readonly code: ChannelErrorCode;
  readonly kind: ChannelErrorKind;
  readonly [BRAND] = true;

  constructor(code: ChannelErrorCode, message: string, options: { readonly cause?: unknown } = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    this.name = 'ChannelError';
    this.code = code;
    this.kind = CHANNEL_ERROR_KINDS[code];
  }

  /** True for errors of this class, also across duplicate copies of the package. */
  static is(error: unknown): error is ChannelError {
    return typeof error === 'object' && error !== null && BRAND in error;
  }
}
