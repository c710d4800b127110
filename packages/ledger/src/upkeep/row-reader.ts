/**
 * Reads a database as it is at one moment, beside a running agent or without one: nothing is locked, migrated or written. For upkeep: the
 * agent itself reads through its store.
 */

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { PlatformSecret } from '../data-key-file.ts';
import { LedgerError } from '../errors.ts';
import { connect, databaseError } from '../postgres/connection.ts';
import { POSTGRES_SCHEMA, postgresSchemaOf } from '../postgres/migrations.ts';
import type { Operation, Row } from '../rows/operation.ts';
import { openReader } from '../sqlite/database.ts';
import { SQLITE_SCHEMA, sqliteSchemaOf } from '../sqlite/migrations.ts';
import { SqliteRows } from '../sqlite/rows.ts';

/** Where the log of an agent is kept. */
export interface KeptPlace {
  readonly directory: string;
  /** `null` or left out: the embedded database of the directory. */
  readonly databaseUrl?: string | null | undefined;
  /** The platform's secret under which the file of the data key is sealed (data-key-file.ts); left out where there is none. */
  readonly platformSecret?: PlatformSecret | null | undefined;
}

export interface RowReader {
  /** For people: `embedded SQLite`. */
  readonly name: string;
  /** The version of the database's schema, and the one that this release writes. */
  readonly schema: { readonly found: number; readonly known: number };
  read<Result>(operation: Operation<Result>): Promise<Result>;
  close(): Promise<void>;
}

/** @throws {LedgerError} `ledger/unavailable` when there is no database to read, `ledger/bad-database-url`. */
export function openRowReader({ directory, databaseUrl = null }: KeptPlace): Promise<RowReader> {
  return databaseUrl === null ? embeddedReader(directory) : postgresReader(databaseUrl);
}

async function embeddedReader(directory: string): Promise<RowReader> {
  if (!existsSync(join(directory, 'log.db')))
    throw new LedgerError(
      'ledger/unavailable',
      `expected a log in ${directory}, got a directory without log.db; set ASSAY_DATA_DIR to the agent's directory, or DATABASE_URL`,
    );
  const db = openReader({ directory });
  const rows = new SqliteRows(db);
  db.exec('BEGIN');
  return {
    name: 'embedded SQLite',
    schema: { found: sqliteSchemaOf(db), known: SQLITE_SCHEMA },
    read: async (operation) => rows.run(operation),
    close: async () => db.close(),
  };
}

async function postgresReader(url: string): Promise<RowReader> {
  const client = await connect(url);
  try {
    await client.query('SET idle_in_transaction_session_timeout = 0');
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
    const found = await postgresSchemaOf(client);
    return {
      name: 'PostgreSQL',
      schema: { found, known: POSTGRES_SCHEMA },
      async read(operation) {
        try {
          let step = operation.next();
          while (step.done !== true) {
            const { rows } = await client.query(step.value.text, [...step.value.values]);
            step = operation.next(rows as readonly Row[]);
          }
          return step.value;
        } catch (cause) {
          throw databaseError(cause);
        }
      },
      close: () => client.end(),
    };
  } catch (cause) {
    await client.end().catch(() => undefined);
    throw databaseError(cause);
  }
}
