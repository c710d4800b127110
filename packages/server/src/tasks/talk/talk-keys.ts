/**
 * The key pair of the tutorial's channel (seed 004): one P-384 key that both agrees (ECDH) and signs (ECDSA, SHA-384), because
 * that is what its clients expect of the `public_key` in the attestation document. Made at start, listed in the attested keyset,
 * never stored. Nothing else uses it.
 */

import { createPrivateKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';

export interface TalkKeys {
  /** DER SubjectPublicKeyInfo, 120 bytes. */
  readonly spki: Uint8Array;
  /** For ECDH; cannot be exported. */
  readonly agreement: CryptoKey;
  /** DER ECDSA signature with SHA-384. */
  sign(message: Uint8Array): Uint8Array;
}

export async function generateTalkKeys(): Promise<TalkKeys> {
  const pair = generateKeyPairSync('ec', {
    namedCurve: 'P-384',
    publicKeyEncoding: { type: 'spki', format: 'der' },
    privateKeyEncoding: { type: 'pkcs8', format: 'der' },
  });
  const signing: KeyObject = createPrivateKey({ key: pair.privateKey, type: 'pkcs8', format: 'der' });
  const agreement = await crypto.subtle.importKey(
    'pkcs8',
    pair.privateKey as BufferSource,
    { name: 'ECDH', namedCurve: 'P-384' },
    false,
    ['deriveBits'],
  );
  pair.privateKey.fill(0);
  return {
    spki: new Uint8Array(pair.publicKey),
    agreement,
    sign: (message) => new Uint8Array(sign('sha384', message, signing)),
  };
}
