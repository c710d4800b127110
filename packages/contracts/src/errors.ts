/** The one error class of this package: projects that no compiler may get, and results that are not what their format says. */

import { codedError, type ErrorKind } from '@assay/encoding/coded-error';

/** Every code with its kind; docs/errors.md explains each. */
export const CONTRACTS_ERROR_KINDS = {
  'audit/malformed': 'malformed',
  'build/malformed': 'malformed',
  'chain/proof-invalid': 'untrusted',
  'chain/proof-malformed': 'malformed',
  'compiler/output-malformed': 'malformed',
  'project/bad-path': 'malformed',
  'project/empty': 'malformed',
  'project/import-missing': 'malformed',
  'project/malformed': 'malformed',
  'project/pragma-unmet': 'unavailable',
  'project/too-large': 'malformed',
} as const satisfies Readonly<Record<string, ErrorKind>>;

export type ContractsErrorCode = keyof typeof CONTRACTS_ERROR_KINDS;

/**
 * Thrown by every reader here.
 *
 * @example
 * try { parseStandardInput(text) } catch (error) { if (ContractsError.is(error)) console.error(error.code) }
 */
export class ContractsError extends codedError('ContractsError', CONTRACTS_ERROR_KINDS) {}
