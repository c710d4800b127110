/** Logs what commands did to the store (`assay store erase`, `rotate-key`): each a receipt of its own, sealed once, also by agents that share a store (spec/receipt.md §2). */

import { randomUUID } from 'node:crypto';
import { decodeUtf8, utf8 } from '@assay/encoding/bytes';
import { canonicalJson, type Json } from '@assay/encoding/json';
import { type Ledger, LedgerError, type ReceiptDraft, type UpkeepRecord } from '@assay/ledger';

/** Rows that commit with receipts and that no receipt names. */
const EVIDENCE = 'job-evidence';
/** Hashes in one event, which is limited in length. */
const MOST_HASHES = 500;

type UpkeepLedger = Pick<Ledger, 'discard' | 'open' | 'readState' | 'seal' | 'upkeep'>;

/**
 * Logs everything that is not logged yet. Gives the ids of the receipts.
 * @throws the ledger's errors.
 */
export async function logUpkeep(ledger: UpkeepLedger): Promise<readonly string[]> {
  const logged: string[] = [];
  for (const record of await ledger.upkeep.unlogged()) logged.push(await logRecord(record, ledger));
  return logged;
}

async function logRecord(record: UpkeepRecord, ledger: UpkeepLedger): Promise<string> {
  const document = utf8(canonicalJson({ v: 'assay-upkeep/1', ...record } as unknown as Json));
  const draft = ledger.open({
    taskId: randomUUID(),
    task: record.kind === 'erasure' ? 'erasure' : 'data_key',
    method: record.kind === 'erasure' ? 'ERASE' : 'ROTATE',
    endpoint: 'store',
    requestBody: document,
    nonce: null,
  });
  const hash = draft.payload('upkeep.json', 'application/json', document);
  await appendEvents(draft, record, ledger);
  draft.append({ type: 'task.completed', result_hash: hash });
  const row = { collection: EVIDENCE, key: `upkeep/${record.id}`, expectedVersion: 0, value: utf8(draft.receiptId) };
  let receiptId = draft.receiptId;
  try {
    await ledger.seal(draft, { changes: [row] });
  } catch (error) {
    if (!LedgerError.is(error) || error.code !== 'ledger/conflict') throw error;
    // Another agent, or this one before it was stopped, logged it.
    await ledger.discard(draft);
    const written = await ledger.readState(EVIDENCE, row.key);
    if (written === null) throw error;
    receiptId = decodeUtf8(written.value);
  }
  await ledger.upkeep.noteLogged(record.id, receiptId);
  return receiptId;
}

async function appendEvents(draft: ReceiptDraft, record: UpkeepRecord, ledger: UpkeepLedger): Promise<void> {
  const at = Math.floor(record.at / 1000);
  if (record.kind === 'data-key') {
    draft.append({ type: 'data-key.rotated', from: record.from, to: record.to, rotated_at: at });
    return;
  }
  const hashes = await ledger.upkeep.erased(record.index);
  for (let from = 0; from === 0 || from < hashes.length; from += MOST_HASHES)
    draft.append({
      type: 'payloads.erased',
      receipt_id: record.receiptId,
      erased_at: at,
      hashes: hashes.slice(from, from + MOST_HASHES),
    });
}
