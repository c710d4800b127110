/**
 * What a fault of a companion means for the verdict. Evidence stands or falls by its own signatures; a companion that is out of date,
 * meant for something else or cannot be read proves nothing against it. So these faults become errors of kind `unavailable`, which name
 * the companion. What somebody must have forged or what the issuer took back (signatures, revocation, key usage) passes unchanged.
 */

import { EncodingError } from '@assay/encoding/errors';
import { AttestationError, type AttestationErrorCode } from '../errors.ts';

type FaultKind = 'endorsements/expired' | 'endorsements/not-yet-valid' | 'endorsements/unreadable';

const BY_CODE: ReadonlyMap<string, FaultKind> = new Map<AttestationErrorCode, FaultKind>([
  ['certificate/expired', 'endorsements/expired'],
  ['token/expired', 'endorsements/expired'],
  ['certificate/not-yet-valid', 'endorsements/not-yet-valid'],
  ['token/not-yet-valid', 'endorsements/not-yet-valid'],
  ['certificate/unknown-critical-extension', 'endorsements/unreadable'],
  ['certificate/unsupported-algorithm', 'endorsements/unreadable'],
]);

const ADVICE: Readonly<Record<FaultKind, string>> = {
  'endorsements/expired': 'fetch a current one, or ask about the time of the evidence',
  'endorsements/not-yet-valid': 'check the clock, or give the one of that time',
  'endorsements/unreadable': 'fetch it again and give it unchanged',
};

/**
 * The error to throw for `error`, which came up while `companion` was read or authenticated.
 * @param companion what it is, for people: `the RIM of driver 550.1`.
 * @example
 * await verifyPath(input).catch((error) => { throw companionFault(error, 'the TCB signing certificate'); });
 */
export function companionFault(error: unknown, companion: string): unknown {
  const known = AttestationError.is(error) || EncodingError.is(error);
  if (!known || error.kind === 'unavailable') return error;
  const code = BY_CODE.get(error.code) ?? (error.kind === 'malformed' ? 'endorsements/unreadable' : null);
  if (code === null) return error;
  return new AttestationError(code, `cannot use ${companion}: ${error.message}; ${ADVICE[code]}`, {
    cause: error,
    details: { companion, fault: error.code },
  });
}

/** A companion that is sound and meant for another subject. */
export function foreignCompanion(companion: string, expected: string, got: string, details: object = {}): AttestationError {
  return new AttestationError(
    'endorsements/foreign',
    `cannot use ${companion}: expected ${expected}, got ${got}; give the one that belongs to this evidence`,
    { details: { companion, ...details } },
  );
}

/**
 * What `verify` gives; its faults as {@link companionFault} sees them.
 * @throws what `verify` throws, as {@link companionFault} sees it.
 */
export async function withCompanion<Value>(companion: string, verify: () => Value | Promise<Value>): Promise<Value> {
  try {
    return await verify();
  } catch (error) {
    throw companionFault(error, companion);
  }
}
