/** Sealing: signing a receipt or a leaf with a key of the attested keyset. The key itself stays with whoever gives the signer. */

import { encodeHex } from '@assay/encoding/hex';
import { type Leaf, type LeafContent, leafSigningInput } from './leaf.ts';
import { type Receipt, type ReceiptContent, receiptSigningInput } from './receipt.ts';

/** A private key that signs one kind of artifact. */
export interface Signer {
  /** The key's id in the keyset. */
  readonly keyId: string;
  /** Ed25519 (RFC 8032) over `message`, 64 bytes. */
  sign(message: Uint8Array): Uint8Array;
}

/**
 * The content, signed. `key_id` is the signer's.
 * @example const receipt = sealReceipt(content, signer)
 */
export function sealReceipt(content: Omit<ReceiptContent, 'key_id'>, signer: Signer): Receipt {
  const named = { ...content, key_id: signer.keyId };
  return { ...named, signature: encodeHex(signer.sign(receiptSigningInput(named))) };
}

/** The leaf, signed. `key_id` is the signer's. */
export function sealLeaf(content: Omit<LeafContent, 'key_id'>, signer: Signer): Leaf {
  const named = { ...content, key_id: signer.keyId };
  return { ...named, signature: encodeHex(signer.sign(leafSigningInput(named))) };
}
