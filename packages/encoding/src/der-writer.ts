/** Writes ASN.1 DER (ITU-T X.690): elements with minimal lengths. For makers of certificates and keys; what is written is not validated. */

import { concatBytes } from './bytes.ts';
import { DER_TAG } from './der.ts';

/**
 * Writes one element: `tag`, minimal length, `contents` joined. For makers of certificates; nothing is validated.
 * @example encodeDer(DER_TAG.sequence, encodeDerUnsigned(Uint8Array.of(5))) // Uint8Array [0x30, 3, 2, 1, 5]
 */
export function encodeDer(tag: number, ...contents: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const length = contents.reduce((sum, part) => sum + part.length, 0);
  const header = length < 0x80 ? [tag, length] : [tag, 0x80 | lengthBytes(length).length, ...lengthBytes(length)];
  return concatBytes(Uint8Array.from(header), ...contents);
}

function lengthBytes(length: number): number[] {
  const out: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) out.unshift(rest % 256);
  return out;
}

/**
 * OBJECT IDENTIFIER of a dotted text such as `2.5.29.19`.
 * @example encodeDerOid('2.5.29.19') // Uint8Array [0x06, 3, 0x55, 0x1d, 0x13]
 */
export function encodeDerOid(dotted: string): Uint8Array<ArrayBuffer> {
  const [first = 0n, second = 0n, ...rest] = dotted.split('.').map(BigInt);
  const bytes = [first * 40n + second, ...rest].flatMap((arc) => {
    const out = [Number(arc & 0x7fn)];
    for (let left = arc >> 7n; left > 0n; left >>= 7n) out.unshift(Number(left & 0x7fn) | 0x80);
    return out;
  });
  return encodeDer(DER_TAG.oid, Uint8Array.from(bytes));
}

/**
 * INTEGER of a non-negative big-endian byte string: leading zeros dropped, a sign byte added where needed.
 * @example encodeDerUnsigned(Uint8Array.of(0, 0xff)) // Uint8Array [2, 2, 0, 255]
 */
export function encodeDerUnsigned(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  let start = 0;
  while (start < bytes.length - 1 && bytes[start] === 0) start++;
  const minimal = bytes.length === 0 ? Uint8Array.of(0) : bytes.subarray(start);
  const sign = (minimal[0] as number) >= 0x80 ? Uint8Array.of(0) : new Uint8Array(0);
  return encodeDer(DER_TAG.integer, sign, minimal);
}
