/**
 * AES-256-GCM with a counter nonce (RFC 9180 §5.2): `nonce = base_nonce XOR sequence`. A key is used for one direction of one
 * message, so the sequence never gets near its bound.
 */

import { ChannelError } from '../errors.ts';
import { PROVIDER } from '../provider/current.ts';
import type { AeadKey, Provider } from '../provider/provider.ts';

export const KEY_LENGTH = 32; // bytes, Nk of AES-256-GCM
export const NONCE_LENGTH = 12; // bytes, Nn

const NOTHING = new Uint8Array(0);

/** One direction of one message: every call uses the next nonce. Calls must not overlap. */
export class AeadStream {
  readonly #key: AeadKey | Promise<AeadKey>;
  readonly #baseNonce: Uint8Array;
  #sequence = 0;

  constructor(key: Uint8Array, baseNonce: Uint8Array, provider: Provider = PROVIDER) {
    this.#key = provider.aesGcm(key);
    this.#baseNonce = baseNonce;
  }

  #nextNonce(): Uint8Array {
    const nonce = this.#baseNonce.slice();
    let rest = this.#sequence;
    for (let index = NONCE_LENGTH - 1; rest > 0; index -= 1) {
      nonce[index] = (nonce[index] ?? 0) ^ (rest & 0xff);
      rest = Math.floor(rest / 256);
    }
    this.#sequence += 1;
    return nonce;
  }

  /** Ciphertext followed by its tag of 16 bytes. */
  async seal(plaintext: Uint8Array, additionalData: Uint8Array = NOTHING): Promise<Uint8Array> {
    const nonce = this.#nextNonce();
    return (await this.#key).seal(nonce, plaintext, additionalData);
  }

  /** @throws {ChannelError} `channel/decryption-failed` when anything was changed, reordered or dropped. */
  async open(ciphertext: Uint8Array, additionalData: Uint8Array = NOTHING): Promise<Uint8Array> {
    const nonce = this.#nextNonce();
    try {
      return await (await this.#key).open(nonce, ciphertext, additionalData);
    } catch (cause) {
      throw new ChannelError('channel/decryption-failed', 'the message does not decrypt; make a new request', { cause });
    }
  }
}
