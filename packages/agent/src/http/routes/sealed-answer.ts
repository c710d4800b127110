/** The answer of a sealed task as clients get it, read from the ledger: the text that the receipt names, with receipt and proof beside it. */

import { joinStored, type Ledger, openObject, type SealedReceipt, type StoredBytes } from '@assay/ledger';
import { keptPayloads } from '@assay/receipt';

/** `null` for a receipt that kept no answer. */
export async function sealedAnswer(sealed: SealedReceipt, ledger: Ledger): Promise<StoredBytes | null> {
  const { receipt, proof } = sealed;
  const kept = keptPayloads(receipt.event_log).find(({ name }) => name === 'answer');
  const answer = kept === undefined ? null : await ledger.payload(sealed, kept.hash);
  if (answer === null) return null;
  return joinStored([openObject(answer), `,"receipt":${JSON.stringify(receipt)},"log_proof":${JSON.stringify(proof)}}`]);
}
