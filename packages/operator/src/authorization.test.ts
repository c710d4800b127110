/** The digest of an authorisation is that of EIP-7702, written out by hand. */

import { expect, it } from 'vitest';
import { authorizationDigest } from './authorization.ts';
import { bytesOf, type Hex, keccakOf } from './hex.ts';

it('is the hash of 0x05 and the list of chain, contract and nonce', () => {
  const delegate: Hex = `0x${'63'.repeat(20)}`;
  // d7: a list of 23 bytes; 94: a text of 20.
  const written: Hex = `0x05d70194${delegate.slice(2)}08`;
  expect(authorizationDigest({ chainId: 1, delegate, nonce: 8 })).toBe(keccakOf(bytesOf(written)));
  expect(authorizationDigest({ chainId: 1, delegate, nonce: 0 })).toBe(keccakOf(bytesOf(`0x05d70194${delegate.slice(2)}80`)));
});
