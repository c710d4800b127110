/** The one error class of this package. Messages never say which cryptographic step failed: they would be an oracle. */

import { codedError, type ErrorKind } from '@assay/encoding/coded-error';

export const CHANNEL_ERROR_KINDS = {
  'channel/address-refused': 'refused',
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
} as const satisfies Readonly<Record<string, ErrorKind>>;

/** Codes of `ChannelError`; docs/errors.md lists each with what to do. */
export type ChannelErrorCode = keyof typeof CHANNEL_ERROR_KINDS;

/** Thrown by every function of this package. */
export class ChannelError extends codedError('ChannelError', CHANNEL_ERROR_KINDS) {}
