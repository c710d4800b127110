/** Opens the ledger: store and ledger joined, for the composition root and for tests. */

import type { Clock } from './clock.ts';
import type { PlatformSecret } from './data-key-file.ts';
import { createLedger } from './ledger.ts';
import type { Ledger } from './port.ts';
import { openPostgresStore } from './postgres/store.ts';
import { openSqliteStore } from './sqlite/store.ts';
import type { LogStore } from './store.ts';

export interface StorePlace {
  /** The data directory: the log's key, the last published checkpoint, and the embedded database. */
  readonly directory: string;
  /** `postgres://…`: the database that many agents share. Left out: the embedded one, for one agent. */
  readonly databaseUrl?: string | null | undefined;
  /** Name of the log, fixed on the first start. */
  readonly origin?: string | undefined;
  /** The platform's secret under which the file of the data key is sealed (data-key-file.ts); left out where there is none. */
  readonly platformSecret?: PlatformSecret | null | undefined;
  /** Largest size of the embedded database in bytes; none unless given. */
  readonly maxBytes?: number | undefined;
}

/** @throws {LedgerError} as `openSqliteStore` or `openPostgresStore`. */
export function openStore({ databaseUrl = null, ...place }: StorePlace): Promise<LogStore> {
  return databaseUrl === null ? openSqliteStore(place) : openPostgresStore({ ...place, url: databaseUrl });
}

/**
 * @throws {LedgerError} as `openSqliteStore` or `openPostgresStore`.
 * @example
 * const ledger = await openLedger({ directory: config.dataDir })
 * await ledger.registerReport({ report, nonce: null, keys: createSigningKeys() })
 */
export async function openLedger({ clock, ...place }: StorePlace & { readonly clock?: Clock }): Promise<Ledger> {
  const store = await openStore(place);
  return createLedger({ store, ...(clock === undefined ? {} : { clock }) });
}
