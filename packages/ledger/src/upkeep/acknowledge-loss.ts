/** An operator accepts that entries of the log are lost, so that the agent may go on from what is left. */

import { encodeHex } from '@assay/encoding/hex';
import { EMPTY_ROOT } from '@assay/receipt';
import { LedgerError } from '../errors.ts';
import { readLogKey } from '../log-key.ts';
import { type AcknowledgedLoss, writeAcknowledgedLoss } from '../writer/acknowledged-loss.ts';
import { readKeptCheckpoint } from '../writer/kept-checkpoint.ts';
import { headRow } from './log-rows.ts';
import { type KeptPlace, openRowReader } from './row-reader.ts';

/**
 * Acknowledges that the log has fewer entries than were signed. The agent logs it at its next start, before it seals anything else; who kept
 * a checkpoint or bundle of the lost entries can still show that they were signed.
 *
 * @param lost - how many entries are lost: the operator says what is known to be gone, and is refused when it is another number.
 * @throws {LedgerError} `ledger/nothing-lost` when nothing, or another number, is lost; `ledger/bad-key-file`, `ledger/unavailable`.
 * @example await acknowledgeLoss({ directory: '.assay' }, { lost: 2, now: Date.now() })
 */
export async function acknowledgeLoss(
  place: KeptPlace,
  { lost, now }: { readonly lost: number; readonly now: number },
): Promise<AcknowledgedLoss> {
  const signed = await readKeptCheckpoint(place.directory, readLogKey(place.directory));
  const reader = await openRowReader(place);
  try {
    const head = (await reader.read(headRow())) ?? { size: 0, root: EMPTY_ROOT };
    const missing = (signed?.size ?? 0) - head.size;
    if (signed === null || missing <= 0)
      throw new LedgerError(
        'ledger/nothing-lost',
        `expected a log that is smaller than what was signed, got ${head.size} entries and ${signed?.size ?? 0} signed; start the agent`,
      );
    if (missing !== lost)
      throw new LedgerError(
        'ledger/nothing-lost',
        `expected the number of lost entries, ${missing} (${signed.size} were signed, ${head.size} are there), got ${lost}; restore a newer backup if there is one`,
      );
    const loss: AcknowledgedLoss = {
      signedSize: signed.size,
      signedRoot: encodeHex(signed.root),
      foundSize: head.size,
      foundRoot: encodeHex(head.root),
      at: now,
    };
    writeAcknowledgedLoss(place.directory, loss);
    return loss;
  } finally {
    await reader.close();
  }
}
