/** The log proof of one receipt: each step that ties the receipt to the log has a proof that only this step refuses. */

import { decodeUtf8 } from '@assay/encoding/bytes';
import { expectCode, fakeLog } from '@assay/testing';
import { expect, test } from 'vitest';
import { bundleLogProof } from './bundle.ts';
import { encodeLeaf, type Leaf, logKeysDigest, parseLeafText } from './leaf.ts';
import type { LogProof } from './log-proof.ts';
import { sealLeaf } from './seal.ts';
import { verifyLogProof } from './verify-receipt.ts';

const log = fakeLog({ receipts: 2, nonce: 'cd'.repeat(32) });
const receipt = log.receipts[1]!;
const proof = bundleLogProof(log.bundle, receipt.receipt_id);
const mlDsaAlone = log.vkeys.slice(1);

/** The proof with a leaf that the agent would have signed so. */
function resealed(change: Partial<Leaf>): LogProof {
  const leaf = sealLeaf({ ...parseLeafText(proof.leaf), ...change }, log.signers.leaf);
  return { ...proof, leaf: decodeUtf8(encodeLeaf(leaf)) };
}

test('gives the leaf and the signatures of the checkpoint', async () => {
  const { leaf, signatures } = await verifyLogProof(receipt, proof, { keyset: log.keyset, vkeys: log.vkeys });
  expect(leaf.seq).toBe(2);
  expect(signatures.map(({ key }) => key.type)).toEqual([1, 6]);
});

test.each<[string, LogProof, readonly string[], string]>([
  ['whose leaf has another nonce', resealed({ nonce: 'ee'.repeat(32) }), log.vkeys, 'receipt/nonce-mismatch'],
  ['whose leaf has no nonce', resealed({ nonce: null }), log.vkeys, 'receipt/nonce-mismatch'],
  ['whose leaf is not in the log', resealed({ time: 1_795_219_200_999 }), log.vkeys, 'merkle/inclusion-invalid'],
  ['without the Ed25519 key of the log', resealed({ log_keys: logKeysDigest(mlDsaAlone) }), mlDsaAlone, 'note/unsigned'],
])('a proof %s is refused', async (_, changed, vkeys, code) => {
  await expectCode(verifyLogProof(receipt, changed, { keyset: log.keyset, vkeys }), code);
});
