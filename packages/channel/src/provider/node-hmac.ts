/**
 * HMAC-SHA256 (RFC 2104) over Node's one-shot hash: two calls and no native objects, a quarter of what `createHmac` costs for the few
 * dozen bytes that HKDF feeds it. Digests come as Latin-1 text, because a short string is cheaper in Node than a `Buffer`.
 */

import type { Hmac } from './provider.ts';

/** `crypto.hash`, in Node since 20.12. */
export type OneShotHash = (algorithm: 'sha256', input: Uint8Array, encoding: 'latin1') => string;

const BLOCK = 64; // bytes, B of SHA-256
const DIGEST = 32; // bytes
const SCRATCH = 1024; // bytes of message that need no array of their own

const inner = new Uint8Array(BLOCK + SCRATCH);
const outer = new Uint8Array(BLOCK + DIGEST);

function write(digest: string, into: Uint8Array, at: number): void {
  for (let index = 0; index < DIGEST; index += 1) into[at + index] = digest.charCodeAt(index);
}

/** HMAC-SHA256 under `key`. */
export function oneShotHmac(hash: OneShotHash, key: Uint8Array): Hmac {
  const innerPad = new Uint8Array(BLOCK);
  const outerPad = new Uint8Array(BLOCK);
  if (key.length > BLOCK) write(hash('sha256', key, 'latin1'), innerPad, 0);
  else innerPad.set(key);
  for (let index = 0; index < BLOCK; index += 1) {
    const byte = innerPad[index] ?? 0;
    innerPad[index] = byte ^ 0x36;
    outerPad[index] = byte ^ 0x5c;
  }
  return (message) => {
    // Nothing here waits, so one scratch serves all keys; it is cleared, because pads tell keys.
    const length = BLOCK + message.length;
    const input = length <= inner.length ? inner : new Uint8Array(length);
    input.set(innerPad);
    input.set(message, BLOCK);
    outer.set(outerPad);
    write(hash('sha256', input.subarray(0, length), 'latin1'), outer, BLOCK);
    const digest = new Uint8Array(DIGEST);
    write(hash('sha256', outer, 'latin1'), digest, 0);
    input.fill(0, 0, length);
    outer.fill(0);
    return digest;
  };
}
