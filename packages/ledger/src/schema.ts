/** What every engine asks of the version of a database. */

import { LedgerError } from './errors.ts';

/** @throws {LedgerError} `ledger/schema-newer` for a version that a later release made. */
export function assertKnownSchema(found: number, known: number): void {
  if (found > known)
    throw new LedgerError(
      'ledger/schema-newer',
      `expected a database of schema ${known} or older, got schema ${found}; run the release that made it, or restore a backup from before its migration`,
    );
}
