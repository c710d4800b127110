/**
 * WebCrypto under the seed. What is a function of its arguments stays as it is; symmetric keys come from the seed; everything
 * else (key pairs, randomised signatures and encryption, and whatever a later engine adds) uses the engine's entropy and is reported.
 */

import { fillRandom, inTurn } from './determinism.ts';
import { unseeded } from './unseeded.ts';

type Call = (this: unknown, ...args: unknown[]) => Promise<unknown>;

/** Methods that are functions of their arguments for every algorithm. */
const EXACT = new Set([
  'digest',
  'decrypt',
  'verify',
  'deriveBits',
  'deriveKey',
  'importKey',
  'exportKey',
  'getPublicKey',
  'unwrapKey',
]);
/** Algorithms for which `sign`, `encrypt` and `wrapKey` are functions of their arguments. */
const EXACT_ALGORITHM = /^(HMAC|RSASSA-PKCS1-v1_5|Ed25519|AES-CBC|AES-CTR|AES-GCM|AES-KW|AES-OCB)$/i;
const BY_ALGORITHM: Readonly<Record<string, number>> = { sign: 0, encrypt: 0, wrapKey: 3 };
const HMAC_BITS: Readonly<Record<string, number>> = { 'SHA-1': 512, 'SHA-256': 512, 'SHA-384': 1024, 'SHA-512': 1024 };

type Algorithm = Readonly<Record<string, unknown>> & { readonly name: string };

/** A copy of an algorithm's members, each read once. */
function algorithmOf(value: unknown): Algorithm {
  if (typeof value !== 'object' || value === null) return { name: String(value) };
  const copy = { ...value } as { name?: unknown };
  return { ...copy, name: String(copy.name) };
}

/** Replaces every method of `prototype` but its constructor. */
export function seedSubtle(prototype: object): void {
  const members = prototype as Record<string, Call>;
  const importKey = members.importKey as Call;
  for (const name of Object.getOwnPropertyNames(prototype)) {
    const real = members[name];
    if (name === 'constructor' || typeof real !== 'function') continue;
    const replaced = {
      async [name](this: unknown, ...args: unknown[]): Promise<unknown> {
        const at = name === 'generateKey' ? 0 : BY_ALGORITHM[name];
        if (at !== undefined) args[at] = algorithmOf(args[at]);
        const algorithm = at === undefined ? null : (args[at] as Algorithm);
        const bits = name === 'generateKey' && algorithm !== null ? symmetricBits(algorithm) : null;
        if (bits !== null) {
          const bytes = fillRandom(new Uint8Array(bits / 8));
          return await inTurn(() => Reflect.apply(importKey, this, ['raw', bytes, algorithm, ...args.slice(1)]));
        }
        const exact = EXACT.has(name) || (name !== 'generateKey' && algorithm !== null && EXACT_ALGORITHM.test(algorithm.name));
        if (!exact) unseeded(`crypto.subtle.${name}`);
        return await inTurn(() => Reflect.apply(real, this, args));
      },
    };
    Object.defineProperty(prototype, name, { value: replaced[name], writable: true, configurable: true, enumerable: true });
  }
}

/** Length of a symmetric key in bits; `null` for other algorithms and lengths that the engine has to refuse. */
function symmetricBits({ name, length, hash }: Algorithm): number | null {
  if (/^AES-/i.test(name)) return [128, 192, 256].includes(Number(length)) ? Number(length) : null;
  if (!/^HMAC$/i.test(name)) return null;
  const digest = typeof hash === 'object' && hash !== null ? (hash as { readonly name?: unknown }).name : hash;
  const bits = length === undefined ? HMAC_BITS[String(digest).toUpperCase()] : Number(length);
  return bits !== undefined && Number.isInteger(bits) && bits > 0 && bits <= 65_536 && bits % 8 === 0 ? bits : null;
}
