/**
 * Changes rows of a store from a command, in short transactions, so that an agent that runs is not kept waiting. The head stays as it is: only
 * agents append.
 */

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { LedgerError } from '../errors.ts';
import { connect, databaseError } from '../postgres/connection.ts';
import { POSTGRES_SCHEMA, postgresSchemaOf } from '../postgres/migrations.ts';
import type { Operation, Row } from '../rows/operation.ts';
import { SQLITE_SCHEMA, sqliteSchemaOf } from '../sqlite/migrations.ts';
import { SqliteRows } from '../sqlite/rows.ts';
import type { KeptPlace } from './row-reader.ts';

/** How long a transaction waits for those of an agent, milliseconds. */
const BUSY_MS = 30_000;
/** How often, and after which pause, the write-ahead log is tried to be emptied while others read. */
const MOST_FLUSHES = 20;
const FLUSH_PAUSE_MS = 100;

export interface RowWriter {
  /** Runs an operation in a transaction of its own; resolves when it is durable. No agent appends while it runs. */
  change<Result>(operation: Operation<Result>): Promise<Result>;
  /**
   * Overwrites what was deleted, as far as the engine can while others read. `false`: a reader, such as a backup or an export, kept the embedded
   * database's write-ahead log (`log.db-wal`) from being emptied, so deleted bytes stand in it until it is written over.
   */
  close(): Promise<boolean>;
}

/** Called after each transaction. */
export type OnStep = () => void | Promise<void>;

/**
 * @throws {LedgerError} `ledger/unavailable` when there is no database, or its schema is not of this release; `ledger/schema-newer`.
 */
export async function openRowWriter(
  { directory, databaseUrl = null }: KeptPlace,
  onStep: OnStep = () => undefined,
): Promise<RowWriter> {
  const writer = await (databaseUrl === null ? embeddedWriter(directory) : postgresWriter(databaseUrl));
  return {
    close: () => writer.close(),
    async change(operation) {
      const result = await writer.change(operation);
      await onStep();
      return result;
    },
  };
}

async function embeddedWriter(directory: string): Promise<RowWriter> {
  const file = join(directory, 'log.db');
  if (!existsSync(file))
    throw new LedgerError(
      'ledger/unavailable',
      `expected a log in ${directory}, got a directory without log.db; set ASSAY_DATA_DIR to the agent's directory, or DATABASE_URL`,
    );
  const db = new DatabaseSync(file, { timeout: BUSY_MS });
  try {
    assertSchema(sqliteSchemaOf(db), SQLITE_SCHEMA);
    db.exec('PRAGMA synchronous = FULL; PRAGMA secure_delete = ON');
  } catch (cause) {
    db.close();
    throw cause;
  }
  const rows = new SqliteRows(db);
  return {
    async change(operation) {
      db.exec('BEGIN IMMEDIATE');
      try {
        const result = rows.run(operation);
        db.exec('COMMIT');
        return result;
      } catch (cause) {
        db.exec('ROLLBACK');
        throw cause;
      }
    },
    async close() {
      // Without a timeout: it would hold the write lock while it waits for readers, and the agent's writes would fail.
      db.exec('PRAGMA busy_timeout = 0');
      let emptied = emptiesWal(db);
      for (let tries = 1; !emptied && tries < MOST_FLUSHES; tries += 1) {
        await sleep(FLUSH_PAUSE_MS);
        emptied = emptiesWal(db);
      }
      db.close();
      return emptied;
    },
  };
}

/** Copies the write-ahead log into the database file; whether it could be emptied. */
function emptiesWal(db: DatabaseSync): boolean {
  return db.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get()?.busy === 0;
}

async function postgresWriter(url: string): Promise<RowWriter> {
  const client = await connect(url);
  try {
    assertSchema(await postgresSchemaOf(client), POSTGRES_SCHEMA);
  } catch (cause) {
    await client.end();
    throw databaseError(cause);
  }
  return {
    change: (operation) => inTransaction(client, operation),
    async close() {
      await client.end();
      return true;
    },
  };
}

async function inTransaction<Result>(client: pg.Client, operation: Operation<Result>): Promise<Result> {
  try {
    await client.query('BEGIN');
    await client.query('SELECT 1 FROM head WHERE id = 1 FOR UPDATE');
    let step = operation.next();
    while (step.done !== true) {
      const { rows } = await client.query(step.value.text, [...step.value.values]);
      step = operation.next(rows as readonly Row[]);
    }
    await client.query('COMMIT');
    return step.value;
  } catch (cause) {
    await client.query('ROLLBACK').catch(() => undefined);
    throw databaseError(cause);
  }
}

function assertSchema(found: number, known: number): void {
  if (found === known) return;
  throw found > known
    ? new LedgerError('ledger/schema-newer', `expected schema ${known}, got ${found}; use the release that made it`)
    : new LedgerError('ledger/unavailable', `expected schema ${known}, got ${found}; run assay store migrate first`);
}
