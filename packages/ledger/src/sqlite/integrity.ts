/**
 * Whether the database file is whole, asked at every start before anything is read from it. SQLite reports a page that is missing or
 * damaged only when a query meets it, which for old receipts is years later.
 *
 * Not found here: bytes inside rows that were changed with SQL. Receipts and log entries carry hashes and signatures of their own.
 */

import { statSync } from 'node:fs';
import type { DatabaseSync } from 'node:sqlite';
import { LedgerError } from '../errors.ts';

/** Larger files are held to their length alone, because reading every page would keep the agent from starting. Bytes. */
const MOST_CHECKED_BYTES = 1024 ** 3;

/**
 * Checks the file's length against its header, every page's structure, and that no programs were added (triggers, views) to the schema.
 * @throws {LedgerError} `ledger/corrupt`.
 */
export function assertWhole(db: DatabaseSync, file: string): void {
  const corrupt = (why: string, cause?: unknown) =>
    new LedgerError(
      'ledger/corrupt',
      `expected a whole database in the data directory, got one that is damaged: ${why}; restore it from a backup`,
      { cause },
    );
  try {
    flushWal(db); // from here on all pages are in the file itself
    const expected = Number(value(db, 'PRAGMA page_count')) * Number(value(db, 'PRAGMA page_size'));
    const { size } = statSync(file);
    if (size < expected) throw corrupt(`${size} of ${expected} bytes are there`);
    const found = size > MOST_CHECKED_BYTES ? 'ok' : String(value(db, 'PRAGMA quick_check(1)'));
    if (found !== 'ok') throw corrupt(found.replaceAll('\n', ' '));
    const added = value(db, "SELECT group_concat(name) FROM sqlite_schema WHERE type IN ('trigger', 'view')");
    if (added !== null) throw corrupt(`its schema has ${String(added).slice(0, 80)}, which no version of the agent made`);
  } catch (cause) {
    throw LedgerError.is(cause) ? cause : corrupt(cause instanceof Error ? cause.message : String(cause), cause);
  }
}

/** Copies the write-ahead log into the database file and empties it, as far as readers allow. */
export function flushWal(db: DatabaseSync): void {
  db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
}

/** The one value of the one row. */
function value(db: DatabaseSync, sql: string): unknown {
  const row = db.prepare(sql).get();
  return row === undefined ? null : Object.values(row)[0];
}
