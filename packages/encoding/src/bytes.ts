/** Byte strings: joining, comparing, and UTF-8 (RFC 3629) both ways. Comparison is not constant time; nothing here is secret. */

import { EncodingError } from './errors.ts';

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * One fresh array holding all `parts` in order.
 * @example concatBytes(Uint8Array.of(1), Uint8Array.of(2, 3)) // Uint8Array [1, 2, 3]
 */
export function concatBytes(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  return joinBytes(parts);
}

/**
 * {@link concatBytes} of a list, however long.
 * @example joinBytes([Uint8Array.of(1), Uint8Array.of(2, 3)]) // Uint8Array [1, 2, 3]
 */
export function joinBytes(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  let length = 0;
  for (const part of parts) length += part.length;
  const out = new Uint8Array(length);
  let offset = 0;
  for (const part of parts) {
    out.set(part, offset);
    offset += part.length;
  }
  return out;
}

/**
 * True when both have the same length and the same bytes.
 * @example equalBytes(Uint8Array.of(1), Uint8Array.of(1)) // true
 */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/**
 * Order by unsigned bytes, shorter first among equals: negative, zero or positive.
 * @example [Uint8Array.of(2), Uint8Array.of(1)].sort(compareBytes) // 1 before 2
 */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const shared = Math.min(a.length, b.length);
  for (let i = 0; i < shared; i++) {
    const difference = (a[i] as number) - (b[i] as number);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

/**
 * The first byte that is no white space or control character of ASCII; `undefined` without one. A loop: `find` calls a function for each byte,
 * which takes seconds for megabytes of white space.
 * @example firstCharacter(utf8('\n {}')) // 0x7b
 */
export function firstCharacter(bytes: Uint8Array): number | undefined {
  let at = 0;
  while (at < bytes.length && (bytes[at] as number) <= 0x20) at += 1;
  return bytes[at];
}

/**
 * UTF-8 bytes of `text`. Lone surrogates become U+FFFD; formats that must refuse them check first.
 * @example utf8('é') // Uint8Array [195, 169]
 */
export function utf8(text: string): Uint8Array<ArrayBuffer> {
  return encoder.encode(text) as Uint8Array<ArrayBuffer>;
}

/**
 * Text of UTF-8 `bytes`. A byte order mark is kept as U+FEFF.
 * @throws {EncodingError} `utf8/malformed` for overlong forms, surrogates, truncated or stray bytes.
 * @example decodeUtf8(Uint8Array.of(195, 169)) // 'é'
 */
export function decodeUtf8(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch (cause) {
    throw new EncodingError('utf8/malformed', 'expected valid utf-8 text; check that the bytes are text at all', { cause });
  }
}

/**
 * The same bytes with the type WebCrypto asks for. Copies only what lives in shared memory.
 * @example await crypto.subtle.digest('SHA-256', bufferSource(bytes))
 */
export function bufferSource(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return bytes.buffer instanceof ArrayBuffer ? (bytes as Uint8Array<ArrayBuffer>) : new Uint8Array(bytes);
}
