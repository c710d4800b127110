/**
 * AES-256-GCM with a counter nonce (RFC 9180 §5.2): `nonce = base_nonce XOR sequence`. A key is used for one direction of one
 * message, so the sequence never gets near its bound.
 */

import { ChannelError } from '../errors.ts';

export const KEY_LENGTH = 32; // bytes, Nk of AES-256-GCM
export const NONCE_LENGTH = 12; // bytes, Nn

/** One direction of one message: every call uses the next nonce. Calls must not overlap. */
export class AeadStream {
  readonly #key: Promise<CryptoKey>;
  readonly #baseNonce: Uint8Array;
  #sequence = 0;

  constructor(key: Uint8Array, baseNonce: Uint8Array) {
    this.#key = crypto.subtle.importKey('raw', key as BufferSource, 'AES-GCM', false, ['encrypt', 'decrypt']);
    this.#baseNonce = baseNonce;
  }

  #nextNonce(): Uint8Array {
    const nonce = this.#baseNonce.slice();
    const view = new DataView(nonce.buffer);
    view.setUint32(8, view.getUint32(8) ^ (this.#sequence % 0x1_0000_0000));
    view.setUint32(4, view.getUint32(4) ^ Math.floor(this.#sequence / 0x1_0000_0000));
    this.#sequence += 1;
    return nonce;
  }

  /** Ciphertext followed by its tag of 16 bytes. */
  async seal(plaintext: Uint8Array, additionalData: Uint8Array = new Uint8Array(0)): Promise<Uint8Array> {
    const parameters = {
      name: 'AES-GCM',
      iv: this.#nextNonce() as BufferSource,
      additionalData: additionalData as BufferSource,
    };
    return new Uint8Array(await crypto.subtle.encrypt(parameters, await this.#key, plaintext as BufferSource));
  }

  /** @throws {ChannelError} `channel/decryption-failed` when anything was changed, reordered or dropped. */
  async open(ciphertext: Uint8Array, additionalData: Uint8Array = new Uint8Array(0)): Promise<Uint8Array> {
    const parameters = {
      name: 'AES-GCM',
      iv: this.#nextNonce() as BufferSource,
      additionalData: additionalData as BufferSource,
    };
    try {
      return new Uint8Array(await crypto.subtle.decrypt(parameters, await this.#key, ciphertext as BufferSource));
    } catch (cause) {
      throw new ChannelError('channel/decryption-failed', 'the message does not decrypt; make a new request', { cause });
    }
  }
}
