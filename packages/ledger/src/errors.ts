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
  'key/bad-name': 'misuse',
  'key/name-taken': 'refused',
  'key/quota-spent': 'refused',
  'key/too-many': 'refused',
  'key/unknown': 'misuse',
  'ledger/bad-database-url': 'misuse',
  'ledger/bad-key-file': 'misuse',
  'ledger/bundle-too-large': 'refused',
  'ledger/busy': 'unavailable',
  'ledger/closed': 'unavailable',
  'ledger/conflict': 'refused',
  'ledger/corrupt': 'untrusted',
  'ledger/data-key-rotated': 'unavailable',
  'ledger/directory-exposed': 'refused',
  'ledger/draft-finished': 'misuse',
  'ledger/event-refused': 'misuse',
  'ledger/forked': 'untrusted',
  'ledger/full': 'unavailable',
  'ledger/in-use': 'unavailable',
  'ledger/key-ids-spent': 'unavailable',
  'ledger/keys-in-table': 'misuse',
  'ledger/keyset-ended': 'unavailable',
  'ledger/nonce-reused': 'refused',
  'ledger/not-empty': 'refused',
  'ledger/nothing-lost': 'misuse',
  'ledger/nothing-published': 'unavailable',
  'ledger/nothing-to-erase': 'misuse',
  'ledger/origin-changed': 'misuse',
  'ledger/other-log': 'misuse',
  'ledger/payload-erased': 'refused',
  'ledger/payload-refused': 'misuse',
  'ledger/report-mismatch': 'misuse',
  'ledger/report-missing': 'misuse',
  'ledger/request-keys-full': 'unavailable',
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
 * try { await ledger.seal(draft) } catch (error) { if (LedgerError.is(error) && error.code === 'ledger/full') console.error('retry later') }
 */
export class LedgerError extends codedError('LedgerError', LEDGER_ERROR_KINDS) {}
