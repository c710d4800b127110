/**
 * X25519 and AES-256-GCM of the platform. Where a program runs in Node, Node's own synchronous calls are used: one dispatch to the
 * asynchronous WebCrypto costs more than the cryptography of a message. Elsewhere, WebCrypto. Both give the same bytes; the tests run both.
 */

/** Values or promises of them; callers await either. */
type Eventually<Value> = Value | Promise<Value>;

export interface X25519Pair {
  /** 32 bytes. */
  readonly publicKey: Uint8Array;
  /** Shared secret with a peer's 32-byte public key. Throws for a point of low order. */
  agree(peer: Uint8Array): Eventually<Uint8Array>;
}

export interface AeadKey {
  seal(nonce: Uint8Array, plaintext: Uint8Array, additionalData: Uint8Array): Eventually<Uint8Array>;
  /** Throws when the tag does not verify. */
  open(nonce: Uint8Array, ciphertext: Uint8Array, additionalData: Uint8Array): Eventually<Uint8Array>;
}

export interface Platform {
  generateX25519(): Eventually<X25519Pair>;
  /** @param key 32 bytes */
  aesGcm(key: Uint8Array): Eventually<AeadKey>;
}

const TAG_LENGTH = 16;

export const WEB_CRYPTO: Platform = {
  async generateX25519() {
    const pair = (await crypto.subtle.generateKey('X25519', false, ['deriveBits'])) as CryptoKeyPair;
    const publicKey = new Uint8Array(await crypto.subtle.exportKey('raw', pair.publicKey));
    return {
      publicKey,
      agree: async (peer) => {
        const key = await crypto.subtle.importKey('raw', peer as BufferSource, 'X25519', true, []);
        return new Uint8Array(await crypto.subtle.deriveBits({ name: 'X25519', public: key }, pair.privateKey, 256));
      },
    };
  },
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

/** The part of `node:crypto` that is used here, without a dependency on Node's types. */
interface NodeCrypto {
  generateKeyPairSync(type: 'x25519'): { readonly publicKey: NodeKey; readonly privateKey: NodeKey };
  createPublicKey(input: { readonly key: Uint8Array; readonly format: 'der'; readonly type: 'spki' }): NodeKey;
  diffieHellman(keys: { readonly privateKey: NodeKey; readonly publicKey: NodeKey }): Uint8Array;
  createCipheriv(name: string, key: Uint8Array, iv: Uint8Array): NodeCipher & { getAuthTag(): Uint8Array };
  createDecipheriv(name: string, key: Uint8Array, iv: Uint8Array): NodeCipher & { setAuthTag(tag: Uint8Array): void };
}

interface NodeKey {
  export(options: { readonly format: 'der'; readonly type: 'spki' }): Uint8Array;
}

interface NodeCipher {
  setAAD(bytes: Uint8Array): void;
  update(bytes: Uint8Array): Uint8Array;
  final(): Uint8Array;
}

// SubjectPublicKeyInfo of an X25519 key up to its 32 bytes (RFC 8410 §4).
const SPKI_PREFIX = Uint8Array.of(0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x6e, 0x03, 0x21, 0x00);

function nodePlatform(node: NodeCrypto): Platform {
  return {
    generateX25519() {
      const { publicKey, privateKey } = node.generateKeyPairSync('x25519');
      return {
        publicKey: Uint8Array.from(publicKey.export({ format: 'der', type: 'spki' }).subarray(SPKI_PREFIX.length)),
        agree: (peer) => {
          const key = new Uint8Array(SPKI_PREFIX.length + peer.length);
          key.set(SPKI_PREFIX);
          key.set(peer, SPKI_PREFIX.length);
          const publicPeer = node.createPublicKey({ key, format: 'der', type: 'spki' });
          return Uint8Array.from(node.diffieHellman({ privateKey, publicKey: publicPeer }));
        },
      };
    },
    aesGcm: (key) => ({
      seal: (nonce, plaintext, additional) => {
        const cipher = node.createCipheriv('aes-256-gcm', key, nonce);
        cipher.setAAD(additional);
        const sealed = new Uint8Array(plaintext.length + TAG_LENGTH);
        sealed.set(cipher.update(plaintext));
        cipher.final();
        sealed.set(cipher.getAuthTag(), plaintext.length);
        return sealed;
      },
      open: (nonce, ciphertext, additional) => {
        if (ciphertext.length < TAG_LENGTH) throw new Error('shorter than its tag');
        const decipher = node.createDecipheriv('aes-256-gcm', key, nonce);
        decipher.setAAD(additional);
        decipher.setAuthTag(ciphertext.subarray(ciphertext.length - TAG_LENGTH));
        const plaintext = decipher.update(ciphertext.subarray(0, ciphertext.length - TAG_LENGTH));
        decipher.final(); // throws when the tag does not verify; nothing was handed out before
        return Uint8Array.from(plaintext);
      },
    }),
  };
}

/** Node's crypto where there is one, WebCrypto elsewhere. */
export function currentPlatform(): Platform {
  const host = globalThis as { readonly process?: { readonly getBuiltinModule?: (name: string) => unknown } };
  const node = host.process?.getBuiltinModule?.('node:crypto') as NodeCrypto | undefined;
  return node === undefined ? WEB_CRYPTO : nodePlatform(node);
}
