/**
 * Whether a JSON document of companions also holds something that nothing here reads: a long text that is no certificate, list or collateral. It may
 * be evidence of an unknown kind, so the document is not called a companion.
 *
 * Not checked: what the text is.
 */

import { collectEndorsements } from '@assay/attestation';
import { utf8 } from '@assay/encoding/bytes';
import { type Json, parseJson } from '@assay/encoding/json';

/** Longer than a signature of companions in hex (P-521: 264 characters), shorter than any report of a TEE: characters. */
const LONG = 512;

/**
 * @param text a JSON document; anything else is unread itself.
 * @example holdsUnread('{"chain": "-----BEGIN CERTIFICATE-----…", "report": "AAAA…"}') // true when the report is long
 */
export function holdsUnread(text: string): boolean {
  const parsed = parsedOf(text);
  return parsed === undefined || isUnread(parsed);
}

function isUnread(value: Json): boolean {
  if (typeof value === 'string') return isUnreadText(value);
  if (value === null || typeof value !== 'object') return false;
  return Object.values(value).some(isUnread);
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
