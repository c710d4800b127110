/** What a task was asked for, from the request that its receipt kept. */

import { isCoded } from '@assay/encoding/coded-error';
import { type Ledger, readStored, type SealedReceipt } from '@assay/ledger';
import { keptPayloads } from '@assay/receipt';
import { MAX_KEPT_REQUEST } from '../kept-request.ts';
import { contentTypeOf, requestDocument, requestedData } from '../request-document.ts';

/** The `data` of the request; `null` when the request was too long to be kept. */
export async function storedRequest(sealed: SealedReceipt, ledger: Ledger): Promise<Readonly<Record<string, unknown>> | null> {
  const kept = keptPayloads(sealed.receipt.event_log).find(({ name }) => name === 'request');
  const stored = kept === undefined ? null : await ledger.payload(sealed, kept.hash);
  if (stored === null) return null;
  const bytes = await readStored(stored, MAX_KEPT_REQUEST);
  try {
    const { json } = await requestDocument(bytes, contentTypeOf(bytes));
    return requestedData(json as Parameters<typeof requestedData>[0]);
  } catch (error) {
    if (isCoded(error)) return null; // kept before it was understood
    throw error;
  }
}
