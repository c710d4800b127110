/** Sealing: signing a receipt or a leaf with a key of the attested keyset. The key itself stays with the party that gives the signer. */

import { utf8 } from '@assay/encoding/bytes';
import { encodeHex } from '@assay/encoding/hex';
import { canonicalJson } from '@assay/encoding/json';
import { type Leaf, type LeafContent, leafDigest } from './leaf.ts';
import { batchOf } from './leaf-batch.ts';
import type { Receipt, ReceiptContent } from './receipt.ts';

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
  return sealReceiptText(content, signer).receipt;
}

/**
 * As {@link sealReceipt}, with the receipt's JCS text, which the log commits to; the content is canonicalised once for both.
 * @example const { receipt, text } = sealReceiptText(content, signer)
 */
export function sealReceiptText(
  content: Omit<ReceiptContent, 'key_id'>,
  signer: Signer,
): { readonly receipt: Receipt; readonly text: string } {
  const named = { ...content, key_id: signer.keyId };
  const unsigned = canonicalJson(named);
  const signature = encodeHex(signer.sign(utf8(unsigned)));
  const at = unsigned.length - `,"workload_keyset_digest":"${content.workload_keyset_digest}"}`.length;
  return { receipt: { ...named, signature }, text: `${unsigned.slice(0, at)},"signature":"${signature}"${unsigned.slice(at)}` };
}

/**
 * The leaf, signed alone. `key_id` is the signer's.
 * @example const entry = encodeLeaf(sealLeaf(content, signer))
 */
export function sealLeaf(content: Omit<LeafContent, 'key_id'>, signer: Signer): Leaf {
  const named = { ...content, key_id: signer.keyId };
  const { signingInput, places } = batchOf([encodeHex(leafDigest(named))]);
  return { ...named, batch: places[0] as string, signature: encodeHex(signer.sign(signingInput)) };
}
