/** Base 16 (RFC 4648 §8): written in lower case, read in either case, never with a prefix or white space. */

import { EncodingError } from './errors.ts';

const DIGITS = '0123456789abcdef';
const PAIRS: readonly string[] = Array.from({ length: 256 }, (_, byte) => `${DIGITS[byte >> 4]}${DIGITS[byte & 15]}`);
const VALUES = new Int8Array(128).fill(-1);
for (let i = 0; i < 16; i++) {
  VALUES[DIGITS.charCodeAt(i)] = i;
  VALUES[DIGITS.toUpperCase().charCodeAt(i)] = i;
}

/** Lower-case hex of `bytes`, two digits a byte. */
export function encodeHex(bytes: Uint8Array): string {
  let out = '';
  for (const byte of bytes) out += PAIRS[byte];
  return out;
}

export interface DecodeHexOptions {
  /** The exact number of bytes the text must stand for. */
  readonly bytes?: number;
}

/**
 * Bytes of hex `text`; both cases, no `0x`, no separators.
 * @throws {EncodingError} `hex/malformed` for an odd length, a foreign character, or a length other than `options.bytes`.
 * @example decodeHex('00ff', { bytes: 2 }) // Uint8Array [0, 255]
 */
export function decodeHex(text: string, options: DecodeHexOptions = {}): Uint8Array<ArrayBuffer> {
  if (text.length % 2 !== 0) throw malformed(`expected an even number of hex digits, got ${text.length}`);
  const length = text.length / 2;
  if (options.bytes !== undefined && length !== options.bytes) {
    throw malformed(`expected ${options.bytes} bytes of hex, got ${length}`);
  }
  const out = new Uint8Array(length);
  for (let i = 0; i < length; i++) {
    const high = digit(text.charCodeAt(2 * i));
    const low = digit(text.charCodeAt(2 * i + 1));
    if (high < 0 || low < 0) throw malformed(`expected hex digits only, got another character near position ${2 * i}`);
    out[i] = (high << 4) | low;
  }
  return out;
}

function digit(code: number): number {
  return code < 128 ? (VALUES[code] as number) : -1;
}

function malformed(message: string): EncodingError {
  return new EncodingError('hex/malformed', `${message}; send plain hex without 0x or spaces`);
}
