/**
 * Making the keys that seal: in the enclave, never written anywhere, one role each (spec/keyset.md §1). Their public halves go into the
 * keyset that the hardware quotes.
 */

import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { encodeHex } from '@assay/encoding/hex';
import { keyId, LEAF_ALGORITHM, RECEIPT_ALGORITHM, type Signer } from '@assay/receipt';
import type { SigningKey, SigningKeys } from './sealing-keys.ts';

/**
 * Fresh keys.
 * @example const { receipt, keysetEntries } = createSigningKeys(); keysetEntries.includes(receipt.entry) // true
 */
export function createSigningKeys(): SigningKeys {
  const receipt = createKey('receipt', RECEIPT_ALGORITHM);
  const leaf = createKey('leaf', LEAF_ALGORITHM);
  return { receipt, leaf, keysetEntries: [receipt.entry, leaf.entry] };
}

function createKey(role: 'receipt' | 'leaf', algo: string): SigningKey {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const raw = new Uint8Array(publicKey.export({ format: 'der', type: 'spki' }).subarray(-32));
  return { entry: { key_id: keyId(role, raw), algo, public_key: encodeHex(raw) }, privateKey };
}

/** A signer over a private Ed25519 key. */
export function ed25519Signer(keyId: string, privateKey: KeyObject): Signer {
  return { keyId, sign: (message) => sign(null, message, privateKey) };
}
