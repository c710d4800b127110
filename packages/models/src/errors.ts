/** The one error class of this package: model files and what is said about them. */

import { codedError, type ErrorKind } from '@assay/encoding/coded-error';

/** Every code, with its kind; docs/errors.md explains each one and is held equal by a test. */
export const MODEL_ERROR_KINDS = {
  'commitment/bad-field': 'misuse',
  'commitment/key-unsupported': 'misuse',
  'comparison/answer-unsigned': 'untrusted',
  'comparison/bad-answer': 'malformed',
  'comparison/bad-logprobs': 'malformed',
  'comparison/bad-plan': 'misuse',
  'comparison/bad-score': 'misuse',
  'comparison/challenge-mismatch': 'untrusted',
  'comparison/edited': 'untrusted',
  'comparison/malformed': 'malformed',
  'comparison/model-mismatch': 'untrusted',
  'comparison/not-committed': 'untrusted',
  'comparison/too-noisy': 'unavailable',
  'comparison/twin-substituted': 'untrusted',
  'model-file/incomplete': 'unavailable',
  'model-file/limit': 'malformed',
  'model-file/malformed': 'malformed',
  'model-file/unsupported': 'malformed',
  'security/bad-config': 'misuse',
  'signing/file-changed': 'untrusted',
  'signing/file-ignored': 'refused',
  'signing/file-missing': 'untrusted',
  'signing/file-unsigned': 'untrusted',
  'signing/key-mismatch': 'untrusted',
  'signing/malformed': 'malformed',
  'signing/signature-invalid': 'untrusted',
  'signing/unsupported': 'malformed',
  'transcripts/malformed': 'malformed',
  'transcripts/omitted': 'untrusted',
  'transcripts/reordered': 'untrusted',
  'transcripts/replayed': 'untrusted',
  'transcripts/stale': 'untrusted',
  'transcripts/substituted': 'untrusted',
} as const satisfies Readonly<Record<string, ErrorKind>>;

export type ModelErrorCode = keyof typeof MODEL_ERROR_KINDS;

/**
 * @example
 * try { await identifyModel([source]) } catch (error) { if (ModelError.is(error)) console.error(error.code) }
 */
export class ModelError extends codedError('ModelError', MODEL_ERROR_KINDS) {}
