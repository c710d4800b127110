/**
 * Ed25519 (RFC 8032) by WebCrypto, and by @noble/curves where the platform has none. Both refuse non-canonical scalars; the
 * fallback is told to follow RFC 8032 rather than ZIP 215, so that both accept the same signatures of honest signers.
 */

import { bufferSource } from '@assay/encoding/bytes';
import { encodeHex } from '@assay/encoding/hex';
import { ed25519 } from '@noble/curves/ed25519.js';

const KEY_CACHE_SIZE = 256;
const keys = new Map<string, Promise<CryptoKey | null>>();

/**
 * Whether `signature` (64 bytes) over `message` is by `publicKey` (32 bytes). Wrong lengths are `false`.
 * @example await verifyEd25519(publicKey, message, signature)
 */
export async function verifyEd25519(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): Promise<boolean> {
  if (publicKey.length !== 32 || signature.length !== 64) return false;
  const key = await importKey(publicKey);
  if (key === null) return verifyWithoutWebCrypto(publicKey, message, signature);
  return globalThis.crypto.subtle.verify('Ed25519', key, bufferSource(signature), bufferSource(message));
}

/** The same by @noble/curves alone; exported for the differential test. */
export function verifyWithoutWebCrypto(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  try {
    return ed25519.verify(signature, message, publicKey, { zip215: false });
  } catch {
    return false;
  }
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
