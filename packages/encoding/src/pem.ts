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

const BEGIN = /-----BEGIN ([A-Z0-9][A-Z0-9 ]{0,62})-----/g;

/**
 * Every block in `text`, in order.
 * @throws {EncodingError} `pem/malformed` when there is no block, a block is not closed by its own label, or holds more than base64.
 * @example decodePem(chainText).filter(({ label }) => label === 'CERTIFICATE')
 */
export function decodePem(text: string): PemBlock[] {
  const blocks: PemBlock[] = [];
  const begin = new RegExp(BEGIN);
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

/** `der` as one PEM block with lines of 64 characters and a final newline. */
export function encodePem(label: string, der: Uint8Array): string {
  const text = encodeBase64(der);
  const lines = Array.from({ length: Math.ceil(text.length / 64) }, (_, line) => text.slice(line * 64, line * 64 + 64));
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join('\n');
}

function malformed(message: string, cause?: unknown): EncodingError {
  return new EncodingError('pem/malformed', `${message}; send the PEM text unchanged`, { cause });
}
