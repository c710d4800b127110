/**
 * Tables of upkeep (rows/operation.ts says in which words): what was done to the store by a command, until an agent has logged it; and which
 * payloads are erased, by the entry of the receipt that kept them. `erasures` counts deletions, so that a writer that stored a payload ahead of
 * its transaction notices one in between.
 */

export const UPKEEP_LOG_TABLES = `
CREATE TABLE upkeep_log (id TEXT PRIMARY KEY, about TEXT NOT NULL, done NUMBER NOT NULL, logged TEXT);
CREATE INDEX upkeep_log_open ON upkeep_log (id) WHERE logged IS NULL;
CREATE TABLE erased_payloads (idx NUMBER NOT NULL, hash BYTES NOT NULL, PRIMARY KEY (idx, hash));
ALTER TABLE head ADD COLUMN erasures NUMBER NOT NULL DEFAULT 0;
`;

/** The id of the data key that a shared database is under (postgres/key-in-force.ts). */
export const HEAD_DATA_KEY = 'ALTER TABLE head ADD COLUMN data_key TEXT;';
