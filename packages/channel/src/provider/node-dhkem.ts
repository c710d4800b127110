/**
 * DHKEM(X25519, HKDF-SHA256) by OpenSSL, which Node hands out since 24.7: one native call instead of key generation, import, agreement
 * and two HKDF steps.
 */

import { equalBytes } from '@assay/encoding/bytes';
import type { Dhkem, DhkemPair } from './provider.ts';

/** The part of `node:crypto` that has the KEM; `Key` is Node's key object. */
export interface NodeKem<Key> {
  readonly encapsulate?: (key: Key) => { readonly sharedKey: Uint8Array; readonly ciphertext: Uint8Array };
  readonly decapsulate?: (key: Key, ciphertext: Uint8Array) => Uint8Array;
}

const MOST_RECIPIENTS = 8;

/** The bytes of a `Buffer` as a plain `Uint8Array` over the same memory. */
export const plainBytes = (bytes: Uint8Array): Uint8Array => new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);

/** A recipient's pair over a private key object, or `null` where this Node has no KEM. */
export function nodeDhkemPair<Key>(node: NodeKem<Key>, privateKey: Key, publicKey: Uint8Array): DhkemPair | null {
  const { decapsulate } = node;
  if (decapsulate === undefined) return null;
  return { publicKey, decapsulate: (encapsulated) => plainBytes(decapsulate(privateKey, encapsulated)) };
}

/** The KEM over the two functions that make and import key objects, or `null` where this Node has none. */
export function nodeDhkem<Key>(
  node: NodeKem<Key>,
  generate: () => { readonly privateKey: Key; readonly publicKey: Uint8Array },
  importPublic: (bytes: Uint8Array) => Key,
): Dhkem | null {
  const { encapsulate } = node;
  if (encapsulate === undefined || node.decapsulate === undefined) return null;

  // A client seals to the same key again and again; importing it costs nearly as much as the agreement.
  const recipients: { readonly publicKey: Uint8Array; readonly key: Key }[] = [];
  const recipientOf = (publicKey: Uint8Array): Key => {
    for (const known of recipients) if (equalBytes(known.publicKey, publicKey)) return known.key;
    const key = importPublic(publicKey);
    if (recipients.unshift({ publicKey: publicKey.slice(), key }) > MOST_RECIPIENTS) recipients.pop();
    return key;
  };

  return {
    generate() {
      const { privateKey, publicKey } = generate();
      return nodeDhkemPair(node, privateKey, publicKey) as DhkemPair;
    },
    encapsulate(publicKey) {
      const { sharedKey, ciphertext } = encapsulate(recipientOf(publicKey));
      return { encapsulated: plainBytes(ciphertext), sharedSecret: plainBytes(sharedKey) };
    },
  };
}
