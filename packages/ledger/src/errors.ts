/** What can go wrong between a task and the log. The messages go out to clients and say what to do; they never hold payloads. */

import { codedError, type ErrorKind } from '@assay/encoding/coded-error';

/** Every code, with its kind; docs/errors.md explains each one and is held equal by a test. */
export const LEDGER_ERROR_KINDS = {
  'job/bad-name': 'misuse',
  'job/cancelled': 'refused',
  'job/failed': 'unavailable',
  'job/lost': 'unavailable',
  'job/queue-full': 'unavailable',
  'job/stopped': 'unavailable',
  'job/too-large': 'refused',
  'job/worker-lost': 'unavailable',
  'ledger/bad-database-url': 'misuse',
  'ledger/bad-key-file': 'misuse',
  'ledger/bundle-too-large': 'refused',
  'ledger/closed': 'unavailable',
  'ledger/conflict': 'refused',
  'ledger/corrupt': 'untrusted',
  'ledger/directory-exposed': 'refused',
  'ledger/draft-finished': 'misuse',
  'ledger/event-refused': 'misuse',
  'ledger/forked': 'untrusted',
  'ledger/full': 'unavailable',
  'ledger/in-use': 'refused',
  'ledger/keyset-ended': 'unavailable',
  'ledger/nonce-reused': 'refused',
  'ledger/not-empty': 'refused',
  'ledger/nothing-published': 'unavailable',
  'ledger/origin-changed': 'misuse',
  'ledger/other-log': 'misuse',
  'ledger/payload-refused': 'misuse',
  'ledger/report-mismatch': 'misuse',
  'ledger/report-missing': 'misuse',
  'ledger/rolled-back': 'untrusted',
  'ledger/runtime-too-old': 'misuse',
  'ledger/schema-newer': 'misuse',
  'ledger/unavailable': 'unavailable',
} as const satisfies Readonly<Record<string, ErrorKind>>;

export type LedgerErrorCode = keyof typeof LEDGER_ERROR_KINDS;

/**
 * Thrown by every ledger. Nothing was sealed when `seal` rejects with one.
 *
 * @example
 * try { await ledger.seal(draft) } catch (error) { if (LedgerError.is(error) && error.code === 'ledger/full') shedLoad() }
 */
export class LedgerError extends codedError('LedgerError', LEDGER_ERROR_KINDS) {}
