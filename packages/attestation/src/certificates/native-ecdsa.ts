/**
 * ECDSA over P-256 with SHA-256 and over P-384 with SHA-384 by Node's own synchronous crypto. A check of P-256 takes OpenSSL 45 µs and one of
 * P-384 430 µs; WebCrypto adds 25 to 70 µs to hand it to another thread, and imports a key in 25 µs instead of 10. Which checks come here says
 * signature.ts.
 *
 * The verdicts are WebCrypto's, which is OpenSSL too: native-ecdsa.test.ts puts the same edge cases to both. `node:crypto` is not imported by
 * name, so that one build serves browsers; the running platform is asked for it.
 * Source: SEC 1 §4.1.4; RFC 3279 §2.2.3 for the DER form.
 */

import { encodeBase64 } from '@assay/encoding/base64';
import { type ModuleHost, nodeModule } from '@assay/encoding/node-module';

/** A public key that Node holds. */
export interface NativeEcdsaKey {
  /**
   * Whether `signature` is one of this key over the digest of `message`: SHA-256 for P-256, SHA-384 for P-384.
   * @param signature canonical DER of (r, s), both at most as long as a coordinate.
   */
  verify(message: Uint8Array, signature: Uint8Array): boolean;
}

/** The part of `node:crypto` that is used here, without a dependency on Node's types. */
export interface NodeEcdsa {
  createPublicKey(pem: string): NodeKey;
  verify(hash: 'sha256' | 'sha384', message: Uint8Array, key: NodeKey, signature: Uint8Array): boolean;
}

interface NodeKey {
  readonly asymmetricKeyType?: string | undefined;
}

/** Node's crypto where Node runs this; other runtimes lend its name to code of their own. */
export function currentNode(host?: ModuleHost): NodeEcdsa | null {
  const node = nodeModule('node:crypto', host) as Partial<NodeEcdsa> | null;
  return typeof node?.createPublicKey === 'function' && typeof node.verify === 'function' ? (node as NodeEcdsa) : null;
}

const NODE = currentNode();

/** The curves that Node checks, with the only hash each comes with in evidence. */
export type NativeCurve = 'P-256' | 'P-384';

/** SubjectPublicKeyInfo up to the coordinates, the form byte of an uncompressed point included (RFC 5480 §2). */
export const SPKI_PREFIX: Readonly<Record<NativeCurve, Uint8Array>> = {
  'P-256': Uint8Array.of(
    ...[0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08],
    ...[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04],
  ),
  'P-384': Uint8Array.of(
    ...[0x30, 0x76, 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01],
    ...[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22, 0x03, 0x62, 0x00, 0x04],
  ),
};
const COORDINATES_BYTES: Readonly<Record<NativeCurve, number>> = { 'P-256': 64, 'P-384': 96 };
export const NATIVE_HASH = { 'P-256': 'SHA-256', 'P-384': 'SHA-384' } as const;

/**
 * The key of a SubjectPublicKeyInfo on `curve`; `null` where Node is not what runs this, for another kind or form of key, and for a point that
 * is not on the curve: WebCrypto then says what is wrong.
 */
export function nativeEcdsaKey(spki: Uint8Array, curve: NativeCurve, node: NodeEcdsa | null = NODE): NativeEcdsaKey | null {
  const prefix = SPKI_PREFIX[curve];
  if (node === null || spki.length !== prefix.length + COORDINATES_BYTES[curve]) return null;
  for (let at = 0; at < prefix.length; at++) if (spki[at] !== prefix[at]) return null;
  const hash = curve === 'P-256' ? 'sha256' : 'sha384';
  try {
    // As PEM, because Node tries several decoders on DER, which takes twice as long.
    const key = node.createPublicKey(`-----BEGIN PUBLIC KEY-----\n${encodeBase64(spki)}\n-----END PUBLIC KEY-----\n`);
    return { verify: (message, signature) => node.verify(hash, message, key, signature) };
  } catch {
    return null;
  }
}
