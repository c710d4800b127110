/** What a store holds, for operators. */

import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type DataKeyNames, dataKeyNames } from '../data-key-file.ts';
import { readLogKey } from '../log-key.ts';
import { type Operation, query } from '../rows/operation.ts';
import { type UpkeepCounts, upkeepCounts } from '../upkeep-log/operations.ts';
import { type Counts, countRows, openJobs } from './log-rows.ts';
import { type KeptPlace, openRowReader } from './row-reader.ts';

/** The state of a store, as `assay store status` shows it. */
export interface StoreStatus {
  /** `embedded SQLite` or `PostgreSQL`. */
  readonly store: string;
  readonly origin: string;
  readonly schema: { readonly found: number; readonly known: number };
  readonly rows: Counts;
  /** Jobs that wait or run; `null` for a schema from before there were jobs. */
  readonly openJobs: number | null;
  /** What was erased, and commands that are not finished or not logged; `null` for a schema from before there were such. */
  readonly upkeep: UpkeepCounts | null;
  readonly dataKey: {
    /** Names the key without telling it. */
    readonly id: string;
    /** A rotation was cut off: run it again. */
    readonly rotating: boolean;
    /** Under what its file is sealed: a secret of the platform, or a simulator's key, which keeps nothing; `null`: it stands in clear, as safe as the disk. */
    readonly sealed: DataKeyNames['sealed'];
  };
  readonly bytes: number;
}

/**
 * @throws {LedgerError} `ledger/unavailable` when there is no log, `ledger/bad-key-file`.
 * @example const { schema } = await storeStatus({ directory: '.assay' })
 */
export async function storeStatus(place: KeptPlace): Promise<StoreStatus> {
  const { origin } = readLogKey(place.directory);
  const reader = await openRowReader(place);
  try {
    const { schema } = reader;
    const rows = await reader.read(countRows());
    const current = schema.found === schema.known;
    const jobs = current ? await reader.read(openJobs()) : null;
    const upkeep = current ? await reader.read(upkeepCounts()) : null;
    const { id, previous, sealed } = dataKeyNames(place.directory);
    const dataKey = { id, rotating: previous !== null, sealed };
    const bytes = place.databaseUrl == null ? embeddedBytes(place.directory) : await reader.read(postgresBytes());
    return { store: reader.name, origin, schema, rows, openJobs: jobs, upkeep, dataKey, bytes };
  } finally {
    await reader.close();
  }
}

function embeddedBytes(directory: string): number {
  const files = ['log.db', 'log.db-wal'].map((name) => join(directory, name)).filter((path) => existsSync(path));
  return files.reduce((sum, path) => sum + statSync(path).size, 0);
}

function* postgresBytes(): Operation<number> {
  const [row] = yield query(
    "SELECT COALESCE(sum(pg_total_relation_size(c.oid)), 0)::bigint AS bytes FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'assay' AND c.relkind = 'r'",
  );
  return Number(row?.bytes ?? 0);
}
