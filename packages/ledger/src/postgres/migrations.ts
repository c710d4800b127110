/**
 * The schema on PostgreSQL, version by version. Forward only, as on the embedded database; agents that start at the same time take turns.
 * A database of a later version than this release knows is refused.
 */

import type pg from 'pg';
import { assertNoTableKeys, COUNT_TABLE_KEYS, KEYS_IN_STATE } from '../keys/tables.ts';
import { tableFor } from '../rows/operation.ts';
import { ROOM_TABLES } from '../rows/tables.ts';
import { assertKnownSchema } from '../schema.ts';
import { SCHEMA } from './connection.ts';

/** Names the lock that migrations take turns under. */
const LOCK = 0x61737379;

const MIGRATIONS: readonly string[] = [
  `CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE boots (boot TEXT PRIMARY KEY, replica TEXT NOT NULL, started_at BIGINT NOT NULL, alive_until BIGINT NOT NULL);
CREATE TABLE head (id INTEGER PRIMARY KEY CHECK (id = 1), size BIGINT NOT NULL, root BYTEA NOT NULL);
CREATE TABLE tiles (level INTEGER NOT NULL, n BIGINT NOT NULL, hashes BYTEA NOT NULL, PRIMARY KEY (level, n));
CREATE TABLE entries (idx BIGINT PRIMARY KEY, leaf TEXT NOT NULL);
CREATE TABLE receipts (cursor BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, receipt_id TEXT NOT NULL UNIQUE, task_id TEXT NOT NULL,
  task TEXT NOT NULL, boot TEXT NOT NULL, started_at BIGINT NOT NULL, access TEXT, sealed_at BIGINT, idx BIGINT, chat_id TEXT, salt BYTEA, body TEXT);
CREATE INDEX receipts_chat ON receipts (chat_id) WHERE chat_id IS NOT NULL;
CREATE INDEX receipts_task ON receipts (task_id, cursor);
CREATE TABLE reports (idx BIGINT PRIMARY KEY, keyset_digest TEXT NOT NULL, nonce TEXT, salt BYTEA NOT NULL, report TEXT NOT NULL);
CREATE INDEX reports_keyset ON reports (keyset_digest, idx);
CREATE TABLE successions (idx BIGINT PRIMARY KEY, keyset_digest TEXT NOT NULL UNIQUE, successor TEXT NOT NULL);
CREATE TABLE collateral (idx BIGINT NOT NULL, ord INTEGER NOT NULL, name TEXT NOT NULL, media_type TEXT NOT NULL, hash BYTEA NOT NULL, PRIMARY KEY (idx, ord));
CREATE TABLE blobs (hash BYTEA PRIMARY KEY, bytes BYTEA NOT NULL);
CREATE TABLE blob_pieces (hash BYTEA NOT NULL, n BIGINT NOT NULL, bytes BYTEA NOT NULL, PRIMARY KEY (hash, n));
CREATE TABLE sessions (hash BYTEA PRIMARY KEY);
CREATE TABLE nonces (nonce BYTEA PRIMARY KEY, idx BIGINT NOT NULL);
CREATE TABLE state (collection TEXT NOT NULL, key TEXT NOT NULL, version BIGINT NOT NULL, value BYTEA NOT NULL, PRIMARY KEY (collection, key));`,
  ...ROOM_TABLES.map((sql) => tableFor('postgres', sql)),
];

/** The version that this release writes. */
export const POSTGRES_SCHEMA: number = MIGRATIONS.length;

/** The version of a database; 0 for a new one. */
export async function postgresSchemaOf(client: pg.ClientBase): Promise<number> {
  const { rows: there } = await client.query('SELECT to_regclass($1) AS name', [`${SCHEMA}.meta`]);
  if (there[0]?.name === null) return 0;
  const { rows } = await client.query(`SELECT value FROM ${SCHEMA}.meta WHERE key = 'schema'`);
  return Number(rows[0]?.value ?? 0);
}

/**
 * Brings a database to the newest version in one transaction. Returns the version that it had.
 * @throws {LedgerError} `ledger/schema-newer`, `ledger/keys-in-table`.
 */
export async function migratePostgres(client: pg.ClientBase): Promise<number> {
  // Taken before the transaction begins: a transaction that waits for it keeps a view of the catalogue from before.
  await client.query('SELECT pg_advisory_lock($1)', [LOCK]);
  try {
    await client.query('BEGIN');
    const before = await postgresSchemaOf(client);
    assertKnownSchema(before, POSTGRES_SCHEMA);
    if (before === 0) await client.query(`CREATE SCHEMA IF NOT EXISTS ${SCHEMA}`);
    for (const sql of MIGRATIONS.slice(before)) {
      if (sql === KEYS_IN_STATE) assertNoTableKeys(Number((await client.query(COUNT_TABLE_KEYS)).rows[0]?.n));
      await client.query(sql);
    }
    await client.query("INSERT INTO meta VALUES ('schema', $1) ON CONFLICT (key) DO UPDATE SET value = excluded.value", [
      String(POSTGRES_SCHEMA),
    ]);
    await client.query('COMMIT');
    return before;
  } catch (cause) {
    await client.query('ROLLBACK').catch(() => undefined);
    throw cause;
  } finally {
    await client.query('SELECT pg_advisory_unlock($1)', [LOCK]).catch(() => undefined);
  }
}
