/**
 * The one error class of the Attester. Every failure that a caller can meet has a code; docs/errors.md explains each one and is
 * held equal by a test. HTTP status and problem title follow from code and kind in `http/problem.ts`.
 */

import { codedError, type ErrorKind } from '@assay/encoding/coded-error';

/** Every code, with its kind, sorted by area. */
export const SERVER_ERROR_KINDS = {
  'attester/bad-request': 'misuse',
  'attester/simulated-root-broken': 'misuse',
  'attester/unavailable': 'unavailable',
  'audit/analyzer-absent': 'unavailable',
  'audit/analyzer-failed': 'malformed',
  'audit/analyzer-timeout': 'refused',
  'channel/key-exhausted': 'unavailable',
  'channel/not-sealed': 'refused',
  'channel/replayed': 'refused',
  'channel/resend-unsettled': 'refused',
  'compiler/bad-version': 'misuse',
  'compiler/crashed': 'malformed',
  'compiler/download-failed': 'unavailable',
  'compiler/tampered': 'untrusted',
  'compiler/timeout': 'refused',
  'compiler/too-large': 'refused',
  'compiler/unknown': 'misuse',
  'config/bad-value': 'misuse',
  'config/insecure-bind': 'refused',
  'config/missing-key': 'misuse',
  'config/unreadable': 'misuse',
  'contract/compile-failed': 'malformed',
  'contract/findings': 'refused',
  'http/answer-too-large': 'refused',
  'http/bad-json': 'malformed',
  'http/bad-origin': 'refused',
  'http/bad-parameter': 'malformed',
  'http/body-too-large': 'malformed',
  'http/conflict': 'refused',
  'http/method-not-allowed': 'misuse',
  'http/not-found': 'misuse',
  'http/rate-limited': 'unavailable',
  'http/unauthorized': 'refused',
  'http/unsupported-media-type': 'malformed',
  'model/bad-reply': 'unavailable',
  'model/disk-full': 'unavailable',
  'model/engine-failed': 'unavailable',
  'model/engine-unsupported': 'misuse',
  'model/fetch-failed': 'unavailable',
  'model/incomplete': 'unavailable',
  'model/no-code': 'unavailable',
  'model/not-connected': 'unavailable',
  'model/not-fetched': 'misuse',
  'model/prompt-too-long': 'refused',
  'model/rate-limited': 'unavailable',
  'model/refused': 'refused',
  'model/timeout': 'unavailable',
  'model/too-large': 'unavailable',
  'model/unauthorized': 'misuse',
  'model/unknown-name': 'misuse',
  'model/unloadable': 'malformed',
  'model/unreachable': 'unavailable',
  'operator/absent': 'misuse',
  'operator/approval-mismatch': 'refused',
  'operator/denied': 'refused',
  'operator/idempotency-mismatch': 'refused',
  'operator/node-refused': 'untrusted',
  'operator/node-unreachable': 'unavailable',
  'operator/state-behind': 'refused',
  'operator/state-broken': 'untrusted',
  'operator/wallet-absent': 'unavailable',
  'model/wrong-digest': 'untrusted',
  'server/busy': 'unavailable',
  'server/internal': 'unavailable',
  'server/stopping': 'unavailable',
  'task/bad-input': 'malformed',
  'task/cancelled': 'refused',
  'task/code-failed': 'malformed',
  'task/interrupted': 'unavailable',
  'task/review-expired': 'refused',
  'task/unknown-type': 'malformed',
  'upstream/channel-mismatch': 'untrusted',
  'upstream/not-sealable': 'misuse',
  'upstream/not-verified': 'untrusted',
  'upstream/proof-invalid': 'untrusted',
  'workspace/bad-path': 'malformed',
  'workspace/full': 'refused',
  'workspace/not-found': 'misuse',
} as const satisfies Readonly<Record<string, ErrorKind>>;

export type ServerErrorCode = keyof typeof SERVER_ERROR_KINDS;

/**
 * Thrown by every part of the agent. The message is one lower-case line that says what to do; it goes out to clients.
 *
 * @example
 * throw new ServerError('model/unreachable', 'the model at http://127.0.0.1:11434/v1 does not answer; start it or set AI_API_BASE')
 */
export class ServerError extends codedError('ServerError', SERVER_ERROR_KINDS) {}
