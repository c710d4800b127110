/**
 * The primitives below HPKE, as a platform gives them: X25519, HMAC-SHA256 and AES-GCM. Two providers exist, `web.ts` for every
 * platform with WebCrypto and `node.ts` for Node; both give the same bytes, and the tests hold them against each other and the RFCs.
 */

/** Values or promises of them; callers await either. */
export type Eventually<Value> = Value | Promise<Value>;

export interface X25519Pair {
  /** 32 bytes. */
  readonly publicKey: Uint8Array;
  /** Shared secret with a peer's 32-byte public key. Throws for a point of low order, or gives zeros. */
  agree(peer: Uint8Array): Eventually<Uint8Array>;
}

/** A recipient's pair of DHKEM(X25519, HKDF-SHA256), RFC 9180 §4.1. */
export interface DhkemPair {
  /** 32 bytes. */
  readonly publicKey: Uint8Array;
  /** The shared secret of 32 bytes. Throws for a point of low order. */
  decapsulate(encapsulated: Uint8Array): Eventually<Uint8Array>;
}

export interface Dhkem {
  generate(): Eventually<DhkemPair>;
  /** Throws for a point of low order. */
  encapsulate(publicKey: Uint8Array): Eventually<{ readonly encapsulated: Uint8Array; readonly sharedSecret: Uint8Array }>;
}

export interface AeadKey {
  seal(nonce: Uint8Array, plaintext: Uint8Array, additionalData: Uint8Array): Eventually<Uint8Array>;
  /** Throws when the tag does not verify. */
  open(nonce: Uint8Array, ciphertext: Uint8Array, additionalData: Uint8Array): Eventually<Uint8Array>;
}

/** HMAC-SHA256 under one key: 32 bytes. */
export type Hmac = (message: Uint8Array) => Uint8Array;

export interface Provider {
  generateX25519(): Eventually<X25519Pair>;
  /** Where the platform has it whole, in one call a message; `null` where it is put together from the other primitives. */
  readonly dhkem: Dhkem | null;
  /** Synchronous everywhere: a dispatch to asynchronous crypto costs more than the hash of a few dozen bytes. */
  hmac(key: Uint8Array): Hmac;
  /** @param key 32 bytes */
  aesGcm(key: Uint8Array): Eventually<AeadKey>;
}
