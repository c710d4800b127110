/**
 * Which starts of which agents are alive, by the clock of the database: a task of a start that is not is shown as interrupted, by every
 * agent.
 */

import type pg from 'pg';

const LEASE_MS = 15_000;
const BEAT_MS = 5_000;
const NOW = '(extract(epoch FROM clock_timestamp()) * 1000)::bigint';

export class BootLease {
  readonly #pool: pg.Pool;
  readonly #boot: string;
  readonly #keyId: string;
  readonly #timer: NodeJS.Timeout;

  private constructor(pool: pg.Pool, boot: string, keyId: string) {
    this.#pool = pool;
    this.#boot = boot;
    this.#keyId = keyId;
    this.#timer = setInterval(() => {
      this.#beat().catch(() => undefined); // the next beat tries again
    }, BEAT_MS);
    this.#timer.unref();
  }

  /** Writes the row of this start, and forgets those that ended a day ago. It is kept alive while the data key `keyId` is in force. */
  static async take(pool: pg.Pool, boot: string, keyId: string): Promise<BootLease> {
    await pool.query(`DELETE FROM boots WHERE alive_until < ${NOW} - 86400000`);
    await pool.query(`INSERT INTO boots VALUES ($1, $2, ${NOW}, ${NOW} + ${LEASE_MS})`, [boot, boot.slice(0, 16)]);
    return new BootLease(pool, boot, keyId);
  }

  async end(): Promise<void> {
    clearInterval(this.#timer);
    await this.#pool.query(`UPDATE boots SET alive_until = ${NOW} WHERE boot = $1`, [this.#boot]).catch(() => undefined);
  }

  async #beat(): Promise<void> {
    await this.#pool.query(
      `UPDATE boots SET alive_until = ${NOW} + ${LEASE_MS} WHERE boot = $1 AND EXISTS (SELECT 1 FROM head WHERE data_key = $2)`,
      [this.#boot, this.#keyId],
    );
  }
}
