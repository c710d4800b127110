/**
 * The schema of the embedded database, version by version. Forward only: each version adds to the previous one, and a database of a later
 * version than this release knows is refused.
 */

import type { DatabaseSync } from 'node:sqlite';
import { assertNoTableKeys, COUNT_TABLE_KEYS, KEYS_IN_STATE } from '../keys/tables.ts';
import { tableFor } from '../rows/operation.ts';
import { ROOM_TABLES } from '../rows/tables.ts';
import { assertKnownSchema } from '../schema.ts';

/** What brings a database to the version of its place in this list, from 1. */
const MIGRATIONS: readonly string[] = [
  `CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
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
CREATE TABLE state (collection TEXT NOT NULL, key TEXT NOT NULL, version INTEGER NOT NULL, value BLOB NOT NULL, PRIMARY KEY (collection, key)) STRICT, WITHOUT ROWID;`,
  'CREATE TABLE successions (idx INTEGER PRIMARY KEY, keyset_digest TEXT NOT NULL UNIQUE, successor TEXT NOT NULL) STRICT;',
  // Which blobs are session documents, open to everyone.
  'CREATE TABLE sessions (hash BLOB PRIMARY KEY) STRICT, WITHOUT ROWID;',
  // What is longer than one piece, so that it can be read piece by piece; older databases have it whole in `blobs`.
  'CREATE TABLE blob_pieces (hash BLOB NOT NULL, n INTEGER NOT NULL, bytes BLOB NOT NULL, PRIMARY KEY (hash, n)) STRICT;',
  ...ROOM_TABLES.map((sql) => tableFor('sqlite', sql)),
];

/** The version that this release writes. */
export const SQLITE_SCHEMA: number = MIGRATIONS.length;

/** The version of a database; 0 for a new one. */
export function sqliteSchemaOf(db: DatabaseSync): number {
  return Number(Object.values(db.prepare('PRAGMA user_version').get() ?? {})[0] ?? 0);
}

/**
 * Brings a database to the newest version, one version a transaction. Returns the version that it had.
 * @throws {LedgerError} `ledger/schema-newer`, `ledger/keys-in-table`.
 */
export function migrate(db: DatabaseSync): number {
  const before = sqliteSchemaOf(db);
  assertKnownSchema(before, SQLITE_SCHEMA);
  for (let version = before; version < SQLITE_SCHEMA; version += 1) {
    if (MIGRATIONS[version] === KEYS_IN_STATE) assertNoTableKeys(Number(db.prepare(COUNT_TABLE_KEYS).get()?.n));
    db.exec(`BEGIN IMMEDIATE; ${MIGRATIONS[version]} PRAGMA user_version = ${version + 1}; COMMIT`);
  }
  return before;
}
