/**
 * Base 64 (RFC 4648 §4, padded) and base64url (§5, unpadded). Strict both ways: one text for every byte string, so trailing bits
 * must be zero (§3.5), no white space, no foreign alphabet.
 */

import { EncodingError } from './errors.ts';

const SHARED = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
const STANDARD = new TextEncoder().encode(`${SHARED}+/`);
const URL_SAFE = new TextEncoder().encode(`${SHARED}-_`);
const PADDING = 0x3d;
const ascii = new TextDecoder();
const STANDARD_VALUES = valuesOf(STANDARD);
const URL_SAFE_VALUES = valuesOf(URL_SAFE);

/**
 * Padded base64 of `bytes`.
 * @example encodeBase64(Uint8Array.of(0xff, 0xff)) // '//8='
 */
export function encodeBase64(bytes: Uint8Array): string {
  return encode(bytes, STANDARD, true);
}

/**
 * Bytes of padded base64 `text`.
 * @throws {EncodingError} `base64/malformed` for missing padding, white space, base64url characters or non-zero trailing bits.
 * @example decodeBase64('//8=') // Uint8Array [255, 255]
 */
export function decodeBase64(text: string): Uint8Array<ArrayBuffer> {
  if (text.length % 4 !== 0) throw malformed(`expected a multiple of 4 characters, got ${text.length}; send padded base64`);
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0;
  return decode(text, text.length - padding, STANDARD_VALUES);
}

/**
 * Unpadded base64url of `bytes`.
 * @example encodeBase64Url(Uint8Array.of(0xff, 0xff)) // '__8'
 */
export function encodeBase64Url(bytes: Uint8Array): string {
  return encode(bytes, URL_SAFE, false);
}

/**
 * Bytes of unpadded base64url `text`.
 * @throws {EncodingError} `base64/malformed` for padding, white space, `+` or `/`, or non-zero trailing bits.
 * @example decodeBase64Url('__8') // Uint8Array [255, 255]
 */
export function decodeBase64Url(text: string): Uint8Array<ArrayBuffer> {
  return decode(text, text.length, URL_SAFE_VALUES);
}

/** Values of the digits by character code; everything else has bits above the low six. */
function valuesOf(alphabet: Uint8Array): Uint8Array {
  const values = new Uint8Array(256).fill(0xff);
  alphabet.forEach((code, digit) => {
    values[code] = digit;
  });
  return values;
}

interface NativeEncoder {
  toBase64?(options: { readonly alphabet: 'base64' | 'base64url'; readonly omitPadding: boolean }): string;
}

/** Natively where the platform can; otherwise into an array of characters. Both take memory for the text only. */
function encode(bytes: Uint8Array, alphabet: Uint8Array, padded: boolean): string {
  const native = (bytes as NativeEncoder).toBase64;
  if (native !== undefined)
    return native.call(bytes, { alphabet: alphabet === STANDARD ? 'base64' : 'base64url', omitPadding: !padded });
  const digits = Math.ceil((bytes.length * 4) / 3);
  const out = new Uint8Array(padded ? Math.ceil(bytes.length / 3) * 4 : digits).fill(PADDING, digits);
  for (let i = 0, at = 0; i < bytes.length; i += 3) {
    const group = ((bytes[i] as number) << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0);
    for (let shift = 18; shift >= 0 && at < digits; shift -= 6) out[at++] = alphabet[(group >> shift) & 63] as number;
  }
  return ascii.decode(out);
}

function decode(text: string, digits: number, values: Uint8Array): Uint8Array<ArrayBuffer> {
  if (digits % 4 === 1) throw malformed('expected complete bytes, got one character too many or too few');
  const out = new Uint8Array(Math.floor((digits * 3) / 4));
  let pending = 0;
  let bits = 0;
  let offset = 0;
  let foreign = 0;
  for (let i = 0; i < digits; i++) {
    const code = text.charCodeAt(i);
    const value = values[code & 0xff] as number;
    foreign |= (code >> 8) | (value >> 6);
    pending = ((pending << 6) | value) & 0xffff;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      out[offset++] = (pending >> bits) & 0xff;
    }
  }
  if (foreign !== 0) throw malformed('expected characters of the base64 alphabet only, got another one');
  if ((pending & ((1 << bits) - 1)) !== 0) throw malformed('expected zero trailing bits, got a non-canonical last character');
  return out;
}

function malformed(message: string): EncodingError {
  return new EncodingError('base64/malformed', message);
}
