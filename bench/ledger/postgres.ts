/** Sealed appends on PostgreSQL over bare inserts of the same bytes in batches, on one server, in turn. */

import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { openLedger } from '../../packages/ledger/src/open-ledger.ts';
import { createSigningKeys } from '../../packages/ledger/src/signing-keys.ts';
import { fakeReport } from '../../packages/testing/src/index.ts';
import { freshDatabase, runSql } from '../../tests/postgres/server.ts';
import { type BenchRow, median } from './figures.ts';
import { sealMany } from './small-task.ts';

const IN_FLIGHT = 64;
const APPENDS = 3_200;
const LEAST = 0.5;
const ROW_BYTES = `SELECT avg(length(e.leaf) + length(r.body) + length(r.receipt_id) + length(r.task_id) + length(r.task) + length(r.boot) + 32)
  AS bytes FROM receipts r JOIN entries e ON e.idx = r.idx`;
const PIECE_BYTES = 'SELECT avg(length(hash) + length(bytes)) AS bytes FROM sealed_pieces';

/** The row of PostgreSQL. */
export async function postgresAppends(rounds: number): Promise<BenchRow> {
  const directory = mkdtempSync(join(tmpdir(), 'assay-bench-ledger-'));
  const { url, drop } = await freshDatabase();
  const ledger = await openLedger({ directory, databaseUrl: url });
  const keys = createSigningKeys();
  await ledger.registerReport({ ...fakeReport(keys.keysetEntries), keys });
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query('CREATE TABLE bare (idx BIGINT PRIMARY KEY, bytes BYTEA NOT NULL)');
  await sealMany(ledger, { count: 640, inFlight: IN_FLIGHT });
  const [row] = await runSql(url, ROW_BYTES);
  const [piece] = await runSql(url, PIECE_BYTES);
  const length = Math.round(Number(row?.bytes) + Number(piece?.bytes));
  let index = 0;
  const bare = async (): Promise<void> => {
    for (let done = 0; done < APPENDS; done += IN_FLIGHT) {
      const values = Array.from({ length: IN_FLIGHT }, () => randomBytes(length));
      await client.query({
        name: 'bare',
        text: 'INSERT INTO bare SELECT * FROM unnest($1::bigint[], $2::bytea[])',
        values: [values.map(() => index++), values],
      });
    }
  };
  const seconds = async (work: () => Promise<void>): Promise<number> => {
    const begun = performance.now();
    await work();
    return (performance.now() - begun) / 1000;
  };
  const rates = { append: [] as number[], bare: [] as number[] };
  for (let round = 0; round <= rounds; round += 1) {
    const append = APPENDS / (await seconds(() => sealMany(ledger, { count: APPENDS, inFlight: IN_FLIGHT })));
    const inserted = APPENDS / (await seconds(bare));
    if (round > 0) rates.append.push(append);
    if (round > 0) rates.bare.push(inserted);
  }
  await client.end();
  await ledger.close();
  await drop();
  rmSync(directory, { recursive: true });
  const ratio = median(rates.append.map((each, n) => each / (rates.bare[n] ?? Number.NaN)));
  const whole = (list: readonly number[]) => Math.round(median(list)).toLocaleString('en');
  return {
    what: `sealed appends on PostgreSQL, ${IN_FLIGHT} in flight, over bare inserts of ${length.toLocaleString('en')} bytes, ${IN_FLIGHT} a statement`,
    figure: `${whole(rates.append)} and ${whole(rates.bare)} a second`,
    ratio,
    reach: `≥ ${LEAST}`,
    met: ratio >= LEAST,
  };
}
