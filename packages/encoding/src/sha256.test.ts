/** Vectors of FIPS 180-4, and both engines held equal on random input. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeHex, encodeHex } from './hex.ts';
import { nodeHash, sha256, sha256Hex } from './sha256.ts';

const LONG = '248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1';
const VECTORS: readonly (readonly [string, string])[] = [
  ['', 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'],
  ['abc', 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'],
  ['abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq', LONG],
];

describe.each([
  ['the one of this platform', nodeHash()],
  ['the portable one', null],
] as const)('SHA-256, %s', (_, engine) => {
  it.each(VECTORS)('of %j', (text, digest) => {
    expect(sha256Hex(text, engine)).toBe(digest);
    expect(sha256(new TextEncoder().encode(text), engine)).toEqual(decodeHex(digest));
  });

  it('gives bytes of its own', () => {
    const first = sha256('a', engine);
    sha256('b', engine);
    expect(first).toEqual(sha256('a', engine));
    expect(first.constructor).toBe(Uint8Array);
  });
});

it('gives the same with either engine, for bytes and for texts with lone surrogates', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.string({ unit: 'binary', maxLength: 100 }), (bytes, text) => {
      for (const content of [bytes, text, `${text}\ud800`]) {
        const portable = encodeHex(sha256(content, null));
        expect([encodeHex(sha256(content)), sha256Hex(content), sha256Hex(content, null)]).toEqual(Array(3).fill(portable));
      }
    }),
  );
});

it.each([
  ['a browser', {}],
  ['Deno', { process: { versions: { node: '24.0.0', deno: '2.0.0' }, getBuiltinModule: () => ({ hash() {} }) } }],
  ['Bun', { process: { versions: { node: '24.0.0', bun: '1.3.0' }, getBuiltinModule: () => ({ hash() {} }) } }],
  ['a Node without the module', { process: { versions: { node: '20.0.0' } } }],
  ['a Node that hashes in no one call', { process: { versions: { node: '20.0.0' }, getBuiltinModule: () => ({}) } }],
])('uses the portable one in %s', (_, host) => {
  expect(nodeHash(host)).toBeNull();
});
