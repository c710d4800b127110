/**
 * The key encapsulation mechanisms of the channel: DHKEM(X25519, HKDF-SHA256) of RFC 9180 §4.1, and the X-Wing hybrid
 * (X25519 with ML-KEM-768, draft-connolly-cfrg-xwing-kem) for relying parties who fear recorded traffic.
 *
 * X25519 and AES run in the platform's crypto; ML-KEM in @noble/post-quantum, which is not constant time.
 */

import { loadedPart } from '@assay/encoding/loaded-part';
import { ChannelError } from '../errors.ts';
import { PROVIDER } from '../provider/current.ts';
import type { DhkemPair, Provider } from '../provider/provider.ts';
import { composedDhkem } from './dhkem.ts';

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
  /**
   * A fresh shared secret of 32 bytes for the holder of `publicKey`, and what that holder needs to derive it.
   * @throws {ChannelError} `channel/decryption-failed` for another length, a point of low order, or ML-KEM coefficients out of range.
   */
  encapsulate(publicKey: Uint8Array): Promise<{ readonly encapsulated: Uint8Array; readonly sharedSecret: Uint8Array }>;
}

/** What `attempt` gives; whatever it throws becomes the one error that says nothing of the step. */
async function usable<Value>(attempt: () => Value | Promise<Value>): Promise<Value> {
  try {
    return await attempt();
  } catch (cause) {
    throw new ChannelError('channel/decryption-failed', 'the encapsulated key is not usable; make a new request', { cause });
  }
}

/** What `attempt` gives for a recipient's key; whatever it throws becomes the one error that blames that key. */
async function sealable<Value>(attempt: () => Value | Promise<Value>): Promise<Value> {
  try {
    return await attempt();
  } catch (cause) {
    throw new ChannelError(
      'channel/decryption-failed',
      'expected a public key that can be sealed to, got one of low order or out of range; verify the attestation again',
      { cause },
    );
  }
}

/** A private half that was not destroyed. */
function alive<Half>(half: Half | null): Half {
  if (half === null) throw new Error('the key was destroyed');
  return half;
}

/** DHKEM(X25519, HKDF-SHA256) of a provider. */
export function dhkemX25519(provider: Provider): Kem {
  const dhkem = provider.dhkem ?? composedDhkem(provider);
  return {
    id: 0x0020,
    publicKeyLength: 32,
    encapsulatedLength: 32,
    async generate() {
      let held: DhkemPair | null = await dhkem.generate();
      return {
        kem: 0x0020,
        publicKey: held.publicKey,
        decapsulate: (encapsulated) => usable(() => alive(held).decapsulate(encapsulated)),
        destroy: () => {
          held = null;
        },
      };
    },
    encapsulate: (publicKey) => sealable(() => dhkem.encapsulate(publicKey)),
  };
}

/** DHKEM(X25519, HKDF-SHA256): the baseline every peer has. */
export const X25519: Kem = dhkemX25519(PROVIDER);

/** X-Wing: stays secret while either X25519 or ML-KEM-768 holds. Asynchronous for the interface's sake only. */
export const X_WING: Kem = {
  id: 0x647a,
  publicKeyLength: 1216,
  encapsulatedLength: 1120,
  async generate() {
    const XWing = await xWing();
    const { publicKey, secretKey } = XWing.keygen();
    let held: Uint8Array | null = secretKey;
    return {
      kem: 0x647a,
      publicKey,
      destroy: () => {
        secretKey.fill(0);
        held = null;
      },
      decapsulate: (encapsulated: Uint8Array) => usable(() => XWing.decapsulate(encapsulated, alive(held))),
    };
  },
  async encapsulate(publicKey) {
    const XWing = await xWing();
    return sealable(() => {
      const { cipherText, sharedSecret } = XWing.encapsulate(publicKey);
      return { encapsulated: cipherText, sharedSecret };
    });
  },
};

/** Loaded when it is needed: few relying parties ask for it, and bundlers keep it apart. */
async function xWing(): Promise<typeof import('@noble/post-quantum/hybrid.js').ml_kem768_x25519> {
  return (await loadedPart('X-Wing keys', () => import('@noble/post-quantum/hybrid.js'))).ml_kem768_x25519;
}

const KEMS: readonly Kem[] = [X25519, X_WING];

/**
 * The KEM of an IANA identifier, or `undefined` when this library does not speak it.
 * @example kemById(0x0020)?.id // 32, X25519 with HKDF-SHA256
 */
export function kemById(id: number): Kem | undefined {
  return KEMS.find((kem) => kem.id === id);
}
