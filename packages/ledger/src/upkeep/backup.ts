/**
 * Backups: a folder with the database, the log's key, the simulated root and the last published checkpoint. Made beside a running agent.
 *
 * A restored backup is older than what it replaces. Where the data directory still has a newer checkpoint, the agent refuses to start
 * (`ledger/rolled-back`), because a smaller log must never be signed; where nothing is left, only witnesses could tell.
 */

import { execFile } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { backup as copyDatabase, DatabaseSync } from 'node:sqlite';
import { promisify } from 'node:util';
import { DATA_KEY_FILE } from '../data-key.ts';
import { LedgerError } from '../errors.ts';
import { connect } from '../postgres/connection.ts';
import { migratePostgres, postgresSchemaOf } from '../postgres/migrations.ts';
import { openWriter } from '../sqlite/database.ts';
import { lockDirectory } from '../sqlite/directory-lock.ts';
import { sqliteSchemaOf } from '../sqlite/migrations.ts';
import { makePrivateDirectory } from '../sqlite/private-files.ts';
import { CHECKPOINT_FILE } from '../writer/kept-checkpoint.ts';
import type { KeptPlace } from './row-reader.ts';

const DATABASE = 'log.db';
const DUMP = 'log.pgdump';
/** What a log needs beside its database. The checkpoint first: a database that is copied later is never smaller. */
const FILES = [CHECKPOINT_FILE, 'log-key.json', DATA_KEY_FILE, 'simulated-root.pem', 'simulated-root-key.pem'];

const run = promisify(execFile);

/**
 * Writes a backup into `folder`, which must be empty or absent; mode 0700. PostgreSQL is dumped with its own `pg_dump`.
 * @throws {LedgerError} `ledger/not-empty`, `ledger/unavailable`.
 * @example await backupStore({ directory: '.assay' }, '/backups/today')
 */
export async function backupStore({ directory, databaseUrl = null }: KeptPlace, folder: string): Promise<readonly string[]> {
  if (databaseUrl === null && !existsSync(join(directory, DATABASE)))
    throw new LedgerError(
      'ledger/unavailable',
      `expected a log in ${directory}, got none; set ASSAY_DATA_DIR to the agent's directory`,
    );
  makePrivateDirectory(folder);
  if (readdirSync(folder).length > 0)
    throw new LedgerError('ledger/not-empty', `expected an empty folder, got files in ${folder}; name another one`);
  const kept = FILES.filter((name) => copyPrivate(join(directory, name), join(folder, name)));
  if (databaseUrl === null) {
    const db = new DatabaseSync(join(directory, DATABASE), { readOnly: true });
    try {
      await copyDatabase(db, join(folder, DATABASE));
    } finally {
      db.close();
    }
    chmodSync(join(folder, DATABASE), 0o600);
    return [...kept, DATABASE];
  }
  await runTool('pg_dump', databaseUrl, ['--format=custom', '--schema=assay', `--file=${join(folder, DUMP)}`]);
  chmodSync(join(folder, DUMP), 0o600);
  return [...kept, DUMP];
}

/**
 * Puts a backup in place: into a data directory without a log, or a database without the agent's schema. Files that are there stay, so that
 * a newer checkpoint is noticed.
 * @throws {LedgerError} `ledger/not-empty`, `ledger/in-use`, `ledger/unavailable`.
 * @example await restoreStore({ directory: '.assay' }, '/backups/today')
 */
export async function restoreStore({ directory, databaseUrl = null }: KeptPlace, folder: string): Promise<readonly string[]> {
  const source = join(folder, databaseUrl === null ? DATABASE : DUMP);
  if (!existsSync(source))
    throw new LedgerError(
      'ledger/unavailable',
      `expected a backup in ${folder}, got no ${databaseUrl === null ? DATABASE : DUMP}; name the folder of assay store backup`,
    );
  const unlock = databaseUrl === null ? lockDirectory(directory) : () => undefined;
  try {
    if (databaseUrl === null) {
      if (existsSync(join(directory, DATABASE)))
        throw new LedgerError(
          'ledger/not-empty',
          `expected a directory without a log, got one in ${directory}; move its log.db files away`,
        );
      copyPrivate(source, join(directory, DATABASE));
    } else {
      mkdirSync(directory, { recursive: true, mode: 0o700 });
      const client = await connect(databaseUrl);
      const found = await postgresSchemaOf(client).finally(() => client.end());
      if (found > 0)
        throw new LedgerError(
          'ledger/not-empty',
          'expected a database without a log, got one that has the schema assay; name a fresh database',
        );
      await runTool('pg_restore', databaseUrl, ['--no-owner', '--exit-on-error', '--single-transaction', source]);
    }
    const missing = FILES.filter((name) => !existsSync(join(directory, name)));
    return [source, ...missing.filter((name) => copyPrivate(join(folder, name), join(directory, name)))];
  } finally {
    unlock();
  }
}

/**
 * Brings a database to the schema of this release; returns the version that it had. Agents do it at their start, too.
 * @throws {LedgerError} `ledger/schema-newer`, `ledger/in-use`, `ledger/unavailable`.
 */
export async function migrateStore({ directory, databaseUrl = null }: KeptPlace): Promise<number> {
  if (databaseUrl !== null) {
    const client = await connect(databaseUrl);
    return migratePostgres(client).finally(() => client.end());
  }
  const unlock = lockDirectory(directory);
  try {
    const path = join(directory, DATABASE);
    const before = existsSync(path) ? schemaOf(path) : 0;
    openWriter({ directory }).close();
    return before;
  } finally {
    unlock();
  }
}

function schemaOf(path: string): number {
  const db = new DatabaseSync(path, { readOnly: true });
  try {
    return sqliteSchemaOf(db);
  } finally {
    db.close();
  }
}

/** Copies a file that is there, readable by its owner alone. */
function copyPrivate(from: string, to: string): boolean {
  if (!existsSync(from)) return false;
  copyFileSync(from, to);
  chmodSync(to, 0o600);
  return true;
}

/** Runs a program of PostgreSQL. The password goes through its environment, because other users can see arguments. */
async function runTool(name: 'pg_dump' | 'pg_restore', databaseUrl: string, args: readonly string[]): Promise<void> {
  const url = new URL(databaseUrl);
  const password = decodeURIComponent(url.password);
  url.password = '';
  try {
    await run(name, [`--dbname=${url.href}`, ...args], {
      env: { ...process.env, ...(password === '' ? {} : { PGPASSWORD: password }) },
    });
  } catch (cause) {
    const { code, stderr } = cause as { readonly code?: unknown; readonly stderr?: string };
    const why =
      code === 'ENOENT'
        ? 'it is not installed'
        : String(stderr ?? code)
            .trim()
            .split('\n')
            .at(-1);
    throw new LedgerError(
      'ledger/unavailable',
      `${name} failed: ${why}; install PostgreSQL's client programs of the server's version, and check the database`,
      {
        cause,
      },
    );
  }
}
