/**
 * The key encapsulation mechanisms of the channel: DHKEM(X25519, HKDF-SHA256) of RFC 9180 §4.1, and the X-Wing hybrid
 * (X25519 with ML-KEM-768, draft-connolly-cfrg-xwing-kem) for relying parties who fear recorded traffic.
 *
 * X25519 and AES run in the platform's crypto; ML-KEM in @noble/post-quantum, which is not constant time.
 */

import { concatBytes } from '@assay/encoding/bytes';
import { ml_kem768_x25519 as XWing } from '@noble/post-quantum/hybrid.js';
import { ChannelError } from '../errors.ts';
import { type KdfSuite, kdfSuite } from './kdf.ts';
import { currentPlatform, type Platform, type X25519Pair } from './platform.ts';

/** IANA HPKE KEM identifiers. */
export type KemId = 0x0020 | 0x647a;

/** A recipient's key pair; the private half stays where it was made. */
export interface KemKeyPair {
  readonly kem: KemId;
  /** 32 bytes for X25519, 1,216 for X-Wing. */
  readonly publicKey: Uint8Array;
  readonly decapsulate: (encapsulated: Uint8Array) => Promise<Uint8Array>;
  /** Ends the private half: bytes are overwritten, a key object of the platform is let go, which clears it. */
  readonly destroy: () => void;
}

export interface Kem {
  readonly id: KemId;
  readonly publicKeyLength: number;
  readonly encapsulatedLength: number;
  generate(): Promise<KemKeyPair>;
  /** A fresh shared secret of 32 bytes for the holder of `publicKey`, and what that holder needs to derive it. */
  encapsulate(publicKey: Uint8Array): Promise<{ readonly encapsulated: Uint8Array; readonly sharedSecret: Uint8Array }>;
}

const X25519_KEM: KdfSuite = kdfSuite(Uint8Array.of(0x4b, 0x45, 0x4d, 0x00, 0x20)); // "KEM" ‖ 0x0020

async function agree(pair: X25519Pair | null, peer: Uint8Array): Promise<Uint8Array> {
  try {
    if (pair === null) throw new Error('the key was destroyed');
    const secret = await pair.agree(peer);
    // RFC 9180 §7.1.4: an all-zero output means a low-order point.
    if (secret.every((byte) => byte === 0)) throw new Error('low-order point');
    return secret;
  } catch (cause) {
    throw new ChannelError('channel/decryption-failed', 'the encapsulated key is not usable; make a new request', { cause });
  }
}

function sharedSecretOf(dh: Uint8Array, encapsulated: Uint8Array, publicKey: Uint8Array): Uint8Array {
  const extracted = X25519_KEM.extract(new Uint8Array(0), 'eae_prk', dh);
  return X25519_KEM.expand(extracted, 'shared_secret', concatBytes(encapsulated, publicKey), 32);
}

/** DHKEM(X25519, HKDF-SHA256) over a platform. */
export function dhkemX25519(platform: Platform): Kem {
  return {
    id: 0x0020,
    publicKeyLength: 32,
    encapsulatedLength: 32,
    async generate() {
      let held: X25519Pair | null = await platform.generateX25519();
      const { publicKey } = held;
      return {
        kem: 0x0020,
        publicKey,
        decapsulate: async (encapsulated) => sharedSecretOf(await agree(held, encapsulated), encapsulated, publicKey),
        destroy: () => {
          held = null;
        },
      };
    },
    async encapsulate(publicKey) {
      const ephemeral = await platform.generateX25519();
      const secret = await agree(ephemeral, publicKey);
      return { encapsulated: ephemeral.publicKey, sharedSecret: sharedSecretOf(secret, ephemeral.publicKey, publicKey) };
    },
  };
}

/** DHKEM(X25519, HKDF-SHA256): the baseline every peer has. */
export const X25519: Kem = dhkemX25519(currentPlatform());

/** X-Wing: stays secret while either X25519 or ML-KEM-768 holds. Asynchronous for the interface's sake only. */
export const X_WING: Kem = {
  id: 0x647a,
  publicKeyLength: 1216,
  encapsulatedLength: 1120,
  generate() {
    const { publicKey, secretKey } = XWing.keygen();
    let destroyed = false;
    return Promise.resolve({
      kem: 0x647a,
      publicKey,
      destroy: () => {
        secretKey.fill(0);
        destroyed = true;
      },
      decapsulate: async (encapsulated: Uint8Array) => {
        try {
          if (destroyed) throw new Error('the key was destroyed');
          return XWing.decapsulate(encapsulated, secretKey);
        } catch (cause) {
          throw new ChannelError('channel/decryption-failed', 'the encapsulated key is not usable; make a new request', {
            cause,
          });
        }
      },
    });
  },
  encapsulate(publicKey) {
    const { cipherText, sharedSecret } = XWing.encapsulate(publicKey);
    return Promise.resolve({ encapsulated: cipherText, sharedSecret });
  },
};

const KEMS: readonly Kem[] = [X25519, X_WING];

/** The KEM of an IANA identifier, or `undefined` when this library does not speak it. */
export function kemById(id: number): Kem | undefined {
  return KEMS.find((kem) => kem.id === id);
}
