/** Opens the ledger of a data directory: store and ledger joined, for the composition root and for tests. */

import type { Clock } from './clock.ts';
import { createLedger } from './ledger.ts';
import type { Ledger } from './port.ts';
import { openSqliteStore, type SqliteStoreOptions } from './sqlite/store.ts';

/**
 * @throws {LedgerError} as `openSqliteStore`.
 * @example
 * const ledger = await openLedger({ directory: config.dataDir })
 * await ledger.registerReport({ report, nonce: null, keys: createSigningKeys() })
 */
export async function openLedger(options: SqliteStoreOptions & { readonly clock?: Clock }): Promise<Ledger> {
  const { clock, ...storeOptions } = options;
  const store = await openSqliteStore(storeOptions);
  return createLedger({ store, ...(clock === undefined ? {} : { clock }) });
}
