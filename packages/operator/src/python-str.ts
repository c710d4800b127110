/**
 * `str()` of a Python value, which the README of seed 001 signs. Whole numbers written with a fraction (`1.0`) read as integers here.
 */

import type { Json } from '@assay/encoding/json';

/** What Python escapes: everything that is not printable, `\`, and the quotation mark in use. */
const UNPRINTABLE = /[\p{C}\p{Z}]/u;

/**
 * The text that Python's `str` gives for a parsed JSON value; objects are dicts in their order.
 * @example pythonStr({ model: "it's", tools: null }) // {'model': "it's", 'tools': None}
 */
export function pythonStr(value: Json): string {
  if (value === null) return 'None';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (typeof value === 'number') return pythonNumber(value);
  if (typeof value === 'string') return pythonText(value);
  if (Array.isArray(value)) return `[${value.map((item: Json) => pythonStr(item)).join(', ')}]`;
  return `{${Object.entries(value)
    .map(([name, member]) => `${pythonText(name)}: ${pythonStr(member)}`)
    .join(', ')}}`;
}

function pythonNumber(value: number): string {
  if (Number.isSafeInteger(value)) return String(value);
  const [digits = '', power = '0'] = value.toExponential().split('e');
  const exponent = Number(power);
  if (exponent >= -4 && exponent < 16) return String(value).includes('.') ? String(value) : `${value}.0`;
  const sign = exponent < 0 ? '-' : '+';
  return `${digits}e${sign}${String(Math.abs(exponent)).padStart(2, '0')}`;
}

function pythonText(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  const escaped = Array.from(text, (character) => {
    if (character === quote || character === '\\') return `\\${character}`;
    if (character === ' ' || !UNPRINTABLE.test(character)) return character;
    return escapedCharacter(character.codePointAt(0) ?? 0);
  });
  return `${quote}${escaped.join('')}${quote}`;
}

const SHORT: Readonly<Record<number, string>> = { 9: '\\t', 10: '\\n', 13: '\\r' };

function escapedCharacter(code: number): string {
  const short = SHORT[code];
  if (short !== undefined) return short;
  const hex = code.toString(16);
  if (code < 0x100) return `\\x${hex.padStart(2, '0')}`;
  return code < 0x10000 ? `\\u${hex.padStart(4, '0')}` : `\\U${hex.padStart(8, '0')}`;
}
