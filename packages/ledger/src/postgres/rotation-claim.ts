/**
 * What a rotation of the data key takes of a shared database: a lock for its whole length, so that two never run at the same time, and the change of
 * the key in force, from which on no agent writes under the old one.
 */

import type pg from 'pg';
import type { DataKey } from '../data-key.ts';
import { DATA_KEY_FILE } from '../data-key-file.ts';
import { LedgerError } from '../errors.ts';
import { connect, databaseError } from './connection.ts';
import { KEY_LOCK } from './key-in-force.ts';

/** Names the lock that rotations take turns under. */
const ROTATION_LOCK = 0x61737372;

export class RotationClaim {
  readonly #client: pg.Client;
  /** What the database said of its log when it was claimed, JSON. */
  readonly #log: string;

  private constructor(client: pg.Client, log: string) {
    this.#client = client;
    this.#log = log;
  }

  /**
   * Takes the lock. No agent may run, and the key of the directory must be the database's own.
   * @throws {LedgerError} `ledger/in-use`, `ledger/other-log`, `ledger/unavailable`.
   */
  static async take(url: string, found: DataKey): Promise<RotationClaim> {
    const client = await connect(url);
    try {
      const taken = await client.query('SELECT pg_try_advisory_lock($1) AS taken', [ROTATION_LOCK]);
      if (taken.rows[0]?.taken !== true) throw otherRotation();
      await assertNoAgent(client);
      const { rows } = await client.query("SELECT value FROM meta WHERE key = 'log'");
      const log = String(rows[0]?.value ?? '{}');
      const { dataKey } = JSON.parse(log) as { readonly dataKey?: string };
      if (dataKey === found.id || dataKey === found.previous?.id) return new RotationClaim(client, log);
      throw new LedgerError(
        'ledger/other-log',
        `expected the data key of this database in ${DATA_KEY_FILE}, got another; copy it from the data directory of an agent that uses the database`,
      );
    } catch (cause) {
      await client.end().catch(() => undefined);
      throw databaseError(cause);
    }
  }

  /** Puts the key in force. An agent with the old one alone is refused from here on; one that was just starting is seen by its lease. */
  async putInForce(key: DataKey): Promise<void> {
    const client = this.#client;
    try {
      await client.query('BEGIN');
      await client.query('SELECT pg_advisory_xact_lock($1)', [KEY_LOCK]); // operations under the old key have ended
      const log = JSON.stringify({ ...(JSON.parse(this.#log) as object), dataKey: key.id });
      const { rowCount } = await client.query("UPDATE meta SET value = $1 WHERE key = 'log' AND value = $2", [log, this.#log]);
      if (rowCount !== 1) throw otherRotation();
      await client.query('UPDATE head SET data_key = $1 WHERE id = 1', [key.id]);
      await client.query('COMMIT');
      await assertNoAgent(client);
    } catch (cause) {
      await client.query('ROLLBACK').catch(() => undefined);
      throw databaseError(cause);
    }
  }

  async end(): Promise<void> {
    await this.#client.end();
  }
}

async function assertNoAgent(client: pg.Client): Promise<void> {
  const { rows } = await client.query(
    'SELECT count(*) AS n FROM boots WHERE alive_until > (extract(epoch FROM clock_timestamp()) * 1000)::bigint',
  );
  if (Number(rows[0]?.n) > 0)
    throw new LedgerError(
      'ledger/in-use',
      `expected no agent on the database, got ${rows[0]?.n}; stop them all (one that died counts for 15 s), then run this again`,
    );
}

function otherRotation(): LedgerError {
  return new LedgerError(
    'ledger/in-use',
    'expected one rotation of the data key at a time, got another on this database; wait until it ends, then copy its data-key.json',
  );
}
