/**
 * Verifying a receipt under an established keyset (spec/receipt.md §4, ACI §9.3), alone or with its log proof (spec/log.md §5).
 * Not checked here: whether evidence binds the keyset (report.ts, authenticate-bundle.ts).
 */

import { utf8 } from '@assay/encoding/bytes';
import { decodeHex } from '@assay/encoding/hex';
import { canonicalJson } from '@assay/encoding/json';
import { parseCheckpoint, type VerifiedSignature, verifyCheckpoint } from './checkpoint.ts';
import { verifyEd25519 } from './ed25519.ts';
import { ReceiptError } from './errors.ts';
import { taskNonce } from './events.ts';
import { type Keyset, keysetDigest, RECEIPT_ALGORITHM, signingKey } from './keyset.ts';
import { encodeLeaf, type Leaf, logKeysDigest, parseLeafText, verifyLeaf } from './leaf.ts';
import { type LogProof, parseInclusion } from './log-proof.ts';
import { hashLeaf, verifyInclusion } from './merkle.ts';
import { ED25519_NOTE, parseVerifierKey } from './note.ts';
import { type Receipt, receiptSigningInput } from './receipt.ts';

/** A receipt whose signature was verified. */
export interface SignedReceipt {
  readonly receiptId: string;
  readonly keyId: string;
}

/**
 * Proves that the attested keyset signed this receipt, before the keyset expired.
 * @returns what was proved: this receipt, under this key.
 * @throws {ReceiptError} `receipt/keyset-mismatch`, `keyset/key-missing`, `keyset/expired`, `receipt/signature-invalid`.
 * @example await verifyReceiptSignature(parseReceipt(parseJson(bytes)), keyset)
 */
export function verifyReceiptSignature(receipt: Receipt, keyset: Keyset): Promise<SignedReceipt> {
  return verifySignedForm(receipt, receiptSigningInput(receipt), keyset);
}

/**
 * As {@link verifyReceiptSignature}, for a receipt whose signed form was written already.
 * @throws {ReceiptError} `receipt/keyset-mismatch`, `keyset/expired`, `keyset/key-missing`, `receipt/signature-invalid`.
 */
export async function verifySignedForm(receipt: Receipt, signed: Uint8Array, keyset: Keyset): Promise<SignedReceipt> {
  const digest = keysetDigest(keyset);
  if (receipt.workload_keyset_digest !== digest)
    throw new ReceiptError(
      'receipt/keyset-mismatch',
      `expected a receipt of keyset ${digest}, got one of ${receipt.workload_keyset_digest}`,
    );
  const key = signingKey(keyset, receipt.key_id, RECEIPT_ALGORITHM);
  if (receipt.served_at >= keyset.not_after)
    throw new ReceiptError(
      'keyset/expired',
      `expected a receipt from before ${keyset.not_after}, got one of ${receipt.served_at}`,
    );
  if (!(await verifyEd25519(key, signed, decodeHex(receipt.signature))))
    throw new ReceiptError('receipt/signature-invalid', `the receipt's signature does not verify under ${receipt.key_id}`);
  return { receiptId: receipt.receipt_id, keyId: receipt.key_id };
}

/**
 * Proves that the leaf is of this receipt and stands in the log. `vkeys` are the log's verifier keys, Ed25519 first, from a
 * source the caller trusts. Returns the leaf and the checkpoint signatures that verified.
 * @throws {ReceiptError} every code of leaf, note, checkpoint, proof and merkle; `receipt/nonce-mismatch`.
 * @example await verifyLogProof(receipt, proof, { keyset, vkeys })
 */
export async function verifyLogProof(
  receipt: Receipt,
  proof: LogProof,
  under: { readonly keyset: Keyset; readonly vkeys: readonly string[] },
): Promise<{ readonly leaf: Leaf; readonly signatures: readonly VerifiedSignature[] }> {
  const inclusion = parseInclusion(proof.proof);
  if (inclusion.index !== proof.index)
    throw new ReceiptError('proof/malformed', `expected index ${proof.index} in the proof, got ${inclusion.index}`);
  const checkpoint = parseCheckpoint(inclusion.checkpoint);
  const keys = under.vkeys.map(parseVerifierKey);
  const leaf = parseLeafText(proof.leaf);
  await verifyLeaf(leaf, {
    keyset: under.keyset,
    origin: checkpoint.origin,
    logKeys: logKeysDigest(under.vkeys),
    kind: 'receipt',
    salt: proof.salt,
    body: utf8(canonicalJson(receipt)),
  });
  matchNonce(receipt, leaf);
  const signatures = await verifyCheckpoint(checkpoint, keys);
  if (!signatures.some(({ key }) => key.type === ED25519_NOTE))
    throw new ReceiptError('note/unsigned', "expected the log's Ed25519 signature on the checkpoint");
  verifyInclusion({
    index: inclusion.index,
    size: checkpoint.size,
    leafHash: hashLeaf(encodeLeaf(leaf)),
    path: inclusion.path,
    root: checkpoint.root,
  });
  return { leaf, signatures };
}

/** @throws {ReceiptError} `receipt/nonce-mismatch` unless leaf and receipt name the same nonce. */
export function matchNonce(receipt: Receipt, leaf: Leaf): void {
  if (taskNonce(receipt.event_log) !== leaf.nonce)
    throw new ReceiptError('receipt/nonce-mismatch', "expected the receipt's nonce in its leaf, got another one");
}
