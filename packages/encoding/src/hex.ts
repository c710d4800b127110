/** Base 16 (RFC 4648 §8): written in lower case, read in either case, never with a prefix or white space. */

import { EncodingError } from './errors.ts';

const DIGITS = '0123456789abcdef';
const CODES = new TextEncoder().encode(DIGITS);
const ascii = new TextDecoder();
/** Values of the digits by character code; everything else has bits above the low four. */
const VALUES = new Uint8Array(256).fill(0xff);
for (let i = 0; i < 16; i++) {
  VALUES[DIGITS.charCodeAt(i)] = i;
  VALUES[DIGITS.toUpperCase().charCodeAt(i)] = i;
}

/**
 * Lower-case hex of `bytes`, two digits a byte.
 * @example encodeHex(Uint8Array.of(0, 0xff)) // '00ff'
 */
export function encodeHex(bytes: Uint8Array): string {
  const out = new Uint8Array(bytes.length * 2);
  for (let i = 0, at = 0; i < bytes.length; i++) {
    const byte = bytes[i] as number;
    out[at++] = CODES[byte >> 4] as number;
    out[at++] = CODES[byte & 15] as number;
  }
  return ascii.decode(out);
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
  let codes = 0;
  let values = 0;
  for (let i = 0; i < length; i++) {
    const left = text.charCodeAt(2 * i);
    const right = text.charCodeAt(2 * i + 1);
    const high = VALUES[left & 0xff] as number;
    const low = VALUES[right & 0xff] as number;
    codes |= left | right;
    values |= high | low;
    out[i] = (high << 4) | low;
  }
  if (codes > 0xff || values > 0x0f) {
    throw malformed(`expected hex digits only, got another character at position ${text.search(/[^0-9a-fA-F]/)}`);
  }
  return out;
}

function malformed(message: string): EncodingError {
  return new EncodingError('hex/malformed', `${message}; send plain hex without 0x or spaces`);
}
