/**
 * DHKEM(X25519, HKDF-SHA256) of RFC 9180 §4.1, put together from X25519 and HMAC where the platform has it in no single call.
 * The tests hold it against the RFC's vectors and against OpenSSL's.
 */

import { concatBytes } from '@assay/encoding/bytes';
import type { Dhkem, DhkemPair, Provider, X25519Pair } from '../provider/provider.ts';
import { hkdfExpand, kdfSuite } from './kdf.ts';

const SUITE_ID = Uint8Array.of(0x4b, 0x45, 0x4d, 0x00, 0x20); // "KEM" ‖ 0x0020
const NOTHING = new Uint8Array(0);

async function agree(pair: X25519Pair, peer: Uint8Array): Promise<Uint8Array> {
  const secret = await pair.agree(peer);
  // RFC 9180 §7.1.4: an all-zero output means a low-order point.
  if (secret.every((byte) => byte === 0)) throw new Error('low-order point');
  return secret;
}

function sharedSecret(provider: Provider, dh: Uint8Array, encapsulated: Uint8Array, publicKey: Uint8Array): Uint8Array {
  const kdf = kdfSuite(SUITE_ID, provider);
  const extracted = kdf.extract(NOTHING, 'eae_prk', dh);
  return hkdfExpand(provider.hmac(extracted), kdf.block('shared_secret', concatBytes(encapsulated, publicKey), 32), 32);
}

/** A recipient's pair over an X25519 pair. */
export function dhkemPair(provider: Provider, pair: X25519Pair): DhkemPair {
  const { publicKey } = pair;
  return {
    publicKey,
    decapsulate: async (encapsulated) => sharedSecret(provider, await agree(pair, encapsulated), encapsulated, publicKey),
  };
}

/** The KEM over a provider's X25519 and HMAC. */
export function composedDhkem(provider: Provider): Dhkem {
  return {
    generate: async () => dhkemPair(provider, await provider.generateX25519()),
    async encapsulate(publicKey) {
      const ephemeral = await provider.generateX25519();
      const secret = await agree(ephemeral, publicKey);
      const encapsulated = ephemeral.publicKey;
      return { encapsulated, sharedSecret: sharedSecret(provider, secret, encapsulated, publicKey) };
    },
  };
}
