/**
 * The message that the operator of seed 001 signs: the text `{tee_name};update_variables;{name};{value}`, ECDSA over
 * SHA-1(SHA-256(text)), r and s as 64 bytes of hex (spec/operator.md §6). Its signature covers neither the flags nor a version, and a
 * high s is as good as a low one; therefore it is taken only where the manifest names a key for it.
 */

import { utf8 } from '@assay/encoding/bytes';
import { decodeHex } from '@assay/encoding/hex';
import { secp256k1 } from '@noble/curves/secp256k1.js';
import { sha1 } from '@noble/hashes/legacy.js';
import { sha256 } from '@noble/hashes/sha2.js';

/**
 * The text that is signed. Names hold no `;`, so the value is all that follows the third one.
 * @example legacyText('tee', 'prompt', 'hello')
 */
export function legacyText(teeName: string, name: string, value: string): string {
  return `${teeName};update_variables;${name};${value}`;
}

/**
 * Whether the operator's key signed this change.
 * @param signature r and s, 128 hex characters, `0x` in front or not.
 * @param publicKey x and y, 128 hex characters.
 * @example verifyLegacyMessage(legacyText('my-agent', 'api_key', 'sk-1'), signature, manifest.compatibility.operator_public_key)
 */
export function verifyLegacyMessage(text: string, signature: string, publicKey: string): boolean {
  const digits = signature.replace(/^0x/, '').toLowerCase();
  if (!/^[0-9a-f]{128}$/.test(digits)) return false;
  try {
    const key = decodeHex(`04${publicKey}`, { bytes: 65 });
    return secp256k1.verify(decodeHex(digits, { bytes: 64 }), sha1(sha256(utf8(text))), key, { prehash: false, lowS: false });
  } catch {
    return false;
  }
}

/**
 * Names one signature for good: a second s for the same r is the same signature.
 * @example legacySignatureId(legacyText('tee', 'prompt', 'hello'), signature)
 */
export function legacySignatureId(text: string, signature: string): string {
  return `${text}\n${signature.replace(/^0x/, '').toLowerCase().slice(0, 64)}`;
}
