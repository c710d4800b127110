/**
 * Whether a JSON document of companions also holds something that nothing here reads: a long text that is no certificate, list or collateral, long in
 * one piece, in pieces, or as numbers. It may be evidence of an unknown kind, so the document is not called a companion.
 *
 * Not checked: what it is; and a short report, such as a TPM's, passes for a signature.
 */

import { collectEndorsements } from '@assay/attestation';
import { jsonIn } from '@assay/attestation/evidence/reading';
import { utf8 } from '@assay/encoding/bytes';
import { type Json, parseJson } from '@assay/encoding/json';

/** Longer than a signature of companions in hex (P-521: 264 characters), shorter than a report of SGX, TDX or SEV-SNP: characters. */
const LONG = 512;
/** Characters of a line of hex or base64. */
const LINE = 32;
/** The same as a list of byte values. */
const MANY_NUMBERS = LONG / 2;

/**
 * @param file a JSON document; anything else is unread itself.
 * @example holdsUnread(utf8('{"chain": "-----BEGIN CERTIFICATE-----…", "report": "AAAA…"}')) // true when the report is long
 */
export function holdsUnread(file: Uint8Array): boolean {
  const parsed = jsonIn(file);
  return typeof parsed !== 'object' || parsed === null || isUnread(parsed);
}

function isUnread(value: Json): boolean {
  if (typeof value === 'string') return isUnreadText(value);
  if (value === null || typeof value !== 'object') return false;
  if (Array.isArray(value) && isInPieces(value)) return true;
  return Object.values(value).some(isUnread);
}

/** Byte values, or a text in lines; identifiers are shorter than a line. */
function isInPieces(list: readonly Json[]): boolean {
  const lines = list.filter((each) => typeof each === 'string').filter(({ length }) => length >= LINE && length < LONG);
  if (lines.reduce((sum, { length }) => sum + length, 0) >= LONG)
    return isUnreadText(lines.join('')) && isUnreadText(lines.join('\n'));
  return list.filter((each) => typeof each === 'number').length >= MANY_NUMBERS;
}

function isUnreadText(text: string): boolean {
  if (text.length < LONG) return false;
  const pieces = collectEndorsements([{ name: null, bytes: utf8(text) }]);
  if (pieces.length > 0 && pieces.every(({ kind }) => kind !== 'bytes' && kind !== 'json')) return false;
  // A JSON document as a text: it counts by what it holds.
  const inner = parsedOf(text);
  return inner === undefined || typeof inner === 'string' || isUnread(inner);
}

function parsedOf(text: string): Json | undefined {
  if (!/^\s*[[{]/.test(text)) return undefined;
  try {
    return parseJson(text);
  } catch {
    return undefined;
  }
}
