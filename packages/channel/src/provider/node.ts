/**
 * The primitives from Node's own synchronous crypto: one dispatch to the asynchronous WebCrypto costs more than the cryptography of a
 * message. Secrets go in as key objects, because Node 24 takes 15 µs to find out that raw bytes are none.
 *
 * Not imported by name, so that one build serves browsers too: `current.ts` asks the running platform for the module.
 */

import { decodeBase64Url, encodeBase64Url } from '@assay/encoding/base64';
import { type NodeKem, nodeDhkem, plainBytes } from './node-dhkem.ts';
import { type OneShotHash, oneShotHmac } from './node-hmac.ts';
import type { Provider, X25519Pair } from './provider.ts';

/** The part of `node:crypto` that is used here, without a dependency on Node's types. */
export interface NodeCrypto extends NodeKem<NodeKey> {
  generateKeyPairSync(type: 'x25519'): { readonly publicKey: NodeKey; readonly privateKey: NodeKey };
  createPublicKey(input: { readonly key: OkpJwk; readonly format: 'jwk' }): NodeKey;
  createSecretKey(key: Uint8Array): NodeKey;
  diffieHellman(keys: { readonly privateKey: NodeKey; readonly publicKey: NodeKey }): Uint8Array;
  readonly hash: OneShotHash;
  createCipheriv(name: string, key: NodeKey, iv: Uint8Array): NodeCipher & { getAuthTag(): Uint8Array };
  createDecipheriv(name: string, key: NodeKey, iv: Uint8Array): NodeCipher & { setAuthTag(tag: Uint8Array): void };
}

interface OkpJwk {
  readonly kty: 'OKP';
  readonly crv: 'X25519';
  /** 32 bytes, base64url. */
  readonly x: string;
}

interface NodeKey {
  export(options: { readonly format: 'jwk' }): object;
}

interface NodeCipher {
  setAAD(bytes: Uint8Array): void;
  update(bytes: Uint8Array): Uint8Array;
  final(): Uint8Array;
}

const TAG_LENGTH = 16;

const publicBytes = (key: NodeKey): Uint8Array => decodeBase64Url((key.export({ format: 'jwk' }) as OkpJwk).x);

function importPublic(node: NodeCrypto, bytes: Uint8Array): NodeKey {
  if (bytes.length !== 32) throw new Error('an X25519 key has 32 bytes');
  return node.createPublicKey({ key: { kty: 'OKP', crv: 'X25519', x: encodeBase64Url(bytes) }, format: 'jwk' });
}

/** A pair over a private key object. @param publicKey its 32 bytes */
export function nodeX25519(node: NodeCrypto, privateKey: NodeKey, publicKey: Uint8Array): X25519Pair {
  return { publicKey, agree: (peer) => plainBytes(node.diffieHellman({ privateKey, publicKey: importPublic(node, peer) })) };
}

/** The provider over `node:crypto`. */
export function nodeProvider(node: NodeCrypto): Provider {
  const generate = (): { readonly privateKey: NodeKey; readonly publicKey: Uint8Array } => {
    const { publicKey, privateKey } = node.generateKeyPairSync('x25519');
    return { privateKey, publicKey: publicBytes(publicKey) };
  };
  return {
    generateX25519() {
      const { privateKey, publicKey } = generate();
      return nodeX25519(node, privateKey, publicKey);
    },
    dhkem: nodeDhkem(node, generate, (bytes) => importPublic(node, bytes)),
    hmac: (key) => oneShotHmac(node.hash, key),
    aesGcm: (bytes) => {
      const key = node.createSecretKey(bytes);
      const name = `aes-${bytes.length * 8}-gcm`;
      return {
        seal: (nonce, plaintext, additional) => {
          const cipher = node.createCipheriv(name, key, nonce);
          if (additional.length > 0) cipher.setAAD(additional);
          const sealed = new Uint8Array(plaintext.length + TAG_LENGTH);
          sealed.set(cipher.update(plaintext));
          cipher.final();
          sealed.set(cipher.getAuthTag(), plaintext.length);
          return sealed;
        },
        open: (nonce, ciphertext, additional) => {
          if (ciphertext.length < TAG_LENGTH) throw new Error('shorter than its tag');
          const decipher = node.createDecipheriv(name, key, nonce);
          if (additional.length > 0) decipher.setAAD(additional);
          decipher.setAuthTag(ciphertext.subarray(ciphertext.length - TAG_LENGTH));
          const plaintext = decipher.update(ciphertext.subarray(0, ciphertext.length - TAG_LENGTH));
          decipher.final(); // throws when the tag does not verify; nothing was handed out before
          return plainBytes(plaintext);
        },
      };
    },
  };
}
