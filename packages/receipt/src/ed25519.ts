/**
 * Ed25519 (RFC 8032) under the one rule of spec/keyset.md §1a: canonical encodings, no point of low order, S below L, and the equation
 * without cofactor. WebCrypto checks the equation where the platform has it, @noble/curves where it has not; the form of key and
 * signature is checked here before either, because platforms differ in what they refuse.
 */

import { bufferSource, concatBytes, equalBytes } from '@assay/encoding/bytes';
import { isEd25519Form } from '@assay/encoding/ed25519-form';
import { encodeHex } from '@assay/encoding/hex';
import { loadedPart } from '@assay/encoding/loaded-part';

const KEY_CACHE_SIZE = 256;
const keys = new Map<string, Promise<CryptoKey | null>>();

/**
 * Whether `signature` (64 bytes) over `message` is by `publicKey` (32 bytes). Wrong lengths are `false`.
 * @example await verifyEd25519(publicKey, message, signature)
 */
export async function verifyEd25519(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): Promise<boolean> {
  if (!isEd25519Form(publicKey, signature)) return false;
  const key = await importKey(publicKey);
  if (key === null) return verifyWithoutWebCrypto(publicKey, message, signature);
  return globalThis.crypto.subtle.verify('Ed25519', key, bufferSource(signature), bufferSource(message));
}

/**
 * {@link verifyEd25519} that verifies each signature once: leaves that were signed together carry the same signature over the same root. Its
 * memory is that of one bundle.
 */
export function verifyEd25519Once(): typeof verifyEd25519 {
  const asked = new Map<string, Promise<boolean>>();
  return (publicKey, message, signature) => {
    const id = [publicKey, message, signature].map(encodeHex).join();
    const known = asked.get(id) ?? verifyEd25519(publicKey, message, signature);
    asked.set(id, known);
    return known;
  };
}

/** The same by @noble/curves alone: whether [S]B − [k]A is, byte for byte, R. Exported for the differential test. */
export async function verifyWithoutWebCrypto(
  publicKey: Uint8Array,
  message: Uint8Array,
  signature: Uint8Array,
): Promise<boolean> {
  if (!isEd25519Form(publicKey, signature)) return false;
  const [{ ed25519 }, { sha512 }] = await loadedPart('Ed25519 signatures', () =>
    Promise.all([import('@noble/curves/ed25519.js'), import('@noble/hashes/sha2.js')]),
  );
  const [r, s] = [signature.subarray(0, 32), signature.subarray(32)];
  const { BASE, Fn } = ed25519.Point;
  try {
    const key = ed25519.Point.fromBytes(publicKey, false);
    const challenge = Fn.create(littleEndian(sha512(concatBytes(r, publicKey, message))));
    const expected = BASE.multiplyUnsafe(littleEndian(s)).subtract(key.multiplyUnsafe(challenge));
    return equalBytes(expected.toBytes(), r);
  } catch {
    return false;
  }
}

function littleEndian(bytes: Uint8Array): bigint {
  return BigInt(`0x${encodeHex(bytes.slice().reverse())}`);
}

function importKey(publicKey: Uint8Array): Promise<CryptoKey | null> {
  const id = encodeHex(publicKey);
  const known = keys.get(id);
  if (known !== undefined) return known;
  if (keys.size >= KEY_CACHE_SIZE) keys.clear();
  const imported = importIfPossible(publicKey);
  keys.set(id, imported);
  return imported;
}

/** `null` where the platform has no WebCrypto (pages that are not secure contexts) or no Ed25519 in it, or the key is not one. */
async function importIfPossible(publicKey: Uint8Array): Promise<CryptoKey | null> {
  try {
    return await globalThis.crypto.subtle.importKey('raw', bufferSource(publicKey), 'Ed25519', false, ['verify']);
  } catch {
    return null;
  }
}
