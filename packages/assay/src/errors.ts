/** The error class of this package: what a relying party was shown is not enough, not whole, or not what it says. */

import { codedError, type ErrorKind } from '@assay/encoding/coded-error';

/** Every code, with its kind; docs/errors.md explains each one and is held equal by a test. */
export const CLIENT_ERROR_KINDS = {
  'client/agent-refused': 'refused',
  'client/agent-unreachable': 'unavailable',
  'client/answer-forged': 'untrusted',
  'client/answer-incomplete': 'untrusted',
  'client/answer-malformed': 'malformed',
  'client/answer-oversize': 'malformed',
  'client/attestation-malformed': 'malformed',
  'client/attestation-refused': 'untrusted',
  'client/blocked-by-browser': 'refused',
  'client/busy': 'unavailable',
  'client/channel-unbound': 'untrusted',
  'client/connection-broken': 'unavailable',
  'client/contracts-failed': 'malformed',
  'client/foreign-origin': 'misuse',
  'client/key-refused': 'untrusted',
  'client/keyset-expired': 'untrusted',
  'client/not-found': 'misuse',
  'client/proof-refused': 'untrusted',
  'client/receipt-mismatch': 'untrusted',
  'client/receipt-missing': 'untrusted',
  'client/receipt-unattested': 'untrusted',
  'client/request-oversize': 'malformed',
  'client/request-unsettled': 'refused',
  'client/task-lost': 'unavailable',
  'client/too-many-files': 'misuse',
  'client/unauthorized': 'misuse',
  'client/unknown-measurement': 'misuse',
  'client/unknown-preset': 'misuse',
  'receipt/report-missing': 'unavailable',
  'report/unbound': 'untrusted',
  'result/changed': 'untrusted',
  'result/code-mismatch': 'untrusted',
  'result/malformed': 'malformed',
  'result/receipt-mismatch': 'untrusted',
  'result/unsigned': 'untrusted',
} as const satisfies Readonly<Record<string, ErrorKind>>;

/** Codes of `ClientError`; docs/errors.md lists each with what to do. */
export type ClientErrorCode = keyof typeof CLIENT_ERROR_KINDS;

/**
 * @example
 * try { await connect(url, { trust }) } catch (error) { if (ClientError.is(error)) console.error(error.code) }
 */
export class ClientError extends codedError('ClientError', CLIENT_ERROR_KINDS) {}
