/**
 * The `crypto` module under the seed. Members that are functions of their arguments are given as they are, those that need random
 * bytes take them from the seed, and every other one, also of later engines, is reported when it is used.
 */

import { fillRandom, randomUuid } from './determinism.ts';
import { reported, unseeded } from './unseeded.ts';

type Callback = (error: unknown, value?: unknown) => void;
type Call = (...args: unknown[]) => unknown;

/** Functions of their arguments. */
const EXACT = new Set([
  ...['constants', 'createHash', 'createHmac', 'Hash', 'Hmac', 'hash', 'createCipheriv', 'createDecipheriv', 'Cipheriv'],
  ...['Decipheriv', 'createPrivateKey', 'createPublicKey', 'createSecretKey', 'KeyObject', 'createVerify', 'Verify', 'verify'],
  ...['timingSafeEqual', 'pbkdf2Sync', 'scryptSync', 'hkdfSync', 'getCiphers', 'getCurves', 'getHashes', 'getCipherInfo'],
  ...['X509Certificate', 'diffieHellman', 'privateDecrypt', 'publicDecrypt', 'privateEncrypt', 'getFips'],
]);
/** Calls that come back later, by their synchronous twins. */
const LATER: Readonly<Record<string, string>> = { pbkdf2: 'pbkdf2Sync', scrypt: 'scryptSync', hkdf: 'hkdfSync' };

/** Has `work` done now and answers the callback, the last argument, in its turn. */
export function later(work: Call): Call {
  return (...args) => {
    const done = args.pop() as Callback;
    if (typeof done !== 'function') throw new TypeError('expected a callback as last argument');
    let value: unknown;
    try {
      value = work(...args);
    } catch (error) {
      queueMicrotask(() => done(error));
      return;
    }
    queueMicrotask(() => done(null, value));
  };
}

/** With a callback as last argument later, otherwise at once. */
const either =
  (work: Call): Call =>
  (...args) =>
    typeof args.at(-1) === 'function' ? later(work)(...args) : work(...args);

function randomBytes(size: unknown): Uint8Array {
  return fillRandom(Buffer.alloc(Number(size)));
}

function randomInt(low: unknown, high?: unknown): number {
  const [from, to] = high === undefined ? [0, Number(low)] : [Number(low), Number(high)];
  const [word = 0, more = 0] = fillRandom(new Uint32Array(2));
  return from + Math.floor(((word * 2 ** 21 + (more >>> 11)) / 2 ** 53) * (to - from));
}

/** Fills `view` from `offset`, `size` elements of one byte, as Node counts them. */
function randomFill(view: unknown, offset: unknown = 0, size?: unknown): unknown {
  const whole = ArrayBuffer.isView(view)
    ? new Uint8Array(view.buffer, view.byteOffset, view.byteLength)
    : new Uint8Array(view as ArrayBuffer);
  const from = Number(offset);
  fillRandom(whole.subarray(from, size === undefined ? whole.length : from + Number(size)));
  return view;
}

/** The module that user code gets in place of `real`. */
export function seededCrypto(real: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const generateKey = (type: unknown, options: unknown): unknown => {
    const { length = 0 } = (options ?? {}) as { readonly length?: number };
    const valid =
      type === 'aes' ? [128, 192, 256].includes(length) : Number.isInteger(length) && length >= 8 && length < 2 ** 20;
    if ((type !== 'aes' && type !== 'hmac') || !valid) {
      // Refused as a rule; a key that comes back is none of the seed's.
      const key = (real.generateKeySync as Call)(type, options);
      unseeded('crypto.generateKey');
      return key;
    }
    return (real.createSecretKey as Call)(randomBytes(Math.floor(length / 8)));
  };
  const given: Record<string, unknown> = {
    randomBytes: either(randomBytes),
    pseudoRandomBytes: either(randomBytes),
    prng: either(randomBytes),
    rng: either(randomBytes),
    randomInt: either(randomInt as Call),
    randomUUID: randomUuid,
    randomFillSync: randomFill,
    randomFill: later(randomFill as Call),
    getRandomValues: fillRandom,
    generateKeySync: generateKey,
    generateKey: later(generateKey as Call),
    webcrypto: globalThis.crypto,
    subtle: globalThis.crypto.subtle,
  };
  for (const [name, member] of Object.entries(real)) {
    if (Object.hasOwn(given, name)) continue;
    const twin = LATER[name];
    if (twin !== undefined) given[name] = later(real[twin] as Call);
    else if (EXACT.has(name)) given[name] = member;
    else if (typeof member === 'function') given[name] = reported(`crypto.${name}`, member);
  }
  return given;
}
