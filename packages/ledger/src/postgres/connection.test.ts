/** A connection that the server ends while it is in use is a coded error of the next query, not the end of the process. */

import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, onTestFinished, test } from 'vitest';
import { freshDatabase, HAS_POSTGRES } from '../../../../tests/postgres/server.ts';
import { connect, openPool } from './connection.ts';

describe.skipIf(!HAS_POSTGRES)('a server that ends a connection', () => {
  test.each([
    ['at once', 'SELECT pg_terminate_backend($1)', 0],
    ['because its transaction waited too long', "SELECT set_config('idle_in_transaction_session_timeout', '50', false)", 50],
  ])('%s, between two queries of a transaction: the next query fails, the one after it does not', async (_, words, wait) => {
    const { url, drop } = await freshDatabase();
    const pool = await openPool(url);
    const other = await connect(url);
    onTestFinished(async () => {
      await other.end();
      await pool.end();
      await drop();
    });
    const client = await pool.connect();
    const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
    if (wait > 0) await client.query(words);
    await client.query('BEGIN');
    if (wait === 0) await other.query(words, [rows[0]?.pid]);
    await sleep(wait + 300);
    await expect(client.query('SELECT 1')).rejects.toThrow();
    client.release(true);
    expect((await pool.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
  });
});
