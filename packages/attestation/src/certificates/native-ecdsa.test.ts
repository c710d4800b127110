/** One verdict on both roads: signatures and keys at the edges, checked by Node's crypto and by WebCrypto. */

import { equalBytes } from '@assay/encoding/bytes';
import { encodeEcdsaSignature } from '@assay/encoding/x509-writer';
import { fakeKey } from '@assay/testing';
import { p256, p384 } from '@noble/curves/nist.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { currentNode, nativeEcdsaKey, SPKI_PREFIX } from './native-ecdsa.ts';
import { verifySignature } from './signature.ts';

const SHA256 = { name: 'ECDSA', hash: 'SHA-256' } as const;
const message = new TextEncoder().encode('what is signed');

const CURVES = [
  { curve: 'P-256', bytes: 32, field: p256, hash: 'SHA-256' },
  { curve: 'P-384', bytes: 48, field: p384, hash: 'SHA-384' },
] as const;

const integerOf = (bytes: Uint8Array): bigint => BigInt(`0x${Buffer.from(bytes).toString('hex')}`);

describe.each(CURVES)('$curve by Node', ({ curve, bytes: width, field, hash }) => {
  const n = field.Point.Fn.ORDER;
  const P = field.Point.Fp.ORDER;
  const prefix = SPKI_PREFIX[curve];
  const bytesOf = (value: bigint): Uint8Array =>
    new Uint8Array(Buffer.from(value.toString(16).padStart(2 * width, '0'), 'hex'));
  const join = (r: bigint, s: bigint): Uint8Array => new Uint8Array([...bytesOf(r), ...bytesOf(s)]);

  /** WebCrypto's verdict; `null` where it refuses the key. */
  async function onTheWeb(spki: Uint8Array, raw: Uint8Array, signed: Uint8Array): Promise<boolean | null> {
    const named = { name: 'ECDSA', namedCurve: curve };
    const key = await crypto.subtle.importKey('spki', new Uint8Array(spki), named, false, ['verify']).catch(() => null);
    return key === null
      ? null
      : crypto.subtle.verify({ name: 'ECDSA', hash }, key, new Uint8Array(raw), new Uint8Array(signed));
  }

  function natively(spki: Uint8Array, raw: Uint8Array, signed: Uint8Array): boolean | null {
    return nativeEcdsaKey(spki, curve)?.verify(signed, encodeEcdsaSignature(raw)) ?? null;
  }

  it('serves here', async () => {
    expect(nativeEcdsaKey((await fakeKey(curve)).spki, curve)).not.toBeNull();
  });

  it('gives the verdict of WebCrypto on signatures at the edges', async () => {
    const key = await fakeKey(curve);
    const good = await key.signRaw(message);
    const [r, s] = [integerOf(good.subarray(0, width)), integerOf(good.subarray(width))];
    const top = (1n << BigInt(8 * width)) - 1n;
    const edges = [0n, 1n, n - 1n, n, n + 1n, P, top];
    const signatures = [good, join(r, n - s), ...edges.flatMap((edge) => [join(edge, s), join(r, edge), join(edge, edge)])];
    if (r + n <= top) signatures.push(join(r + n, s));
    if (s + n <= top) signatures.push(join(r, s + n));
    const verdicts = await Promise.all(signatures.map((each) => onTheWeb(key.spki, each, message)));
    expect(signatures.map((each) => natively(key.spki, each, message))).toEqual(verdicts);
    expect(verdicts.slice(0, 2)).toEqual([true, true]);
    expect(verdicts.slice(2).includes(true)).toBe(false);
  });

  it('refuses every flipped bit of signature and message', async () => {
    const key = await fakeKey(curve);
    const good = await key.signRaw(message);
    const native = nativeEcdsaKey(key.spki, curve);
    for (const [index, bytes] of [good, message].entries()) {
      for (let bit = 0; bit < bytes.length * 8; bit++) {
        const flipped = bytes.slice();
        flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7));
        const [raw, signed] = index === 0 ? [flipped, message] : [good, flipped];
        expect(native?.verify(signed, encodeEcdsaSignature(raw)), `bit ${bit}`).toBe(false);
      }
    }
  });

  it('agrees with WebCrypto on random signatures, messages and keys', async () => {
    const some = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
    await fc.assert(
      fc.asyncProperty(some(width), fc.uint8Array({ maxLength: 200 }), some(2 * width), async (seed, signed, noise) => {
        const secret = bytesOf((integerOf(seed) % (n - 1n)) + 1n);
        const spki = new Uint8Array([...prefix, ...field.getPublicKey(secret, false).subarray(1)]);
        const good = field.sign(signed, secret, { lowS: false });
        expect(natively(spki, good, signed)).toBe(true);
        expect(await onTheWeb(spki, good, signed)).toBe(true);
        expect(natively(spki, noise, signed)).toBe(await onTheWeb(spki, noise, signed));
      }),
      { numRuns: 30 },
    );
  });

  it.each([
    ['a point off the curve', (x: bigint, y: bigint) => [x, y ^ 1n]],
    ['the point at zero', () => [0n, 0n]],
    ['a coordinate of p or more', (x: bigint) => [x, P]],
  ] as const)('leaves %s to WebCrypto, which refuses it', async (_, change) => {
    const { spki } = await fakeKey(curve);
    const at = prefix.length;
    const [x = 0n, y = 0n] = change(integerOf(spki.subarray(at, at + width)), integerOf(spki.subarray(at + width)));
    const changed = new Uint8Array([...prefix, ...bytesOf(x), ...bytesOf(y)]);
    expect(nativeEcdsaKey(changed, curve)).toBeNull();
    expect(await onTheWeb(changed, new Uint8Array(2 * width).fill(1), message)).toBeNull();
  });

  it('leaves other keys and other forms to WebCrypto', async () => {
    const others = (['P-256', 'P-384', 'P-521', 'Ed25519', 'RSA'] as const).filter((kind) => kind !== curve);
    for (const kind of others) expect(nativeEcdsaKey((await fakeKey(kind)).spki, curve)).toBeNull();
    const { spki } = await fakeKey(curve);
    expect(equalBytes(spki.subarray(0, prefix.length), prefix)).toBe(true);
    expect(nativeEcdsaKey(Uint8Array.of(...spki, 0), curve)).toBeNull();
    expect(nativeEcdsaKey(spki.with(prefix.length - 1, 2), curve)).toBeNull();
    expect(nativeEcdsaKey(spki, curve, null)).toBeNull();
  });

  it.each([
    ['of evidence', false],
    ['of a certificate', true],
  ])('gives one verdict on a signature %s', async (_, remember) => {
    const { spki, signRaw } = await fakeKey(curve);
    const input = { spki, algorithm: { name: 'ECDSA', hash }, message, signatureForm: 'raw', remember } as const;
    const signature = await signRaw(message);
    expect(await verifySignature({ ...input, signature })).toBe(true);
    expect(await verifySignature({ ...input, signature: signature.with(5, (signature[5] as number) ^ 1) })).toBe(false);
    expect(await verifySignature({ ...input, signature, message: message.with(0, 0) })).toBe(false);
  });
});

