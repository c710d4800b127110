/**
 * Which of the files that somebody gave as companions no verifier reads, each by its name and what it looks like. They change no verdict:
 * a note keeps a misspelled path, a broken download or a wrong file from passing in silence.
 */

import { type Json, parseJson } from '@assay/encoding/json';
import { publicKeyAlgorithm } from './certificates/algorithms.ts';
import { quoteBytes } from './evidence/dcap/quote-file.ts';
import { collectEndorsements, type EndorsementFile } from './evidence/endorsement-files.ts';
import { describeFile } from './evidence/kinds/file-kind.ts';
import { oakCertificates } from './evidence/snp/oak.ts';
import { looksLikeToken, tokenEvidenceOfJson } from './evidence/token/token.ts';
import { pcrValuesOf } from './evidence/tpm/pcr-values.ts';
import { spkiOfPublicArea } from './evidence/tpm/public-area.ts';
import { signatureOf } from './evidence/tpm/quote.ts';
import type { Endorsement } from './model/endorsements.ts';
import { valueOr } from './value-or.ts';
import { recogniseEvidence } from './verify.ts';

/** Longer than any companion; bytes. */
const MAX_LOOKED_AT = 32 * 1024 * 1024;
const TPM_FILE = 1024; // bytes
/** Bare PCR values have no form of their own; bytes of one. */
const PCR = 32;
/** Files that come with companions and say nothing, by their whole name. */
const SILENT = new Set([
  'provider',
  'generation',
  'privlevel',
  'privlevel_floor',
  'readme.md',
  'readme',
  'license',
  'manifest.json',
]);

/**
 * @returns one line for each file that nothing reads: its name, what it is, what to do.
 * @example for (const note of companionNotes(files)) console.warn(note);
 */
export function companionNotes(files: readonly EndorsementFile[]): readonly string[] {
  return files.flatMap((file) => {
    const name = file.name?.toLowerCase() ?? '';
    if (SILENT.has(name) || (name.includes('pcr') && file.bytes.length % PCR === 0) || isRead(file)) return [];
    const { what, advice } = describeFile(file.bytes.subarray(0, MAX_LOOKED_AT));
    return [`companion ${file.name ?? 'without a name'}: ${what}; nothing was read from it; ${advice}`];
  });
}

function isRead(file: EndorsementFile): boolean {
  const pieces = collectEndorsements([file]);
  return pieces.some(isKnown) || valueOr(() => recogniseEvidence(file.bytes), null) !== null;
}

function isKnown(piece: Endorsement): boolean {
  if (piece.kind === 'json') return piece.json.includes('"vcekCert"') || isToken(piece.json);
  if (piece.kind !== 'bytes') return true;
  const { bytes } = piece;
  const text = new TextDecoder('latin1').decode(bytes.subarray(0, 1 << 16)).trim();
  return (
    looksLikeToken(text) ||
    valueOr(() => quoteBytes(bytes), null) !== null ||
    valueOr(() => publicKeyAlgorithm(bytes), null) !== null ||
    spkiOfPublicArea(bytes) !== null ||
    pcrValuesOf(bytes, []) !== null ||
    isTpmSignature(bytes) ||
    oakCertificates(bytes).length > 0
  );
}

function isTpmSignature(bytes: Uint8Array): boolean {
  return bytes.length >= 8 && bytes.length <= TPM_FILE && valueOr(() => signatureOf(bytes), null) !== null;
}

function isToken(text: string): boolean {
  return valueOr((): unknown => tokenEvidenceOfJson(parseJson(text) as Json), null) !== null;
}
