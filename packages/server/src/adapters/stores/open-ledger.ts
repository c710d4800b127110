/** Opens the ledger of a data directory: store and ledger joined, for the composition root and for tests. */

import { createLedger } from '../../log/ledger.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Ledger } from '../../ports/ledger.ts';
import type { SigningKeys } from '../../ports/signing-keys.ts';
import { openSqliteStore, type SqliteStoreOptions } from './sqlite/store.ts';

/**
 * @throws {LedgerError} as `openSqliteStore`.
 * @example
 * const keys = createSigningKeys()
 * const ledger = await openLedger({ directory: config.dataDir, keys })
 * await ledger.registerReport({ report, nonce: null })
 */
export async function openLedger(
  options: SqliteStoreOptions & { readonly keys: SigningKeys; readonly clock?: Clock },
): Promise<Ledger> {
  const { clock, keys, ...storeOptions } = options;
  const store = await openSqliteStore(storeOptions);
  return createLedger({ store, keys, ...(clock === undefined ? {} : { clock }) });
}
