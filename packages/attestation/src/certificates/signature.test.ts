import { encodeEcdsaSignature } from '@assay/encoding/x509-writer';
import { expectCode, expectRefusal, type FakeKeyKind, fakeKey } from '@assay/testing';
import { describe, expect, it, vi } from 'vitest';
import type { SignatureAlgorithm } from './algorithms.ts';
import { BytesCache } from './bytes-cache.ts';
import { importVerifyKey, verifySignature } from './signature.ts';
import { VerificationCache } from './verification-cache.ts';

const message = new TextEncoder().encode('what is signed');
const ALGORITHMS: readonly [FakeKeyKind, SignatureAlgorithm][] = [
  ['P-256', { name: 'ECDSA', hash: 'SHA-256' }],
  ['P-384', { name: 'ECDSA', hash: 'SHA-384' }],
  ['P-521', { name: 'ECDSA', hash: 'SHA-512' }],
  ['Ed25519', { name: 'Ed25519' }],
  ['RSA', { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }],
  ['RSA-PSS', { name: 'RSA-PSS', hash: 'SHA-384', saltLength: 48 }],
];

describe('verifySignature', () => {
  it.each(ALGORITHMS)('accepts what a %s key signed, and no bit of difference', async (kind, algorithm) => {
    const key = await fakeKey(kind);
    const signature = await key.sign(message);
    expect(await verifySignature({ spki: key.spki, algorithm, signature, message })).toBe(true);
    expect(await verifySignature({ spki: key.spki, algorithm, signature, message: message.subarray(1) })).toBe(false);
    expect(await verifySignature({ spki: (await fakeKey(kind, 'other')).spki, algorithm, signature, message })).toBe(false);
    for (let bit = 0; bit < signature.length * 8; bit += 5) {
      const flipped = signature.slice();
      flipped[bit >> 3] = flipped[bit >> 3]! ^ (1 << (bit & 7));
      expect(await verifySignature({ spki: key.spki, algorithm, signature: flipped, message }), `bit ${bit}`).toBe(false);
    }
  });

  it('takes raw ecdsa signatures only when told, and at their exact width', async () => {
    const key = await fakeKey('P-384');
    const raw = await key.signRaw(message);
    const input = { spki: key.spki, algorithm: { name: 'ECDSA', hash: 'SHA-384' }, message } as const;
    expect(await verifySignature({ ...input, signature: raw, signatureForm: 'raw' })).toBe(true);
    expect(await verifySignature({ ...input, signature: raw })).toBe(false);
    expect(await verifySignature({ ...input, signature: encodeEcdsaSignature(raw), signatureForm: 'raw' })).toBe(false);
    expect(await verifySignature({ ...input, signature: raw.subarray(1), signatureForm: 'raw' })).toBe(false);
    for (const zeros of [new Uint8Array(96), new Uint8Array([...raw.subarray(0, 48), ...new Uint8Array(48)])]) {
      expect(await verifySignature({ ...input, signature: zeros, signatureForm: 'raw' })).toBe(false);
    }
  });

  it('checks a P-384 signature with several candidates on the threads of WebCrypto', async () => {
    const native = vi.spyOn(process.getBuiltinModule('node:crypto'), 'verify');
    const key = await fakeKey('P-384');
    const signature = await key.sign(message);
    const input = { spki: key.spki, algorithm: { name: 'ECDSA', hash: 'SHA-384' }, signature, message } as const;
    expect(await verifySignature({ ...input, candidates: 2 })).toBe(true);
    expect(native).not.toHaveBeenCalled();
    expect(await verifySignature({ ...input, candidates: 1 })).toBe(true);
    expect(native).toHaveBeenCalledTimes(1);
    native.mockRestore();
  });

  it.each([
    ['trailing bytes', (der: Uint8Array) => Uint8Array.of(...der, 0)],
    ['a third integer', (der: Uint8Array) => Uint8Array.of(0x30, der[1]! + 3, ...der.subarray(2), 2, 1, 1)],
    ['nothing', () => new Uint8Array(0)],
  ])('reads an ecdsa signature with %s as bad', async (_, change) => {
    const key = await fakeKey('P-256');
    const signature = change(await key.sign(message));
    expect(await verifySignature({ spki: key.spki, algorithm: { name: 'ECDSA', hash: 'SHA-256' }, signature, message })).toBe(
      false,
    );
  });

  it('refuses a key of another family, and a point off the curve', async () => {
    const { spki } = await fakeKey('P-256');
    const input = { signature: new Uint8Array(256), message };
    const rsa = { name: 'RSA-PSS', hash: 'SHA-384', saltLength: 48 } as const;
    await expectRefusal(verifySignature({ ...input, spki, algorithm: rsa }), 'certificate/unsupported-algorithm', [
      'a key for RSA-PSS, got P-256',
    ]);
    const off = spki.slice();
    off[off.length - 1] = off.at(-1)! ^ 1;
    const ecdsa = { name: 'ECDSA', hash: 'SHA-256' } as const;
    const signature = encodeEcdsaSignature(new Uint8Array(64).fill(1));
    await expectCode(verifySignature({ message, signature, spki: off, algorithm: ecdsa }), 'certificate/unsupported-algorithm');
  });

  it('remembers good results only, of exactly these bytes, when asked', async () => {
    const key = await fakeKey('P-256');
    const cache = new VerificationCache();
    const input = { spki: key.spki, algorithm: { name: 'ECDSA', hash: 'SHA-256' }, message, remember: true, cache } as const;
    const signature = await key.sign(message);
    const bad = encodeEcdsaSignature(new Uint8Array(64).fill(1));
    for (const _ of [1, 2]) {
      expect(await verifySignature({ ...input, signature })).toBe(true);
      expect(await verifySignature({ ...input, signature: bad })).toBe(false);
      expect(await verifySignature({ ...input, signature, message: message.subarray(1) })).toBe(false);
    }
  });

  it('imports a key once for each algorithm, and again without a cache', async () => {
    const { spki } = await fakeKey('P-384');
    const algorithm = { name: 'ECDSA', hash: 'SHA-384' } as const;
    const imports = vi.spyOn(crypto.subtle, 'importKey');
    const cache = new VerificationCache();
    const counts: number[] = [];
    for (const memory of [cache, cache, undefined]) {
      await importVerifyKey({ spki, algorithm, cache: memory });
      counts.push(imports.mock.calls.length);
    }
    expect(counts).toEqual([1, 1, 2]);
    imports.mockRestore();
  });
});

describe('BytesCache', () => {
  it('counts an entry that is set again as new', () => {
    const cache = new BytesCache<number>(2);
    for (const byte of [1, 2, 1, 3]) cache.set(Uint8Array.of(byte), byte);
    expect([1, 2, 3].map((byte) => cache.get(Uint8Array.of(byte)))).toEqual([1, undefined, 3]);
  });

  it('finds by content, forgets the oldest, and copies its keys', () => {
    const cache = new BytesCache<number>(2);
    const key = Uint8Array.of(1);
    cache.set(key, 1);
    key[0] = 2;
    expect([cache.get(Uint8Array.of(1)), cache.get(key)]).toEqual([1, undefined]);
    cache.set(key, 2);
    cache.set(key, 3);
    expect(cache.get(key)).toBe(3);
    cache.set(Uint8Array.of(9), 9);
    expect([1, 2, 9].map((byte) => cache.get(Uint8Array.of(byte)))).toEqual([undefined, 3, 9]);
  });
});
