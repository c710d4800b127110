/**
 * Bytes as literals of programming languages: lists of numbers (`unsigned char q[] = { 0x04, … };`, `[]byte{4, 0}`, `vec![0x04u8, …]`,
 * Java's signed bytes) and escaped strings (`b'\x04\x00'`, `"\004\000"`, `{\"quote\":\"…\"}`). One literal that is long enough is read;
 * the words around it are not.
 * Not checked here: anything about the bytes.
 */

import { utf8 } from '@assay/encoding/bytes';
import { closingQuote, unescapeBytes } from './escaped-text.ts';

const MAX_TEXT = 4 * 1024 * 1024; // characters
/** Shorter lists are not evidence; words in brackets are common in source text. */
const MIN_BYTES = 32;
const MAX_BRACKETS = 16;
const NUMBER = /^(?:0[xX]([0-9a-fA-F]{1,2})|(-?\d{1,3}))(?:[uU]8?|_u8)?$/;
const CLOSING: Readonly<Record<string, string>> = { '{': '}', '[': ']', '(': ')' };

/** The bytes of the literal in `text`, `null` when there is none. */
export function bytesOfLiteral(text: string): Uint8Array | null {
  if (text.length > MAX_TEXT) return null;
  return ofList(text) ?? ofEscapes(text);
}

function ofList(text: string): Uint8Array | null {
  let brackets = 0;
  for (let at = nextBracket(text, 0); at >= 0 && brackets < MAX_BRACKETS; at = nextBracket(text, at + 1), brackets++) {
    const close = text.indexOf(CLOSING[text.charAt(at)] ?? '', at);
    const bytes = close < 0 ? null : numbers(text.slice(at + 1, close));
    if (bytes !== null) return bytes;
  }
  return null;
}

function nextBracket(text: string, from: number): number {
  const found = /[{[(]/.exec(text.slice(from, from + 65_536));
  return found === null ? -1 : from + found.index;
}

function numbers(list: string): Uint8Array | null {
  const words = list.split(/[\s,]+/).filter((word) => word !== '');
  if (words.length < MIN_BYTES) return null;
  const values = words.map((word) => {
    const [, hex, decimal] = NUMBER.exec(word) ?? [];
    return hex === undefined ? Number(decimal ?? Number.NaN) : Number.parseInt(hex, 16);
  });
  // Java and C# `sbyte` write the upper half as negative numbers.
  const signed = values.some((value) => value < 0);
  const [least, most] = signed ? [-128, 127] : [0, 255];
  return values.every((value) => value >= least && value <= most) ? Uint8Array.from(values, (value) => value & 0xff) : null;
}

/** Adjacent strings are one, as in C and Python. */
function ofEscapes(text: string): Uint8Array | null {
  if (/^\{\s*\\"/.test(text)) return unescapeBytes(text);
  const first = /["']/.exec(text.slice(0, 256))?.index ?? -1;
  if (first < 0) return /^(?:\\x[0-9a-fA-F]{2}){32}/.test(text) ? unescapeBytes(text) : null;
  const bodies: string[] = [];
  for (let at = first; at >= 0; ) {
    const close = closingQuote(text, at);
    if (close < 0) return null;
    bodies.push(text.slice(at + 1, close));
    const gap = /^\s*[bB]?(?=["'])/.exec(text.slice(close + 1, close + 257));
    at = gap === null ? -1 : close + 1 + gap[0].length;
  }
  const body = bodies.join('');
  const bytes = /\\(?:x[0-9a-fA-F]{2}|[0-7]{3}|")/.test(body) ? unescapeBytes(body) : null;
  if (bytes !== null) return bytes.length < MIN_BYTES ? null : bytes;
  // `bytes.fromhex("…")`, `QUOTE="…"`: the text between the marks is another layer.
  return body.length >= 2 * MIN_BYTES && /^[A-Za-z0-9+/=_-]+$/.test(body) ? utf8(body) : null;
}
