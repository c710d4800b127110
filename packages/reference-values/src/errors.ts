/** The one error class of this package: images, firmware and what describes them. */

import { codedError, type ErrorKind } from '@assay/encoding/coded-error';
import { EncodingError } from '@assay/encoding/errors';

/** Every code, with its kind; docs/errors.md explains each one and is held equal by a test. */
export const REFERENCE_VALUES_ERROR_KINDS = {
  'compose/floating-image': 'refused',
  'compose/malformed': 'malformed',
  'eif/checksum-mismatch': 'malformed',
  'eif/malformed': 'malformed',
  'eif/signature-invalid': 'untrusted',
  'eif/unsupported': 'malformed',
  'firmware/malformed': 'malformed',
  'firmware/unsuitable': 'misuse',
  'machine/bad-shape': 'misuse',
  'nitro-cli/malformed': 'malformed',
  'release/below-floor': 'refused',
  'release/malformed': 'malformed',
  'sigstruct/malformed': 'malformed',
  'sigstruct/signature-invalid': 'untrusted',
} as const satisfies Readonly<Record<string, ErrorKind>>;

export type ReferenceValuesErrorCode = keyof typeof REFERENCE_VALUES_ERROR_KINDS;

/**
 * @example
 * try { await measureEif(bytes) } catch (error) { if (ReferenceValuesError.is(error)) console.error(error.code) }
 */
export class ReferenceValuesError extends codedError('ReferenceValuesError', REFERENCE_VALUES_ERROR_KINDS) {}

/**
 * Runs `read`; a malformed encoding inside it becomes `code`. Other errors pass unchanged.
 * @throws {ReferenceValuesError} `code`.
 */
export function reading<Value>(code: ReferenceValuesErrorCode, what: string, read: () => Value): Value {
  try {
    return read();
  } catch (cause) {
    if (!EncodingError.is(cause)) throw cause;
    throw new ReferenceValuesError(code, `expected a well-formed ${what}: ${cause.message}; give it as its tool wrote it`, {
      cause,
      details: cause.details,
    });
  }
}
