/**
 * Byte strings as programs print them, with the escapes of C: `\x1b`, `\033`, `\n`, `\"`. Python's `b'…'`, Go's `%q`, protobuf's text
 * format and C literals all read alike. Other characters stand for their UTF-8. Not checked here: what the bytes are.
 */

import { utf8 } from '@assay/encoding/bytes';

const BACKSLASH = 0x5c;
const SIMPLE: ReadonlyMap<string, number> = new Map([
  ['n', 0x0a],
  ['r', 0x0d],
  ['t', 0x09],
  ['a', 0x07],
  ['b', 0x08],
  ['f', 0x0c],
  ['v', 0x0b],
  ['\\', 0x5c],
  ["'", 0x27],
  ['"', 0x22],
  ['?', 0x3f],
]);

/**
 * The bytes of `body`, which stands between quotation marks; `null` for an escape that C has not.
 * @example unescapeBytes('\\377TCG\\200') // ff 54 43 47 80
 */
export function unescapeBytes(body: string): Uint8Array | null {
  const source = utf8(body);
  const out = new Uint8Array(source.length);
  let length = 0;
  for (let at = 0; at < source.length; at++) {
    const byte = source[at] as number;
    if (byte !== BACKSLASH) {
      out[length++] = byte;
      continue;
    }
    const tail = String.fromCharCode(...source.subarray(at + 1, at + 4));
    const octal = /^[0-7]{1,3}/.exec(tail)?.[0];
    const hex = /^[xX]([0-9a-fA-F]{1,2})/.exec(tail)?.[1];
    const simple = SIMPLE.get(tail.charAt(0));
    if (octal !== undefined) {
      const value = Number.parseInt(octal, 8);
      if (value > 0xff) return null;
      out[length++] = value;
      at += octal.length;
    } else if (hex !== undefined) {
      out[length++] = Number.parseInt(hex, 16);
      at += 1 + hex.length;
    } else if (simple !== undefined) {
      out[length++] = simple;
      at += 1;
    } else return null;
  }
  return out.subarray(0, length);
}

/**
 * The end of the quoted text that begins at `start`: the index of its closing mark, −1 when there is none.
 * @param start index of the opening mark.
 */
export function closingQuote(text: string, start: number): number {
  const mark = text.charAt(start);
  for (let at = start + 1; at < text.length; at++) {
    if (text.charCodeAt(at) === BACKSLASH) at++;
    else if (text.charAt(at) === mark) return at;
  }
  return -1;
}
