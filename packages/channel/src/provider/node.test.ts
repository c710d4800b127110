/** Keys of another length are refused by the provider itself: a platform that lends its name to `node:crypto` may take them. */

import nodeCrypto from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { type NodeCrypto, nodeProvider } from './node.ts';

const imported: unknown[] = [];
/** Takes bytes of any length for a key, and agrees on ones with each. */
const lenient = {
  ...(nodeCrypto as unknown as NodeCrypto),
  createPublicKey: (input: unknown) => imported.push(input),
  diffieHellman: () => new Uint8Array(32).fill(1),
  encapsulate: () => ({ sharedKey: new Uint8Array(32).fill(1), ciphertext: new Uint8Array(32) }),
  decapsulate: () => new Uint8Array(32).fill(1),
} as unknown as NodeCrypto;

describe.each([0, 31, 33, 64])('a key of %i bytes', (length) => {
  const key = new Uint8Array(length).fill(9);

  test('is agreed with by no pair', async () => {
    const pair = await nodeProvider(lenient).generateX25519();
    expect(() => pair.agree(key)).toThrow('an X25519 key has 32 bytes');
    expect(imported).toEqual([]);
  });

  test('is sealed to by no KEM', () => {
    expect(() => nodeProvider(lenient).dhkem?.encapsulate(key)).toThrow('an X25519 key has 32 bytes');
    expect(imported).toEqual([]);
  });
});