describe('where Node does not check', () => {
  it('leaves P-256 with another hash to WebCrypto', async () => {
    const { privateKey, publicKey } = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, [
      'sign',
      'verify',
    ]);
    const spki = new Uint8Array(await crypto.subtle.exportKey('spki', publicKey));
    const algorithm = { name: 'ECDSA', hash: 'SHA-384' } as const;
    const signature = new Uint8Array(await crypto.subtle.sign(algorithm, privateKey, message));
    expect(await verifySignature({ spki, algorithm, signature, message, signatureForm: 'raw' })).toBe(true);
    expect(await verifySignature({ spki, algorithm: SHA256, signature, message, signatureForm: 'raw' })).toBe(false);
  });

  it.each([
    ['a browser', {}],
    [
      'Deno',
      {
        process: {
          versions: { node: '24.0.0', deno: '2.0.0' },
          getBuiltinModule: () => ({ verify() {}, createPublicKey() {} }),
        },
      },
    ],
    [
      'Bun',
      {
        process: {
          versions: { node: '24.0.0', bun: '1.3.0' },
          getBuiltinModule: () => ({ verify() {}, createPublicKey() {} }),
        },
      },
    ],
    ['a Node without the module', { process: { versions: { node: '20.0.0' } } }],
    ['a Node whose module has no such check', { process: { versions: { node: '24.0.0' }, getBuiltinModule: () => ({}) } }],
  ])('asks WebCrypto in %s', (_, host) => {
    expect(currentNode(host)).toBeNull();
  });
});
