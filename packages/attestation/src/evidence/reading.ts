/**
 * Shared footing of the parsers: turns what the readers of @assay/encoding throw into one code of this package, and finds the
 * bytes of evidence that lies in a file as text. Nothing is verified here.
 */

import { decodeBase64 } from '@assay/encoding/base64';
import { firstCharacter, utf8 } from '@assay/encoding/bytes';
import { EncodingError } from '@assay/encoding/errors';
import { decodeHex } from '@assay/encoding/hex';
import { type Json, type JsonObject, parseJson } from '@assay/encoding/json';
import { withoutTrailing } from '@assay/encoding/text-ends';
import { AttestationError, type AttestationErrorCode } from '../errors.ts';

const FOREIGN = 0;
const DIGIT = 1;
const SPACE = 2;
/** What each byte is in text that stands for bytes. */
const KINDS = new Uint8Array(256);
for (const byte of utf8('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_=')) KINDS[byte] = DIGIT;
for (const byte of utf8(' \t\r\n')) KINDS[byte] = SPACE;

/** Text longer than this is not looked at, characters. */
const MAX_TEXT_LENGTH = 16 * 1024 * 1024;

/**
 * Runs `read`; a malformed encoding inside it becomes `code`. Other errors pass unchanged.
 * @throws {AttestationError} `code`.
 * @example reading('snp/malformed', 'snp report', () => new ByteReader(bytes, 'snp report').u32le())
 */
export function reading<Value>(code: AttestationErrorCode, what: string, read: () => Value): Value {
  try {
    return read();
  } catch (cause) {
    if (!EncodingError.is(cause)) throw cause;
    throw new AttestationError(code, `expected a well-formed ${what}: ${cause.message}`, { cause, details: cause.details });
  }
}

/** True when every byte is zero; true for no bytes. */
export function allZero(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0);
}

interface LookedAt {
  readonly file: Uint8Array;
  /** What each reader found in it. */
  readonly found: Map<unknown, unknown>;
}

/** The file that {@link parsedOnce} is about; `null` outside of it. */
let lookedAt: LookedAt | null = null;

/**
 * Runs `look`, in which {@link jsonIn} parses and {@link bytesOfText} decodes `file` once, however many readers ask. `look` waits for nothing, so
 * the bytes cannot change under it; nothing is kept afterwards. Readers share what was decoded: they do not write into it.
 * @example parsedOnce(file, () => jsonIn(file))
 */
export function parsedOnce<Value>(file: Uint8Array, look: () => Value): Value {
  const outer = lookedAt;
  if (outer?.file !== file) lookedAt = { file, found: new Map() };
  try {
    return look();
  } finally {
    lookedAt = outer;
  }
}

/** What `read` finds in the file, from the first look at it. */
function once<Value>(file: Uint8Array, read: (file: Uint8Array) => Value): Value {
  if (lookedAt?.file !== file) return read(file);
  const { found } = lookedAt;
  if (!found.has(read)) found.set(read, read(file));
  return found.get(read) as Value;
}

/** The JSON that bytes are; `undefined` for others. */
export const jsonIn = (bytes: Uint8Array): Json | undefined => once(bytes, parsedJson);

function parsedJson(bytes: Uint8Array): Json | undefined {
  try {
    return parseJson(bytes);
  } catch (error) {
    if (EncodingError.is(error)) return undefined;
    throw error;
  }
}

/**
 * The JSON object that a file is, white space around it allowed; `null` for everything else, so that a reader can pass the file on.
 * @example jsonObjectIn(utf8('{"quote":"…"}'))?.quote // '…'
 */
export function jsonObjectIn(file: Uint8Array): JsonObject | null {
  if (firstCharacter(file) !== 0x7b) return null;
  return (jsonIn(file) ?? null) as JsonObject | null; // a brace begins nothing but an object
}

/**
 * The bytes a text file stands for: hex (with or without `0x`) or base64 (standard or URL-safe, padded or not), white space
 * ignored. `null` when the file is not text of one of these kinds.
 */
export const bytesOfText = (file: Uint8Array): Uint8Array | null => once(file, decodedText);

function decodedText(file: Uint8Array): Uint8Array | null {
  if (file.length === 0 || file.length > MAX_TEXT_LENGTH) return null;
  const text = packedText(file);
  if (text === null) return null;
  const hex = text.replace(/^0x/i, '');
  if (hex.length > 0 && hex.length % 2 === 0 && /^[0-9a-fA-F]+$/.test(hex)) return decodeHex(hex);
  return bytesOfBase64(text);
}

/** The text of hex and base64 digits in `file`; `null` when another character stands in it. One pass, so that it costs what it reads. */
export function packedText(file: Uint8Array): string | null {
  const digits = new Uint8Array(file.length);
  let length = 0;
  // By index: on megabytes, an iterator takes several times as long.
  for (let at = 0; at < file.length; at++) {
    const byte = file[at] as number;
    const kind = KINDS[byte];
    if (kind === FOREIGN) return null;
    if (kind === DIGIT) digits[length++] = byte;
  }
  return new TextDecoder().decode(digits.subarray(0, length));
}

/** Bytes that a JSON value stands for: text as {@link bytesOfText} reads it, or a list of numbers from 0 to 255; `null` for others. */
export function bytesOfJson(value: Json): Uint8Array | null {
  if (typeof value === 'string') return bytesOfText(utf8(value));
  if (!Array.isArray(value) || value.length === 0) return null;
  const list = value as readonly number[];
  const areBytes = list.every((byte) => typeof byte === 'number' && byte === (byte & 0xff)); // whole, and in range
  return areBytes ? Uint8Array.from(list) : null;
}

/**
 * Bytes of base64 text, standard or URL-safe, padded or not; `null` when it is neither.
 * @throws errors that are none of decoding.
 */
export function bytesOfBase64(text: string): Uint8Array | null {
  const digits = withoutTrailing(/[-_]/.test(text) ? standardDigits(text) : text, '=');
  if (digits.length === 0 || digits.length % 4 === 1 || !/^[A-Za-z0-9+/]+$/.test(digits)) return null;
  try {
    return decodeBase64(digits.padEnd(Math.ceil(digits.length / 4) * 4, '='));
  } catch (error) {
    if (EncodingError.is(error)) return null;
    throw error;
  }
}

function standardDigits(text: string): string {
  return new TextDecoder().decode(utf8(text).map((code) => (code === 0x2d ? 0x2b : code === 0x5f ? 0x2f : code)));
}
