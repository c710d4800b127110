/** Tables of API keys (rows/operation.ts says in which words). The keys themselves moved into the state, under a generation (key-book.ts). */

import { LedgerError } from '../errors.ts';

export const KEY_TABLES = `
CREATE TABLE api_keys (cursor SERIAL, access TEXT NOT NULL UNIQUE, name TEXT NOT NULL UNIQUE, record TEXT NOT NULL);
CREATE TABLE key_usage (access TEXT NOT NULL, day TEXT NOT NULL, requests NUMBER NOT NULL, tasks NUMBER NOT NULL, tokens NUMBER NOT NULL,
  bytes NUMBER NOT NULL, PRIMARY KEY (access, day));
CREATE INDEX key_usage_day ON key_usage (day);
CREATE INDEX IF NOT EXISTS receipts_access ON receipts (access, cursor);
`;

export const KEYS_IN_STATE = 'DROP TABLE api_keys;';

/** Counts the keys of the table that {@link KEYS_IN_STATE} drops. */
export const COUNT_TABLE_KEYS = 'SELECT count(*) AS n FROM api_keys';

/**
 * An agent without keys is open to its machine, so a table with keys is not dropped.
 * @throws {LedgerError} `ledger/keys-in-table`.
 */
export function assertNoTableKeys(count: number): void {
  if (count > 0)
    throw new LedgerError(
      'ledger/keys-in-table',
      `expected API keys that are in the log, got ${count} in the table api_keys of an earlier schema, which this release does not read; set ASSAY_API_KEY, delete the rows of api_keys, start the agent, and make the keys again`,
    );
}
