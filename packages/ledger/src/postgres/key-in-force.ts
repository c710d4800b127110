/**
 * Which data key a shared database is under: its id stands in `head`, and a rotation sets it. Agents compare it in every transaction that writes
 * what they seal, because an agent that was silent during the rotation, a frozen machine for example, still has the old key.
 */

import type pg from 'pg';
import { LedgerError } from '../errors.ts';

/** Names the lock that writing operations share and that a rotation takes alone for the moment in which the key changes. */
export const KEY_LOCK = 0x6173736b;

/**
 * Begins a transaction in which the data key does not change.
 * @throws {LedgerError} `ledger/data-key-rotated`.
 */
export async function beginUnderKey(client: pg.ClientBase, keyId: string): Promise<void> {
  const answers: unknown = await client.query(
    `BEGIN; SELECT pg_advisory_xact_lock_shared(${KEY_LOCK}); SELECT data_key FROM head WHERE id = 1`,
  );
  const [, , head] = answers as readonly pg.QueryResult[];
  assertInForce(head?.rows[0]?.data_key, keyId);
}

/** @throws {LedgerError} `ledger/data-key-rotated`. */
export function assertInForce(found: unknown, keyId: string): void {
  if (found === keyId) return;
  throw new LedgerError(
    'ledger/data-key-rotated',
    'expected the data key under which this agent started, got another in the database: it was rotated meanwhile; copy the new data-key.json into the data directory and start the agent again',
  );
}
