/**
 * The envelope of the tutorial "Secure Communication with TEE" (seed 004): ECDH P-384, HKDF-SHA256 with info `encryption data`,
 * AES-256-GCM with the *whole nonce of 32 bytes as IV* and no additional data.
 *
 * Weak by its design: nothing binds the answer to the request, and the nonce is not covered by anything but the IV. Use OHTTP. This
 * file exists so that clients written from the tutorial work.
 */

import { concatBytes, utf8 } from '@assay/encoding/bytes';
import { ChannelError } from '../errors.ts';

const INFO = utf8('encryption data');
/** Bytes of a P-384 SubjectPublicKeyInfo in DER. */
export const SPKI_LENGTH = 120;
export const MIN_NONCE_BYTES = 8;

/** Imports a P-384 public key from DER SubjectPublicKeyInfo. @throws {ChannelError} `channel/message-malformed`. */
export async function importPeerKey(spki: Uint8Array): Promise<CryptoKey> {
  try {
    return await crypto.subtle.importKey('spki', spki as BufferSource, { name: 'ECDH', namedCurve: 'P-384' }, false, []);
  } catch (cause) {
    throw new ChannelError('channel/message-malformed', 'expected a P-384 public key as DER SubjectPublicKeyInfo', { cause });
  }
}

async function envelopeKey(privateKey: CryptoKey, peer: CryptoKey): Promise<CryptoKey> {
  const secret = await crypto.subtle.deriveBits({ name: 'ECDH', public: peer }, privateKey, 384);
  const material = await crypto.subtle.importKey('raw', secret, 'HKDF', false, ['deriveKey']);
  const parameters = { name: 'HKDF', hash: 'SHA-256', salt: new Uint8Array(0), info: INFO as BufferSource };
  return crypto.subtle.deriveKey(parameters, material, { name: 'AES-GCM', length: 256 }, false, ['encrypt', 'decrypt']);
}

export interface EnvelopeOptions {
  readonly privateKey: CryptoKey;
  /** The other side's DER SubjectPublicKeyInfo. */
  readonly peerSpki: Uint8Array;
  /** 8 bytes at least; the tutorial's client sends 32. */
  readonly nonce: Uint8Array;
  /** Bound to the message but not sent. The tutorial uses none. */
  readonly additionalData?: Uint8Array | undefined;
}

function cipher({ nonce, additionalData }: EnvelopeOptions): AesGcmParams {
  if (nonce.length < MIN_NONCE_BYTES)
    throw new ChannelError('channel/message-malformed', `expected a nonce of at least ${MIN_NONCE_BYTES} bytes`);
  return {
    name: 'AES-GCM',
    iv: nonce as BufferSource,
    ...(additionalData ? { additionalData: additionalData as BufferSource } : {}),
  };
}

/**
 * Ciphertext with its tag of 16 bytes appended.
 * @example const ciphertext = await sealEnvelope({ privateKey, peerSpki, nonce }, plaintext)
 */
export async function sealEnvelope(options: EnvelopeOptions, plaintext: Uint8Array): Promise<Uint8Array> {
  const key = await envelopeKey(options.privateKey, await importPeerKey(options.peerSpki));
  return new Uint8Array(await crypto.subtle.encrypt(cipher(options), key, plaintext as BufferSource));
}

/**
 * @throws {ChannelError} `channel/decryption-failed`, `channel/message-malformed`.
 * @example const plaintext = await openEnvelope({ privateKey, peerSpki, nonce }, ciphertext)
 */
export async function openEnvelope(options: EnvelopeOptions, ciphertext: Uint8Array): Promise<Uint8Array> {
  const key = await envelopeKey(options.privateKey, await importPeerKey(options.peerSpki));
  try {
    return new Uint8Array(await crypto.subtle.decrypt(cipher(options), key, ciphertext as BufferSource));
  } catch (cause) {
    throw new ChannelError('channel/decryption-failed', 'the message does not decrypt', { cause });
  }
}

/**
 * Additional data of the safe form: binds an answer to the request's nonce, client key and direction.
 * @example const additionalData = bindingOf('request', nonce, clientSpki)
 */
export function bindingOf(direction: 'request' | 'response', nonce: Uint8Array, clientSpki: Uint8Array): Uint8Array {
  return concatBytes(utf8(`assay/talk/v1/${direction}`), Uint8Array.of(0), Uint8Array.of(nonce.length), nonce, clientSpki);
}
