/**
 * The field encryption of the dstack vLLM proxy, version 2 (Dstack-TEE/vllm-proxy docs/e2ee_protocol.md §2 and §3.3): ECDH with the key
 * that signs answers, HKDF-SHA256 without salt, AES-256-GCM. A field is hex of `ephemeral key ‖ 12-byte nonce ‖ ciphertext ‖ tag`, where the
 * ephemeral key is 65 bytes (uncompressed secp256k1) or 32 (X25519; Ed25519 keys are taken over the birational map).
 *
 * Not checked here: whether anybody attested the service's key.
 */

import { bufferSource, concatBytes, decodeUtf8, utf8 } from '@assay/encoding/bytes';
import { decodeHex, encodeHex } from '@assay/encoding/hex';
import { ed25519, x25519 } from '@noble/curves/ed25519.js';
import { secp256k1 } from '@noble/curves/secp256k1.js';
import { hkdf } from '@noble/hashes/hkdf.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { UpstreamError } from '../../errors.ts';

export type FieldAlgorithm = 'ecdsa' | 'ed25519';

/** One client key for one request: fields go out to the service's key and come back to this one. */
export interface FieldCipher {
  readonly algorithm: FieldAlgorithm;
  /** Hex, as `X-Client-Pub-Key` carries it: 64 bytes x ‖ y, or 32. */
  readonly clientKey: string;
  /** Hex of `text` sealed under `aad`, with an ephemeral key of its own. */
  seal(text: string, aad: string): Promise<string>;
  /** @throws {UpstreamError} `e2ee/open-failed`: changed, moved, or never sealed at all. */
  open(field: string, aad: string): Promise<string>;
}

interface Curve {
  readonly keyLength: number;
  readonly info: Uint8Array;
  /** A private key, and its public key as it goes before a field. */
  ephemeral(): { readonly secret: Uint8Array; readonly publicKey: Uint8Array };
  client(): { readonly secret: Uint8Array; readonly shown: Uint8Array };
  /** Whether it is the one way to write its point: genuine senders know no other. */
  canonical(publicKey: Uint8Array): boolean;
  /** The service's key in the form that {@link agree} takes. */
  service(publicKey: Uint8Array): Uint8Array;
  agree(secret: Uint8Array, publicKey: Uint8Array): Uint8Array;
}

const NONCE_LENGTH = 12;
const UNCOMPRESSED = Uint8Array.of(4);

const CURVES: Readonly<Record<FieldAlgorithm, Curve>> = {
  ecdsa: {
    keyLength: 65,
    info: utf8('ecdsa_encryption'),
    ephemeral: () => {
      const secret = secp256k1.utils.randomSecretKey();
      return { secret, publicKey: secp256k1.getPublicKey(secret, false) };
    },
    client: () => {
      const secret = secp256k1.utils.randomSecretKey();
      return { secret, shown: secp256k1.getPublicKey(secret, false).subarray(1) };
    },
    canonical: (publicKey) => publicKey[0] === 4, // a point off the curve fails by itself
    service: (publicKey) => concatBytes(UNCOMPRESSED, publicKey),
    agree: (secret, publicKey) => secp256k1.getSharedSecret(secret, publicKey, false).subarray(1, 33), // x alone
  },
  ed25519: {
    keyLength: 32,
    info: utf8('ed25519_encryption'),
    ephemeral: () => {
      const secret = x25519.utils.randomSecretKey();
      return { secret, publicKey: x25519.getPublicKey(secret) };
    },
    client: () => {
      const secret = ed25519.utils.randomSecretKey();
      return { secret: ed25519.utils.toMontgomerySecret(secret), shown: ed25519.getPublicKey(secret) };
    },
    canonical: (publicKey) => ((publicKey[31] ?? 0) & 0x80) === 0, // X25519 ignores that bit (RFC 7748 §5)
    service: (publicKey) => ed25519.utils.toMontgomery(publicKey),
    agree: (secret, publicKey) => x25519.getSharedSecret(secret, publicKey),
  },
};

/**
 * @param serviceKey hex of the attested signing key: 64 bytes x ‖ y for `ecdsa`, 32 for `ed25519`.
 * @throws {UpstreamError} `e2ee/key-missing` when it is no point of its curve.
 */
export function createFieldCipher(algorithm: FieldAlgorithm, serviceKey: string): FieldCipher {
  const curve = CURVES[algorithm];
  let recipient: Uint8Array;
  try {
    recipient = curve.service(decodeHex(serviceKey));
    curve.agree(curve.ephemeral().secret, recipient);
  } catch (cause) {
    throw new UpstreamError(
      'e2ee/key-missing',
      `expected an attested ${algorithm} key to seal to, got no point of its curve; take another service`,
      { cause },
    );
  }
  const client = curve.client();
  let known: { readonly from: string; readonly key: CryptoKey } | null = null;
  /** Answers come under one ephemeral key, field after field. */
  const answerKey = async (publicKey: Uint8Array): Promise<CryptoKey> => {
    const from = encodeHex(publicKey);
    if (known?.from !== from) known = { from, key: await aesKey(curve, curve.agree(client.secret, publicKey), 'decrypt') };
    return known.key;
  };
  return {
    algorithm,
    clientKey: encodeHex(client.shown),
    async seal(text, aad) {
      const { secret, publicKey } = curve.ephemeral();
      const key = await aesKey(curve, curve.agree(secret, recipient), 'encrypt');
      const iv = crypto.getRandomValues(new Uint8Array(NONCE_LENGTH));
      const sealed = await crypto.subtle.encrypt(gcm(iv, aad), key, bufferSource(utf8(text)));
      return encodeHex(concatBytes(publicKey, iv, new Uint8Array(sealed)));
    },
    async open(field, aad) {
      try {
        const bytes = decodeHex(field);
        const start = curve.keyLength + NONCE_LENGTH;
        const ephemeral = bytes.subarray(0, curve.keyLength);
        if (!curve.canonical(ephemeral)) throw new RangeError('an ephemeral key written in another way');
        const key = await answerKey(ephemeral);
        const iv = bytes.subarray(curve.keyLength, start);
        const opened = await crypto.subtle.decrypt(gcm(iv, aad), key, bufferSource(bytes.subarray(start)));
        return decodeUtf8(new Uint8Array(opened));
      } catch (cause) {
        throw new UpstreamError(
          'e2ee/open-failed',
          'expected a field that the attested key sealed for this request, got another; do not use the answer',
          { cause },
        );
      }
    },
  };
}

function gcm(iv: Uint8Array, aad: string): AesGcmParams {
  return { name: 'AES-GCM', iv: bufferSource(iv), additionalData: bufferSource(utf8(aad)) };
}

function aesKey({ info }: Curve, shared: Uint8Array, use: 'encrypt' | 'decrypt'): Promise<CryptoKey> {
  const bytes = hkdf(sha256, shared, undefined, info, 32);
  return crypto.subtle.importKey('raw', bufferSource(bytes), 'AES-GCM', false, [use]);
}
