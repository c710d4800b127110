/** The one error class of this package. Every reader here throws it and nothing else. */

import { codedError, type ErrorKind } from './coded-error.ts';

/** Every code with its kind; docs/errors.md explains each. */
export const ENCODING_ERROR_KINDS = {
  'base64/malformed': 'malformed',
  'budget/bad-amount': 'misuse',
  'budget/exceeded': 'unavailable',
  'bytes/limit': 'malformed',
  'cbor/duplicate-key': 'malformed',
  'cbor/limit': 'malformed',
  'cbor/malformed': 'malformed',
  'cbor/trailing-bytes': 'malformed',
  'cbor/unencodable': 'misuse',
  'cbor/unsupported': 'malformed',
  'cose/malformed': 'malformed',
  'der/limit': 'malformed',
  'der/malformed': 'malformed',
  'der/trailing-bytes': 'malformed',
  'der/unexpected-type': 'malformed',
  'event-stream/limit': 'malformed',
  'hex/malformed': 'malformed',
  'json/duplicate-name': 'malformed',
  'json/limit': 'malformed',
  'json/malformed': 'malformed',
  'json/unencodable': 'misuse',
  'part/unavailable': 'unavailable',
  'pem/malformed': 'malformed',
  'reader/out-of-bounds': 'malformed',
  'reader/trailing-bytes': 'malformed',
  'utf8/malformed': 'malformed',
} as const satisfies Readonly<Record<string, ErrorKind>>;

export type EncodingErrorCode = keyof typeof ENCODING_ERROR_KINDS;

/**
 * Thrown when bytes or text are not exactly what their format demands.
 *
 * @example
 * try { decodeHex(input) } catch (error) { if (EncodingError.is(error)) console.error(error.code) }
 */
export class EncodingError extends codedError('EncodingError', ENCODING_ERROR_KINDS) {}
