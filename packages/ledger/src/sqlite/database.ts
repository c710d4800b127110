/**
 * Opening the database file: version, durability and schema are asserted on every open, because SQLite's defaults differ from build
 * to build and a WAL opened at `synchronous=NORMAL` loses acknowledged commits in a power cut.
 */

import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { LedgerError } from '../errors.ts';
import { assertWhole } from './integrity.ts';
import { makePrivateFile } from './private-files.ts';

/** First release without the WAL-reset corruption. */
const LEAST_SQLITE = [3, 51, 3] as const;
const DATABASE_FILE = 'log.db';
const BUSY_TIMEOUT_MS = 5_000;
/** Pages of WAL before it is copied back, 4 KiB each. */
const CHECKPOINT_PAGES = 4_000;
const PAGE_BYTES = 4_096;
const SYNCHRONOUS_FULL = 2;
const SCHEMA_VERSION = 4;

/** Of version 2. */
const SUCCESSIONS =
  'CREATE TABLE successions (idx INTEGER PRIMARY KEY, keyset_digest TEXT NOT NULL UNIQUE, successor TEXT NOT NULL) STRICT;';
/** Of version 3: which blobs are session documents, open to everyone. */
const SESSIONS = 'CREATE TABLE sessions (hash BLOB PRIMARY KEY) STRICT, WITHOUT ROWID;';
/** Of version 4: what is longer than one piece, so that it can be read piece by piece; older databases have it whole in `blobs`. */
const BLOB_PIECES =
  'CREATE TABLE blob_pieces (hash BLOB NOT NULL, n INTEGER NOT NULL, bytes BLOB NOT NULL, PRIMARY KEY (hash, n)) STRICT;';
/** What brings a database of an older version to the next one. */
const MIGRATIONS: Readonly<Record<number, string>> = { 1: SUCCESSIONS, 2: SESSIONS, 3: BLOB_PIECES };

const SCHEMA = `
${SUCCESSIONS}
${SESSIONS}
${BLOB_PIECES}
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE head (id INTEGER PRIMARY KEY CHECK (id = 1), size INTEGER NOT NULL, root BLOB NOT NULL) STRICT;
CREATE TABLE tiles (level INTEGER NOT NULL, n INTEGER NOT NULL, hashes BLOB NOT NULL, PRIMARY KEY (level, n)) STRICT;
CREATE TABLE entries (idx INTEGER PRIMARY KEY, leaf TEXT NOT NULL) STRICT;
CREATE TABLE receipts (cursor INTEGER PRIMARY KEY, receipt_id TEXT NOT NULL UNIQUE, task_id TEXT NOT NULL, task TEXT NOT NULL, boot TEXT NOT NULL,
  started_at INTEGER NOT NULL, access TEXT, sealed_at INTEGER, idx INTEGER, chat_id TEXT, salt BLOB, body TEXT) STRICT;
CREATE INDEX receipts_chat ON receipts (chat_id) WHERE chat_id IS NOT NULL;
CREATE INDEX receipts_task ON receipts (task_id, cursor);
CREATE TABLE reports (idx INTEGER PRIMARY KEY, keyset_digest TEXT NOT NULL, nonce TEXT, salt BLOB NOT NULL, report TEXT NOT NULL) STRICT;
CREATE INDEX reports_keyset ON reports (keyset_digest, idx);
CREATE TABLE collateral (idx INTEGER NOT NULL, ord INTEGER NOT NULL, name TEXT NOT NULL, media_type TEXT NOT NULL, hash BLOB NOT NULL, PRIMARY KEY (idx, ord)) STRICT, WITHOUT ROWID;
CREATE TABLE blobs (hash BLOB PRIMARY KEY, bytes BLOB NOT NULL) STRICT;
CREATE TABLE nonces (nonce BLOB PRIMARY KEY, idx INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE state (collection TEXT NOT NULL, key TEXT NOT NULL, version INTEGER NOT NULL, value BLOB NOT NULL, PRIMARY KEY (collection, key)) STRICT, WITHOUT ROWID;
`;

export interface DatabaseOptions {
  readonly directory: string;
  /** Largest size of the database in bytes; writes beyond it fail as on a full disk. */
  readonly maxBytes?: number;
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
  if (pragma(db, 'user_version') === 0) db.exec(`BEGIN IMMEDIATE; ${SCHEMA} PRAGMA user_version = ${SCHEMA_VERSION}; COMMIT`);
  for (let version = Number(pragma(db, 'user_version')); MIGRATIONS[version] !== undefined; version += 1)
    db.exec(`BEGIN IMMEDIATE; ${MIGRATIONS[version]} PRAGMA user_version = ${version + 1}; COMMIT`);
  assertPragma(db, 'user_version', SCHEMA_VERSION);
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
