/** Logs that an operator acknowledged the loss of entries: the first receipt after the report, before anything else is sealed (spec/log.md §4). */

import { randomUUID } from 'node:crypto';
import { utf8 } from '@assay/encoding/bytes';
import { canonicalJson, type Json } from '@assay/encoding/json';
import { type Ledger, putAwayAcknowledgedLoss, readAcknowledgedLoss } from '@assay/ledger';

/**
 * Seals what was acknowledged in `directory`, and puts the acknowledgement away. Gives the id of the receipt; `null` when there was none.
 * @throws the ledger's errors.
 */
export async function logAcknowledgedLoss(directory: string, ledger: Pick<Ledger, 'open' | 'seal'>): Promise<string | null> {
  const loss = readAcknowledgedLoss(directory);
  if (loss === null) return null;
  const { signedSize, signedRoot, foundSize, at } = loss;
  const document = utf8(canonicalJson({ v: 'assay-log-loss/1', ...loss } as unknown as Json));
  const draft = ledger.open({
    taskId: randomUUID(),
    task: 'log_loss',
    method: 'ACKNOWLEDGE',
    endpoint: 'log',
    requestBody: document,
    nonce: null,
  });
  const hash = draft.payload('loss.json', 'application/json', document);
  draft.append({
    type: 'log.loss-acknowledged',
    signed_size: signedSize,
    signed_root: signedRoot,
    found_size: foundSize,
    acknowledged_at: Math.floor(at / 1000),
  });
  draft.append({ type: 'task.completed', result_hash: hash });
  const { receiptId } = await ledger.seal(draft);
  putAwayAcknowledgedLoss(directory, loss);
  return receiptId;
}
