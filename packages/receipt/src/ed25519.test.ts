/** One verdict on every platform (spec/keyset.md §1a): signatures only a dishonest signer can make, on both roads. */

import { concatBytes, utf8 } from '@assay/encoding/bytes';
import { decodeHex } from '@assay/encoding/hex';
import { ED25519_TORSION_SUBGROUP, ed25519 } from '@noble/curves/ed25519.js';
import { sha512 } from '@noble/hashes/sha2.js';
import { describe, expect, test, vi } from 'vitest';
import { verifyEd25519, verifyEd25519Once, verifyWithoutWebCrypto } from './ed25519.ts';

const { Point } = ed25519;
const { BASE, Fn } = Point;
const MESSAGE = utf8('a receipt');
const SECRET = 123456789n;
const FIELD_PRIME = (1n << 255n) - 19n;
const [zero, ...torsion] = ED25519_TORSION_SUBGROUP.map((hex) => Point.fromHex(hex));
if (zero === undefined || !zero.is0()) throw new Error('expected the neutral point first');

function bytesOf(value: bigint): Uint8Array {
  return Uint8Array.from({ length: 32 }, (_, index) => Number((value >> BigInt(8 * index)) & 0xffn));
}

function integerOf(bytes: Uint8Array): bigint {
  return bytes.reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
}

function challenge(key: Uint8Array, r: Uint8Array, message: Uint8Array): bigint {
  return Fn.create(integerOf(sha512(concatBytes(r, key, message))));
}

/** A signature of SECRET, with `r` and `key` written as given; the equation holds up to the torsion in both. */
function forge(key: Uint8Array, r: Uint8Array, nonce: bigint, secret = SECRET, message = MESSAGE): Uint8Array {
  return concatBytes(r, bytesOf(Fn.create(nonce + challenge(key, r, message) * secret)));
}

async function verdicts(key: Uint8Array, signature: Uint8Array, message = MESSAGE): Promise<readonly boolean[]> {
  return [await verifyEd25519(key, message, signature), await verifyWithoutWebCrypto(key, message, signature)];
}

const KEY = BASE.multiply(SECRET);
const R = BASE.multiply(7n);

describe('Ed25519 edges have one verdict', () => {
  test('an honest signature is good', async () => {
    expect(await verdicts(KEY.toBytes(), forge(KEY.toBytes(), R.toBytes(), 7n))).toEqual([true, true]);
  });

  test.each(torsion.map((point) => [point.toHex(), point] as const))('torsion %s in R or in A is refused', async (_, point) => {
    const [key, r] = [KEY.add(point).toBytes(), R.add(point).toBytes()];
    expect(await verdicts(KEY.toBytes(), forge(KEY.toBytes(), r, 7n))).toEqual([false, false]);
    // Without cofactor a mixed key verifies exactly where k takes its torsion away; the equation decides, alike on both roads.
    for (let count = 0; count < 24; count++) {
      const message = utf8(`receipt ${count}`);
      const cancels = point.multiplyUnsafe(challenge(key, R.toBytes(), message)).is0();
      const signature = forge(key, R.toBytes(), 7n, SECRET, message);
      expect(await verdicts(key, signature, message)).toEqual([cancels, cancels]);
    }
  });

  test.each(ED25519_TORSION_SUBGROUP)('the point of low order %s is no key and no R, whatever the sign of x', async (hex) => {
    const low = decodeHex(hex);
    const other = low.slice();
    other[31] = (other[31] ?? 0) ^ 0x80;
    for (const point of [low, other]) {
      expect(await verdicts(point, forge(point, R.toBytes(), 7n, 0n))).toEqual([false, false]);
      expect(await verdicts(point, forge(point, point, 0n, 0n))).toEqual([false, false]);
      expect(await verdicts(KEY.toBytes(), forge(KEY.toBytes(), point, 0n))).toEqual([false, false]);
    }
  });

  test('a y of p or more is refused in A and in R', async () => {
    for (let y = 0n; y < 19n; y++)
      for (const sign of [0n, 1n << 255n]) {
        const point = bytesOf((FIELD_PRIME + y) | sign);
        expect(await verdicts(point, forge(point, R.toBytes(), 7n, 0n))).toEqual([false, false]);
        expect(await verdicts(KEY.toBytes(), forge(KEY.toBytes(), point, 0n))).toEqual([false, false]);
      }
  });

  test('an S of L or more is refused', async () => {
    const sound = forge(KEY.toBytes(), R.toBytes(), 7n);
    for (let times = 1n; times <= 15n; times++) {
      const s = integerOf(sound.subarray(32)) + times * Fn.ORDER;
      if (s < 1n << 256n)
        expect(await verdicts(KEY.toBytes(), concatBytes(sound.subarray(0, 32), bytesOf(s)))).toEqual([false, false]);
    }
  });
});

test('a signature that many leaves share is verified once, and every other one for itself', async () => {
  const secret = new Uint8Array(32).fill(7);
  const [key, other] = [ed25519.getPublicKey(secret), ed25519.getPublicKey(new Uint8Array(32).fill(8))];
  const signature = ed25519.sign(MESSAGE, secret);
  const verify = verifyEd25519Once();
  expect(verify(key, MESSAGE, signature)).toBe(verify(key.slice(), MESSAGE.slice(), signature.slice()));
  expect(await verify(key, MESSAGE, signature)).toBe(true);
  const changed = signature.with(0, (signature[0] as number) ^ 1);
  for (const [by, message, given] of [
    [other, MESSAGE, signature],
    [key, utf8('another receipt'), signature],
    [key, MESSAGE, changed],
  ] as const)
    expect(await verify(by, message, given)).toBe(false);
});

test('the platform takes a key in once, and the memory of keys has an end', async () => {
  const taken = vi.spyOn(globalThis.crypto.subtle, 'importKey');
  const keyOf = (n: number) => ed25519.getPublicKey(sha512(utf8(`key ${n}`)).subarray(0, 32));
  const verify = (n: number) => verifyEd25519(keyOf(n), MESSAGE, forge(KEY.toBytes(), R.toBytes(), 7n));
  await verify(0);
  await verify(0);
  expect(taken).toHaveBeenCalledTimes(1);
  for (let n = 1; n <= 256; n++) await verify(n);
  taken.mockClear();
  await verify(0);
  expect(taken).toHaveBeenCalledTimes(1);
  taken.mockRestore();
});
