/** What a task was asked for, from the request that its receipt kept. */

import { isCoded } from '@assay/encoding/coded-error';
import { type Ledger, LedgerError, readStored, type SealedReceipt, type StoredBytes } from '@assay/ledger';
import { keptPayloads } from '@assay/receipt';
import { MAX_KEPT_REQUEST } from '../kept-request.ts';
import { contentTypeOf, requestDocument, requestedData } from '../request-document.ts';

/**
 * A payload; `null` when it was not kept, or was erased.
 * @throws {LedgerError} of the store, other than that the payload is gone.
 */
export async function keptStill(sealed: SealedReceipt, ledger: Ledger, hash: string): Promise<StoredBytes | null> {
  try {
    return await ledger.payload(sealed, hash);
  } catch (error) {
    if (LedgerError.is(error) && error.code === 'ledger/payload-erased') return null;
    throw error;
  }
}

/**
 * The `data` of the request; `null` when the request was too long to be kept, or was erased.
 * @throws {LedgerError} of the store, other than that the payload is gone.
 */
export async function storedRequest(sealed: SealedReceipt, ledger: Ledger): Promise<Readonly<Record<string, unknown>> | null> {
  const kept = keptPayloads(sealed.receipt.event_log).find(({ name }) => name === 'request');
  const stored = kept === undefined ? null : await keptStill(sealed, ledger, kept.hash);
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
