/** The keyset of a registration, held against its report: only keys that an attestation names may seal. */

import { parseReport, ReceiptError, type Report } from '@assay/receipt';
import { LedgerError } from './errors.ts';
import type { KeysetRegistration } from './port.ts';

/** @throws {LedgerError} `ledger/report-mismatch` for a report that is not of this nonce, or whose keyset does not list the keys. */
export function attestedKeyset({ report, nonce, keys }: KeysetRegistration): Pick<Report, 'keyset' | 'keysetDigest'> {
  const { keyset, keysetDigest } = parsed(report, nonce);
  for (const { entry } of [keys.receipt, keys.leaf])
    if (
      !keyset.receipt_signing_keys.some(
        (key) => key.key_id === entry.key_id && key.algo === entry.algo && key.public_key === entry.public_key,
      )
    )
      throw new LedgerError(
        'ledger/report-mismatch',
        `expected the keyset to list ${entry.key_id}; build it from the keys that are to seal`,
      );
  return { keyset, keysetDigest };
}

function parsed(report: KeysetRegistration['report'], nonce: string | null): Report {
  try {
    return parseReport(report, nonce);
  } catch (cause) {
    if (!ReceiptError.is(cause)) throw cause;
    throw new LedgerError('ledger/report-mismatch', cause.message, { cause });
  }
}
