/**
 * Textual encodings of PKIX structures (RFC 7468). Text outside the blocks is ignored, as the RFC allows; inside a block only
 * base64 and white space may stand. Encapsulated headers (RFC 1421) are refused.
 */

import { decodeBase64, encodeBase64 } from './base64.ts';
import { EncodingError } from './errors.ts';

export interface PemBlock {
  /** The words after BEGIN, e.g. `CERTIFICATE`. */
  readonly label: string;
  readonly der: Uint8Array;
}

/** A block that stands in text as RFC 7468 writes it. */
export interface PemText {
  readonly label: string;
  /** Between the two lines: base64 and white space, of any length. */
  readonly body: string;
}

/**
 * The blocks of any label in `text` that hold nothing but base64 and white space; others are passed over. Reads the text once.
 * @example pemTexts('-----BEGIN QUOTE-----\nAAAA\n-----END QUOTE-----') // [{ label: 'QUOTE', body: '\nAAAA\n' }]
 */
export function pemTexts(text: string): readonly PemText[] {
  const begin = /-----BEGIN ([A-Z0-9 ]{1,64})-----/g;
  const blocks: PemText[] = [];
  for (let match = begin.exec(text); match !== null; match = begin.exec(text)) {
    const label = match[1] as string;
    const from = begin.lastIndex;
    const end = text.indexOf('-----', from);
    if (end < 0) break;
    begin.lastIndex = end;
    const body = text.slice(from, end);
    if (text.startsWith(`-----END ${label}-----`, end) && !/[^A-Za-z0-9+/=\s]/.test(body)) blocks.push({ label, body });
  }
  return blocks;
}

/**
 * Every block in `text`, in order.
 * @throws {EncodingError} `pem/malformed` when there is no block, a block is not closed by its own label, or holds more than base64.
 * @example decodePem(chainText).filter(({ label }) => label === 'CERTIFICATE')
 */
export function decodePem(text: string): PemBlock[] {
  const blocks: PemBlock[] = [];
  const begin = /-----BEGIN ([A-Z0-9][A-Z0-9 ]{0,62})-----/g;
  for (let match = begin.exec(text); match !== null; match = begin.exec(text)) {
    const label = match[1] as string;
    const end = `-----END ${label}-----`;
    const from = begin.lastIndex;
    const to = text.indexOf(end, from);
    if (to < 0) throw malformed(`expected "${end}", got the end of the text`);
    const body = text.slice(from, to);
    if (/[^A-Za-z0-9+/=\s]/.test(body)) throw malformed(`expected base64 only in the ${label} block, got another character`);
    try {
      blocks.push({ label, der: decodeBase64(body.replace(/\s+/g, '')) });
    } catch (cause) {
      throw malformed(`expected padded base64 in the ${label} block`, cause);
    }
    begin.lastIndex = to + end.length;
  }
  if (blocks.length === 0) throw malformed('expected at least one "-----BEGIN …-----" block, got none');
  return blocks;
}

/**
 * `der` as one PEM block with lines of 64 characters and a final newline.
 * @example encodePem('CERTIFICATE', der).split('\n')[0] // '-----BEGIN CERTIFICATE-----'
 */
export function encodePem(label: string, der: Uint8Array): string {
  const text = encodeBase64(der);
  const lines = Array.from({ length: Math.ceil(text.length / 64) }, (_, line) => text.slice(line * 64, line * 64 + 64));
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join('\n');
}

function malformed(message: string, cause?: unknown): EncodingError {
  return new EncodingError('pem/malformed', `${message}; send the PEM text unchanged`, { cause });
}
