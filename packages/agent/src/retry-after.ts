/** When a request that was refused for now may be sent again (RFC 9110 §10.2.3): every queue, every limit, and what passes by itself. */

import type { CodedError } from '@assay/encoding/coded-error';

/** Seconds to wait where the error itself does not say. A code that only an operator can mend is not here. */
const RETRY_SECONDS: Readonly<Record<string, number>> = {
  'channel/key-exhausted': 2,
  'http/rate-limited': 2,
  'job/lost': 5,
  'job/queue-full': 30,
  'job/stopped': 5,
  'job/worker-lost': 15,
  'key/quota-spent': 3600,
  'ledger/busy': 5,
  'ledger/closed': 5,
  'ledger/full': 60,
  'ledger/nothing-published': 2,
  'ledger/request-keys-full': 3600,
  'ledger/unavailable': 5,
  'model/rate-limited': 30,
  'operator/state-moved': 1,
  'sandbox/busy': 2,
  'server/busy': 2,
  'server/stopping': 5,
  'task/interrupted': 1,
};

/**
 * Whole seconds after which the request may be sent again, at least 1; `null` when waiting alone changes nothing.
 * @example retryAfterOf(new ServerError('server/busy', '…')) // 2
 */
export function retryAfterOf({
  code,
  details = {},
}: Pick<CodedError, 'code'> & Partial<Pick<CodedError, 'details'>>): number | null {
  const { retryAfterSeconds } = details;
  const seconds = typeof retryAfterSeconds === 'number' ? retryAfterSeconds : RETRY_SECONDS[code];
  return seconds === undefined ? null : Math.max(1, Math.ceil(seconds));
}

/** The header that says so; none when waiting alone changes nothing. */
export function retryAfterHeader(seconds: number | null): Readonly<Record<string, string>> {
  return seconds === null ? {} : { 'retry-after': String(seconds) };
}
