/** What is wrong with an owner's message, a policy or a transaction. The messages go out to clients and never hold values of variables. */

import { codedError, type ErrorKind } from '@assay/encoding/coded-error';

/** Every code, with its kind; docs/errors.md explains each one and is held equal by a test. */
export const OPERATOR_ERROR_KINDS = {
  'operator/expired': 'refused',
  'operator/history-broken': 'untrusted',
  'operator/immutable': 'refused',
  'operator/key-malformed': 'malformed',
  'operator/legacy-refused': 'refused',
  'operator/manifest-malformed': 'malformed',
  'operator/message-malformed': 'malformed',
  'operator/other-agent': 'refused',
  'operator/out-of-order': 'refused',
  'operator/paused': 'refused',
  'operator/policy-changed': 'refused',
  'operator/policy-malformed': 'malformed',
  'operator/replayed': 'refused',
  'operator/signature-invalid': 'untrusted',
  'operator/signer-repeated': 'refused',
  'operator/signer-unknown': 'untrusted',
  'operator/too-few-signers': 'refused',
  'operator/tools-malformed': 'malformed',
  'operator/transaction-malformed': 'malformed',
  'operator/value-mismatch': 'untrusted',
  'operator/variable-unknown': 'misuse',
  'operator/widened': 'refused',
} as const satisfies Readonly<Record<string, ErrorKind>>;

/** Codes of `OperatorError`; docs/errors.md lists each with what to do. */
export type OperatorErrorCode = keyof typeof OPERATOR_ERROR_KINDS;

/**
 * Thrown by every parser and check here; state is unchanged then.
 * @example
 * try { parseManifest(bytes) } catch (error) { if (OperatorError.is(error)) console.error(error.code) }
 */
export class OperatorError extends codedError('OperatorError', OPERATOR_ERROR_KINDS) {}
