/** The files that can be verified, by name, for errors about files that are none of them. */

import { AttestationError, recogniseEvidence, typeName } from '@assay/attestation';
import { isCoded } from '@assay/encoding/coded-error';
import type { Subject } from './subject.ts';

/** Files of Assay itself; evidence is named by the verifiers that are there. */
const OWN_KINDS = ['a bundle', 'a receipt', 'a report', 'a result file', 'a proof', 'a comparison', 'transcripts'] as const;

/**
 * The error of a file that is nothing that can be verified, naming all that can: what the verifiers of evidence say of it, and Assay's files.
 * @param error `evidence/unrecognised`, as the verifiers threw it; without their details it stays as it is.
 */
export function ofNoKind(error: Error): Error {
  if (!AttestationError.is(error)) return error;
  const { got, types, advice } = error.details;
  if (error.code !== 'evidence/unrecognised') return error;
  if (typeof got !== 'string' || typeof advice !== 'string' || !Array.isArray(types)) return error;
  return new AttestationError(
    'evidence/unrecognised',
    `expected ${OWN_KINDS.join(', ')} of Assay, or evidence of ${types.join(', ')}, got ${got}; ${advice}`,
    { details: error.details, cause: error },
  );
}

const NAMES: Readonly<Record<Exclude<Subject['kind'], 'evidence'>, string>> = {
  bundle: 'a bundle',
  comparison: 'a comparison of models',
  proof: 'the proof of an answer',
  receipt: 'a receipt alone',
  report: 'a report',
  result: 'a result file',
  transcripts: 'transcripts',
};

/**
 * What a file is, for the error of a command that takes another kind.
 * @throws what is no fault of the file.
 * @example kindName(subjectOf(document)) // 'evidence (AWS Nitro document)'
 */
export function kindName(subject: Subject): string {
  if (subject.kind !== 'evidence') return NAMES[subject.kind];
  const { evidence } = subject;
  if (!(evidence instanceof Uint8Array)) return `evidence (${typeName(evidence.type)})`;
  try {
    return `evidence (${typeName(recogniseEvidence(evidence).type)})`;
  } catch (error) {
    if (!isCoded(error)) throw error;
    return String(error.details.got ?? 'evidence that is broken');
  }
}
