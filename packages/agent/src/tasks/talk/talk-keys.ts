/**
 * The key pairs of the tutorial's channel (seed 004): one P-384 key a keyset that both agrees (ECDH) and signs (ECDSA, SHA-384), because
 * that is what its clients expect of the `public_key` in the attestation document. Made in the enclave, listed in the attested keyset,
 * never stored. Nothing else uses it.
 */

import { createPrivateKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { encodeHex } from '@assay/encoding/hex';

export interface TalkKeys {
  /** DER SubjectPublicKeyInfo, 120 bytes. */
  readonly spki: Uint8Array;
  /** For ECDH; cannot be exported. */
  readonly agreement: CryptoKey;
  /** DER ECDSA signature with SHA-384. */
  sign(message: Uint8Array): Uint8Array;
  /** Takes a nonce of the safe form once; false when it came before. The memory goes with the key. */
  claim(nonce: Uint8Array, clientSpki: Uint8Array): boolean;
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
  const seen = new Set<string>();
  return {
    spki: new Uint8Array(pair.publicKey),
    agreement,
    sign: (message) => new Uint8Array(sign('sha384', message, signing)),
    claim(nonce, clientSpki) {
      const id = `${encodeHex(nonce)}${encodeHex(clientSpki.subarray(-32))}`;
      if (seen.has(id)) return false;
      seen.add(id);
      return true;
    },
  };
}

/** The pairs that clients may still use. */
export class TalkKeyring {
  /** Newest first. */
  #held: readonly { readonly keys: TalkKeys; readonly endsAt: number }[] = [];

  /** Puts a pair in force until `notAfter`; older ones answer until `othersEndAt`. Epoch seconds. */
  publish(keys: TalkKeys, notAfter: number, othersEndAt: number): void {
    const others = this.#held.map(({ keys: old, endsAt }) => ({ keys: old, endsAt: Math.min(endsAt, othersEndAt) }));
    this.#held = [{ keys, endsAt: notAfter }, ...others];
  }

  /** The pairs in their time, the newest first. */
  live(nowSeconds: number): readonly TalkKeys[] {
    return this.#held.flatMap(({ keys, endsAt }) => (nowSeconds < endsAt ? [keys] : []));
  }

  /** Lets go of pairs whose time is over; the platform clears a key that is not held. */
  end(nowSeconds: number): void {
    this.#held = this.#held.filter(({ endsAt }) => nowSeconds < endsAt);
  }
}
