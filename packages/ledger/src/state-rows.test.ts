/** The newest floor is looked for at every start of an agent, also on a store with a million receipts: an index leads to it. */

import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { migrate } from './sqlite/migrations.ts';
import { newestFloor } from './state-rows.ts';

test('the newest floor is found by the index that holds floors alone', () => {
  const db = new DatabaseSync(':memory:');
  migrate(db);
  const asked = newestFloor().next();
  if (asked.done === true) throw new Error('expected a query, got a result');
  const plan = db.prepare(`EXPLAIN QUERY PLAN ${asked.value.text}`).all();
  expect(plan).toEqual([expect.objectContaining({ detail: 'SEARCH receipts USING INDEX receipts_floor (idx>?)' })]);
});
