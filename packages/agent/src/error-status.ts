/** What error codes mean over HTTP: the status, and the members of a problem (RFC 9457). */

import type { ErrorKind } from '@assay/encoding/coded-error';

/** Error kinds of every package; each one maps to a status when its code has none of its own. */
const KIND_STATUS: Readonly<Record<ErrorKind, number>> = {
  malformed: 400,
  untrusted: 403,
  unavailable: 503,
  refused: 403,
  misuse: 400,
};

const CODE_STATUS: Readonly<Record<string, number>> = {
  'audit/analyzer-failed': 422,
  'audit/analyzer-timeout': 422,
  'compiler/crashed': 422,
  'compiler/timeout': 422,
  'compiler/too-large': 413,
  'http/answer-too-large': 413,
  'http/bad-origin': 403,
  'http/body-too-large': 413,
  'http/conflict': 409,
  'http/idempotency-mismatch': 409,
  'http/method-not-allowed': 405,
  'http/not-found': 404,
  'http/rate-limited': 429,
  'http/unauthorized': 401,
  'http/unsupported-media-type': 415,
  'key/name-taken': 409,
  'key/quota-spent': 429,
  'key/too-many': 409,
  'key/unknown': 404,
  'ledger/bundle-too-large': 413,
  'ledger/conflict': 409,
  'ledger/full': 507,
  'ledger/nonce-reused': 409,
  'ledger/nothing-to-erase': 404,
  'ledger/payload-erased': 410,
  'ledger/request-keys-full': 429,
  'model/bad-reply': 502,
  'model/disk-full': 507,
  'model/fetch-failed': 502,
  'model/not-fetched': 503,
  'model/prompt-too-long': 422,
  'model/rate-limited': 503,
  'model/refused': 422,
  'model/timeout': 504,
  'model/too-large': 502,
  'model/unauthorized': 502,
  'operator/absent': 404,
  'operator/idempotency-mismatch': 409,
  'operator/node-refused': 502,
  'operator/node-unreachable': 502,
  'operator/out-of-order': 409,
  'operator/policy-changed': 409,
  'operator/replayed': 409,
  'operator/state-behind': 409,
  'operator/variable-unknown': 404,
  'project/bad-path': 422,
  'project/empty': 422,
  'project/import-missing': 422,
  'project/malformed': 422,
  'project/too-large': 413,
  'model/unknown-name': 404,
  'model/unloadable': 503,
  'model/wrong-digest': 502,
  'sandbox/allow-invalid': 422,
  'sandbox/code-too-large': 413,
  'sandbox/file-refused': 422,
  'sandbox/limit-invalid': 422,
  'sandbox/limit-too-high': 422,
  'sandbox/language-unavailable': 422,
  'sandbox/session-lost': 410,
  'sandbox/session-mismatch': 409,
  'server/internal': 500,
  'task/bad-input': 422,
  'task/cancelled': 409,
  'task/review-expired': 409,
  'task/unknown-type': 422,
  'workspace/bad-path': 422,
  'workspace/full': 507,
  'workspace/not-found': 404,
};

/** HTTP status of an error code. */
export function statusOf(code: string, kind: ErrorKind = 'unavailable'): number {
  return CODE_STATUS[code] ?? KIND_STATUS[kind];
}

/** What every problem says (RFC 9457), `code` being this agent's own member. */
export interface ProblemMembers {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: string;
}

/** Members of a problem, to be laid beside others in an answer. */
export function problemMembers(code: string, detail: string, status: number): ProblemMembers {
  return { type: `urn:assay:error:${code}`, title: titleOf(code), status, detail, code };
}

function titleOf(code: string): string {
  const words = code.slice(code.indexOf('/') + 1).replaceAll('-', ' ');
  return words.charAt(0).toUpperCase() + words.slice(1);
}
