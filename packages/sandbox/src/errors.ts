/** The one error class of the sandbox lanes; docs/errors.md explains each code and is held equal by a test. */

import { codedError, type ErrorKind } from '@assay/encoding/coded-error';

/** Every code, with its kind. */
export const SANDBOX_ERROR_KINDS = {
  'sandbox/allow-invalid': 'malformed',
  'sandbox/busy': 'unavailable',
  'sandbox/cancelled': 'refused',
  'sandbox/closed': 'misuse',
  'sandbox/code-too-large': 'refused',
  'sandbox/disk-limit': 'refused',
  'sandbox/download-failed': 'unavailable',
  'sandbox/file-refused': 'malformed',
  'sandbox/killed': 'refused',
  'sandbox/language-unavailable': 'unavailable',
  'sandbox/limit-invalid': 'malformed',
  'sandbox/limit-too-high': 'refused',
  'sandbox/network-failed': 'unavailable',
  'sandbox/network-refused': 'refused',
  'sandbox/oom': 'refused',
  'sandbox/output-limit': 'refused',
  'sandbox/package-unavailable': 'unavailable',
  'sandbox/protocol': 'untrusted',
  'sandbox/replay-mismatch': 'refused',
  'sandbox/seed-invalid': 'malformed',
  'sandbox/session-lost': 'unavailable',
  'sandbox/session-mismatch': 'refused',
  'sandbox/start-failed': 'unavailable',
  'sandbox/tampered': 'untrusted',
  'sandbox/timeout': 'refused',
  'sandbox/unavailable': 'unavailable',
} as const satisfies Readonly<Record<string, ErrorKind>>;

export type SandboxErrorCode = keyof typeof SANDBOX_ERROR_KINDS;

/**
 * Thrown when a lane cannot be opened, a job cannot be run, or a run cannot be believed.
 * @example throw new SandboxError('sandbox/busy', 'expected a free cell, got 8 that run; try again in a moment')
 */
export class SandboxError extends codedError('SandboxError', SANDBOX_ERROR_KINDS) {}
