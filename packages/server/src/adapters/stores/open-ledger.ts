/** Opens the ledger of a data directory: store and ledger joined, for the composition root and for tests. */

import type { BootKeys } from '../../log/boot-keys.ts';
import { createLedger } from '../../log/ledger.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Ledger } from '../../ports/ledger.ts';
import { openSqliteStore, type SqliteStoreOptions } from './sqlite/store.ts';

/**
 * @throws {LedgerError} as `openSqliteStore`.
 * @example
 * const keys = createBootKeys()
 * const ledger = await openLedger({ directory: config.dataDir, keys })
 * await ledger.registerReport({ report, nonce: null })
 */
export async function openLedger(
  options: SqliteStoreOptions & { readonly keys: BootKeys; readonly clock?: Clock },
): Promise<Ledger> {
  const { clock, ...storeOptions } = options;
  const store = await openSqliteStore(storeOptions);
  return createLedger({ store, keys: options.keys, ...(clock === undefined ? {} : { clock }) });
}
