/**
 * Opening the database file: version, durability and schema are asserted on every open, because SQLite's defaults differ from build
 * to build and a WAL opened at `synchronous=NORMAL` loses acknowledged commits in a power cut.
 */

import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { LedgerError } from '../errors.ts';
import { assertWhole } from './integrity.ts';
import { migrate } from './migrations.ts';
import { makePrivateFile } from './private-files.ts';

/** First release without the WAL-reset corruption. */
const LEAST_SQLITE = [3, 51, 3] as const;
const DATABASE_FILE = 'log.db';
const BUSY_TIMEOUT_MS = 5_000;
/** Pages of WAL before it is copied back, 4 KiB each. */
const CHECKPOINT_PAGES = 4_000;
const PAGE_BYTES = 4_096;
const SYNCHRONOUS_FULL = 2;
export interface DatabaseOptions {
  readonly directory: string;
  /** Largest size of the database in bytes; writes beyond it fail as on a full disk. */
  readonly maxBytes?: number | undefined;
}

/**
 * The database for the one writer, made when it is not there.
 * @throws {LedgerError} `ledger/runtime-too-old`, `ledger/corrupt`, `ledger/unavailable`.
 */
export function openWriter(options: DatabaseOptions): DatabaseSync {
  assertSqliteVersion(process.versions.sqlite ?? '0');
  const file = join(options.directory, DATABASE_FILE);
  makePrivateFile(file); // SQLite gives its -wal and -shm files the mode of this one
  const db = open(options.directory, false);
  try {
    prepareWriter(db, options);
    assertWhole(db, file);
    return db;
  } catch (cause) {
    db.close(); // a thread that ends with an open database can take the process with it
    throw cause;
  }
}

function prepareWriter(db: DatabaseSync, options: DatabaseOptions): void {
  db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON');
  db.exec(`PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES}`);
  if (options.maxBytes !== undefined)
    db.exec(`PRAGMA max_page_count = ${Math.max(1, Math.floor(options.maxBytes / PAGE_BYTES))}`);
  assertPragma(db, 'journal_mode', 'wal');
  assertPragma(db, 'synchronous', SYNCHRONOUS_FULL);
  assertPragma(db, 'busy_timeout', BUSY_TIMEOUT_MS);
  migrate(db);
}

/** A connection that sees committed rows and cannot write. The writer must have opened before. */
export function openReader(options: DatabaseOptions): DatabaseSync {
  return open(options.directory, true);
}

/** SQLite's result code of an error it raised (`13` full, `10` input/output …), without its extension; `null` for other errors. */
export function sqliteCode(error: unknown): number | null {
  const code = (error as { readonly errcode?: unknown } | null)?.errcode;
  return typeof code === 'number' ? code & 0xff : null;
}

function open(directory: string, readOnly: boolean): DatabaseSync {
  try {
    return new DatabaseSync(join(directory, DATABASE_FILE), { readOnly, timeout: BUSY_TIMEOUT_MS });
  } catch (cause) {
    throw new LedgerError(
      'ledger/unavailable',
      `the database in ${directory} cannot be opened; check that the directory can be written`,
      { cause },
    );
  }
}

/** @throws {LedgerError} `ledger/runtime-too-old` for releases with the WAL-reset corruption. */
export function assertSqliteVersion(version: string): void {
  const parts = version.split('.').map(Number);
  for (const [i, least] of LEAST_SQLITE.entries()) {
    const part = parts[i] ?? 0;
    if (part > least) return;
    if (part < least)
      throw new LedgerError(
        'ledger/runtime-too-old',
        `expected SQLite ${LEAST_SQLITE.join('.')} or newer in Node, got ${version}; use Node 24.21 or newer`,
      );
  }
}

function pragma(db: DatabaseSync, name: string): unknown {
  const row = db.prepare(`PRAGMA ${name}`).get();
  return row === undefined ? undefined : Object.values(row)[0];
}

function assertPragma(db: DatabaseSync, name: string, expected: string | number): void {
  const actual = pragma(db, name);
  if (actual !== expected)
    throw new LedgerError(
      'ledger/unavailable',
      `expected ${name} = ${expected} in the database, got ${String(actual)}; the data directory may be on a file system without shared memory`,
    );
}
