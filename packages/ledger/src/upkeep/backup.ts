/**
 * Backups: a folder with the database, its keys, the secrets and the last published checkpoint. Made while the agent runs, but not while the data
 * key is rotated.
 *
 * A restored backup is older than what it replaces. Where the data directory still has a newer checkpoint, the agent refuses to start
 * (`ledger/rolled-back`), because a smaller log must never be signed; where nothing is left, only witnesses could tell.
 */

import { execFile } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { backup as copyDatabase, DatabaseSync } from 'node:sqlite';
import { promisify } from 'node:util';
import { DATA_KEY_FILE, dataKeyNames } from '../data-key-file.ts';
import { LedgerError } from '../errors.ts';
import { KEY_FLOOR_FILE } from '../keys/key-floor.ts';
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
/**
 * Every file of the data directory that an agent cannot make again. The checkpoint and the floors come first: a database that is copied
 * later is never older.
 */
const FILES = [
  CHECKPOINT_FILE,
  KEY_FLOOR_FILE,
  'version-floor.json',
  'acknowledged-loss.json',
  'log-key.json',
  DATA_KEY_FILE,
  'kms-secret.txt',
  'simulated-root.pem',
  'simulated-root-key.pem',
  'simulated-secret',
];

const run = promisify(execFile);

/**
 * Writes a backup into `folder`, which must be empty or absent; mode 0700. PostgreSQL is dumped with its own `pg_dump`.
 * @throws {LedgerError} `ledger/not-empty`, `ledger/unavailable`, `ledger/bad-key-file`; `ledger/in-use` during a rotation of the data key.
 * @example await backupStore({ directory: '.assay' }, '/backups/today')
 */
export async function backupStore({ directory, databaseUrl = null }: KeptPlace, folder: string): Promise<readonly string[]> {
  if (databaseUrl === null && !existsSync(join(directory, DATABASE)))
    throw new LedgerError(
      'ledger/unavailable',
      `expected a log in ${directory}, got none; set ASSAY_DATA_DIR to the agent's directory`,
    );
  const key = settledKey(directory);
  makePrivateDirectory(folder);
  if (readdirSync(folder).length > 0)
    throw new LedgerError('ledger/not-empty', `expected an empty folder, got files in ${folder}; name another one`);
  const kept = FILES.filter((name) => copyPrivate(join(directory, name), join(folder, name)));
  const database = databaseUrl === null ? await copyEmbedded(directory, folder) : await dumpPostgres(databaseUrl, folder);
  try {
    if (settledKey(directory) !== key) throw rotating();
  } catch (cause) {
    for (const name of [...kept, database]) rmSync(join(folder, name), { force: true });
    throw cause;
  }
  return [...kept, database];
}

async function copyEmbedded(directory: string, folder: string): Promise<string> {
  const db = new DatabaseSync(join(directory, DATABASE), { readOnly: true });
  try {
    await copyDatabase(db, join(folder, DATABASE));
  } finally {
    db.close();
  }
  chmodSync(join(folder, DATABASE), 0o600);
  return DATABASE;
}

async function dumpPostgres(databaseUrl: string, folder: string): Promise<string> {
  await runTool('pg_dump', databaseUrl, ['--format=custom', '--schema=assay', `--file=${join(folder, DUMP)}`]);
  chmodSync(join(folder, DUMP), 0o600);
  return DUMP;
}

/** The id of the data key, which must be the only one; `null` without a key file. */
function settledKey(directory: string): string | null {
  if (!existsSync(join(directory, DATA_KEY_FILE))) return null;
  const { id, previous } = dataKeyNames(directory);
  if (previous !== null) throw rotating();
  return id;
}

function rotating(): LedgerError {
  return new LedgerError(
    'ledger/in-use',
    'expected one data key from the beginning to the end of a backup, got a rotation; let assay store rotate-key finish, then make the backup again',
  );
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
 * @example await migrateStore({ directory: '/var/lib/assay' }) // the version that the database had
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
  const password = url.searchParams.get('password') ?? decodeURIComponent(url.password);
  url.password = '';
  url.searchParams.delete('password');
  if (url.searchParams.has('sslpassword'))
    throw new LedgerError(
      'ledger/unavailable',
      `expected no sslpassword in DATABASE_URL, because ${name} would show it to other users; take a key file without a password`,
    );
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
