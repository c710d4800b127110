/** A nonce that is asked for and taken in the transaction of its entry, over a bare insert of the same key: processor time, transactions of 32. */

import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDataKey } from '../../packages/ledger/src/data-key-file.ts';
import { BatchWriter } from '../../packages/ledger/src/sqlite/batch-writer.ts';
import { openWriter } from '../../packages/ledger/src/sqlite/database.ts';
import { GrowingTree } from '../../packages/ledger/src/tree.ts';
import type { PlannedBatch } from '../../packages/ledger/src/writer/plan-batch.ts';
import { type BenchRow, median, processorTime } from './figures.ts';

const BATCH = 32;
const NONCES = 6_400;
const MOST = 1.2;
const NOTHING: PlannedBatch = {
  starts: [],
  payloads: [],
  nonces: [],
  changes: [],
  entries: [],
  receipts: [],
  reports: [],
  successions: [],
  discards: [],
  outcomes: [],
};

/** The row of nonces. */
export function nonceCheck(rounds: number): BenchRow {
  const directory = mkdtempSync(join(tmpdir(), 'assay-bench-ledger-'));
  const db = openWriter({ directory });
  const { sql } = db.prepare("SELECT sql FROM sqlite_schema WHERE name = 'nonces'").get() as { sql: string };
  db.exec(sql.replace('nonces', 'bare'));
  const columns = db.prepare('SELECT count(*) AS n FROM pragma_table_info(?)').get('nonces')?.n as number;
  const bare = db.prepare(`INSERT INTO bare VALUES (?, ?${', 0'.repeat(columns - 2)})`);
  const batch = new BatchWriter(db, 'ab'.repeat(16), openDataKey(directory));
  const tree = new GrowingTree(0, () => null);
  let index = 0;
  const transaction = (kind: 'checked' | 'bare', keys: readonly Buffer[]): void => {
    db.exec('BEGIN IMMEDIATE');
    if (kind === 'bare') for (const key of keys) bare.run(key, index++);
    else {
      const { usedNonces } = batch.answer({ nonces: keys.map((key) => key.toString('hex')), rows: [], receipts: [] });
      if (usedNonces.size > 0) throw new Error('a random nonce was used before');
      batch.write({ ...NOTHING, nonces: keys.map((nonce) => ({ nonce, index: index++ })) }, tree, tree.size);
    }
    db.exec('COMMIT');
  };
  const cost = { checked: [] as number[], bare: [] as number[] };
  for (let round = 0; round <= rounds; round += 1)
    for (const kind of round % 2 === 0 ? (['checked', 'bare'] as const) : (['bare', 'checked'] as const)) {
      const keys = Array.from({ length: NONCES / BATCH }, () => Array.from({ length: BATCH }, () => randomBytes(32)));
      const begun = processorTime();
      for (const some of keys) transaction(kind, some);
      if (round > 0) cost[kind].push((processorTime() - begun) / NONCES);
    }
  db.close();
  rmSync(directory, { recursive: true });
  const ratio = median(cost.checked.map((each, n) => each / (cost.bare[n] ?? Number.NaN)));
  return {
    what: 'a nonce asked for and taken, over a bare insert of it',
    figure: `${median(cost.checked).toFixed(1)} and ${median(cost.bare).toFixed(1)} µs of processor time`,
    ratio,
    reach: `≤ ${MOST}`,
    met: ratio <= MOST,
  };
}
