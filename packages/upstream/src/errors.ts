/**
 * The error class of this package: what a service did not say, does not bind, or sealed wrongly. Errors about evidence itself come from
 * `@assay/attestation`, errors of pinned and sealed connections from `@assay/channel`; both pass through unchanged.
 */

import { codedError, type ErrorKind } from '@assay/encoding/coded-error';

/** Every code, with its kind; docs/errors.md explains each one and is held equal by a test. */
export const UPSTREAM_ERROR_KINDS = {
  'e2ee/answer-in-clear': 'untrusted',
  'e2ee/key-missing': 'untrusted',
  'e2ee/not-sealable': 'misuse',
  'e2ee/open-failed': 'untrusted',
  'proof/malformed': 'malformed',
  'proof/not-yet-made': 'untrusted',
  'service/address-missing': 'untrusted',
  'service/answer-unproved': 'untrusted',
  'service/channel-unbound': 'untrusted',
  'service/keys-missing': 'untrusted',
  'service/refused': 'unavailable',
  'service/signature-missing': 'untrusted',
  'service/unreachable': 'unavailable',
} as const satisfies Readonly<Record<string, ErrorKind>>;

export type UpstreamErrorCode = keyof typeof UPSTREAM_ERROR_KINDS;

/**
 * @example
 * try { await sessions.open(model) } catch (error) { if (UpstreamError.is(error)) console.error(error.code) }
 */
export class UpstreamError extends codedError('UpstreamError', UPSTREAM_ERROR_KINDS) {}
