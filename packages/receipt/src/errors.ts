/** The one error class of this package: what was sealed is not authentic, not well-formed, or asked for wrongly. */

import { codedError, type ErrorKind } from '@assay/encoding/coded-error';

/** Every code, with its kind. Namespaced `<area>/<defect>`; docs/errors.md explains each one and is held equal by a test. */
export const RECEIPT_ERROR_KINDS = {
  'bundle/entry-order': 'malformed',
  'bundle/malformed': 'malformed',
  'bundle/not-canonical': 'malformed',
  'bundle/payload-mismatch': 'untrusted',
  'bundle/payload-unknown': 'untrusted',
  'bundle/report-missing': 'untrusted',
  'bundle/report-unused': 'untrusted',
  'bundle/unknown-receipt': 'misuse',
  'checkpoint/malformed': 'malformed',
  'checkpoint/origin-mismatch': 'untrusted',
  'envelope/malformed': 'malformed',
  'envelope/signature-invalid': 'untrusted',
  'keyset/expired': 'untrusted',
  'keyset/key-missing': 'untrusted',
  'keyset/malformed': 'malformed',
  'keyset/unbound': 'untrusted',
  'leaf/chain-broken': 'untrusted',
  'leaf/commitment-mismatch': 'untrusted',
  'leaf/keyset-mismatch': 'untrusted',
  'leaf/log-mismatch': 'untrusted',
  'leaf/malformed': 'malformed',
  'leaf/signature-invalid': 'untrusted',
  'leaf/too-large': 'misuse',
  'merkle/consistency-invalid': 'untrusted',
  'merkle/inclusion-invalid': 'untrusted',
  'merkle/out-of-range': 'misuse',
  'merkle/tile-missing': 'misuse',
  'note/key-unknown': 'untrusted',
  'note/malformed': 'malformed',
  'note/signature-invalid': 'untrusted',
  'note/unsigned': 'untrusted',
  'note/vkey-malformed': 'malformed',
  'proof/malformed': 'malformed',
  'receipt/event-malformed': 'malformed',
  'receipt/keyset-mismatch': 'untrusted',
  'receipt/malformed': 'malformed',
  'receipt/nonce-mismatch': 'untrusted',
  'receipt/signature-invalid': 'untrusted',
  'report/malformed': 'malformed',
  'report/mismatch': 'untrusted',
  'statement/malformed': 'malformed',
  'tile/malformed': 'malformed',
} as const satisfies Readonly<Record<string, ErrorKind>>;

/** Codes of `ReceiptError`; docs/errors.md lists each with what to do. */
export type ReceiptErrorCode = keyof typeof RECEIPT_ERROR_KINDS;

/**
 * Thrown by every parser and verifier here.
 *
 * @example
 * try { await authenticateBundle(bytes, { verifyEvidence }) } catch (error) { if (ReceiptError.is(error)) console.error(error.code) }
 */
export class ReceiptError extends codedError('ReceiptError', RECEIPT_ERROR_KINDS) {}
