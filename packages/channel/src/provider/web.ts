/** The primitives from WebCrypto, with HMAC from @noble/hashes; runs in browsers and everywhere else. */

import { hmac } from '@noble/hashes/hmac.js';
import { sha256 } from '@noble/hashes/sha2.js';
import type { Provider, X25519Pair } from './provider.ts';

/** A pair over a private key that WebCrypto holds. @param publicKey its 32 bytes */
export function webX25519(privateKey: CryptoKey, publicKey: Uint8Array): X25519Pair {
  return {
    publicKey,
    agree: async (peer) => {
      const key = await crypto.subtle.importKey('raw', peer as BufferSource, 'X25519', true, []);
      return new Uint8Array(await crypto.subtle.deriveBits({ name: 'X25519', public: key }, privateKey, 256));
    },
  };
}

export const WEB_PROVIDER: Provider = {
  async generateX25519() {
    const pair = (await crypto.subtle.generateKey('X25519', false, ['deriveBits'])) as CryptoKeyPair;
    return webX25519(pair.privateKey, new Uint8Array(await crypto.subtle.exportKey('raw', pair.publicKey)));
  },
  dhkem: null,
  hmac: (key) => (message) => hmac(sha256, key, message),
  async aesGcm(bytes) {
    const key = await crypto.subtle.importKey('raw', bytes as BufferSource, 'AES-GCM', false, ['encrypt', 'decrypt']);
    const parameters = (iv: Uint8Array, additionalData: Uint8Array): AesGcmParams => ({
      name: 'AES-GCM',
      iv: iv as BufferSource,
      additionalData: additionalData as BufferSource,
    });
    return {
      seal: async (nonce, plaintext, additional) =>
        new Uint8Array(await crypto.subtle.encrypt(parameters(nonce, additional), key, plaintext as BufferSource)),
      open: async (nonce, ciphertext, additional) =>
        new Uint8Array(await crypto.subtle.decrypt(parameters(nonce, additional), key, ciphertext as BufferSource)),
    };
  },
};
