/**
 * Faults that leave no process dead, on every engine: what is delivered twice, clocks that jump, an older schema. After each: no receipt twice in
 * the log, no nonce twice, nothing acknowledged lost.
 */

import { fakeReport } from '@assay/testing';
import { describe, expect, test } from 'vitest';
import { LedgerError } from '../../packages/ledger/src/errors.ts';
import { createLedger } from '../../packages/ledger/src/ledger.ts';
import { openStore } from '../../packages/ledger/src/open-ledger.ts';
import { createSigningKeys } from '../../packages/ledger/src/signing-keys.ts';
import type { LogStore } from '../../packages/ledger/src/store.ts';
import { checkLog } from '../../packages/ledger/src/upkeep/check-log.ts';
import { runSql } from '../postgres/server.ts';
import { atEnd, codeOf, downgrade, ENGINES, NOW, open, run, start, type TestPlace } from './test-ledger.ts';

const NONCE = 'cd'.repeat(32);
const DAY_MS = 86_400_000;
const keptOf = (place: TestPlace) => (typeof place === 'string' ? { directory: place } : place);

/** A ledger whose time the test sets, over a store that may be changed on the way. */
async function withClock(place: TestPlace, change: (store: LogStore) => LogStore = (store) => store) {
  let time = NOW;
  const store = await openStore(keptOf(place));
  const ledger = createLedger({ store: change(store), clock: { now: () => time } });
  atEnd(() => ledger.close());
  const keys = createSigningKeys();
  await ledger.registerReport({ ...fakeReport(keys.keysetEntries), keys });
  return {
    ledger,
    at: (ms: number) => {
      time = ms;
    },
  };
}

describe.each(ENGINES)('on $engine', ({ engine, place: freshPlace }) => {
  test('a seal whose answer was lost, delivered again, is in the log once', async () => {
    const place = await freshPlace();
    let lose = 0;
    const { ledger } = await withClock(place, (store) => ({
      ...store,
      seal: async (entry) => {
        const sealed = await store.seal(entry);
        lose -= 1;
        if (lose === 0) throw new LedgerError('ledger/unavailable', 'the answer was lost');
        return sealed;
      },
    }));
    const draft = open(ledger, 'a');
    draft.append({ type: 'task.failed', code: 'task/failed' });
    lose = 1;
    expect(await codeOf(ledger.seal(draft))).toBe('ledger/unavailable');
    expect(await codeOf(ledger.seal(draft))).toBe('ledger/conflict');
    expect((await ledger.find(draft.receiptId))?.proof.index).toBe(1);
    expect((await run(ledger, 'b')).proof.index).toBe(2);
    const refused = open(ledger, 'c', NONCE);
    lose = 1;
    expect(await codeOf(ledger.seal(refused))).toBe('ledger/unavailable');
    expect(['ledger/conflict', 'ledger/nonce-reused']).toContain(await codeOf(ledger.seal(refused)));
    expect(await checkLog(keptOf(place))).toMatchObject({ size: 4, problems: [] });
  });

  test('a clock that jumps by years, both ways: entries stay in order, nonces used, keysets in their time', async () => {
    const place = await freshPlace();
    const { ledger, at } = await withClock(place);
    const first = await run(ledger, 'a', NONCE);
    const jumps = [NOW + 400 * DAY_MS, NOW - 400 * DAY_MS, NOW + 1, 1, NOW + 2];
    for (const [i, time] of jumps.entries()) {
      at(time);
      await run(ledger, `t-${i}`);
      expect(await codeOf(run(ledger, 'again', NONCE))).toBe('ledger/nonce-reused');
    }
    const job = await ledger.jobs.add({ queue: 'q', payload: {}, key: 'once' });
    at(NOW + 5 * DAY_MS);
    expect((await ledger.jobs.add({ queue: 'q', payload: {}, key: 'once' })).id).toBe(job.id);
    at(NOW - 5 * DAY_MS);
    expect((await ledger.jobs.add({ queue: 'q', payload: {}, key: 'once' })).id).toBe(job.id);
    at(4_000_000_000_000); // the end of the keyset
    expect(await codeOf(run(ledger, 'late'))).toBe('ledger/report-missing');
    at(NOW);
    expect((await ledger.find(first.receiptId))?.proof.index).toBe(1);
    expect(await checkLog(keptOf(place))).toMatchObject({ size: 7, receipts: 6, problems: [] });
  });

  test('a database of an older schema is brought up to date, and nothing of it is lost', async () => {
    const place = await freshPlace();
    const first = await start(place);
    const { receiptId } = await run(first.ledger, 'a', NONCE);
    await first.close();
    if (typeof place === 'string') downgrade(place, 3).close();
    else {
      const { ROOM_TABLES } = await import('../../packages/ledger/src/rows/tables.ts');
      const rooms = ROOM_TABLES.flatMap((sql) => [...sql.matchAll(/CREATE TABLE (\w+)/g)].map(([, name = '']) => name));
      for (const table of rooms) await runSql(place.databaseUrl, `DROP TABLE IF EXISTS ${table}`);
      await runSql(
        place.databaseUrl,
        "DROP INDEX receipts_entry; DROP INDEX receipts_floor; DROP INDEX IF EXISTS receipts_access; ALTER TABLE state DROP COLUMN sealed; ALTER TABLE head DROP COLUMN erasures; ALTER TABLE head DROP COLUMN data_key; UPDATE meta SET value = '1' WHERE key = 'schema'",
      );
    }
    const { ledger } = await start(place);
    expect((await ledger.find(receiptId))?.proof.index).toBe(1);
    expect(await codeOf(run(ledger, 'again', NONCE))).toBe('ledger/nonce-reused');
    await run(ledger, 'b');
    await ledger.keys.add({ name: 'a' });
    // The payload of the older schema stood in a table that is gone here: that is all that is missing.
    const { problems } = await checkLog(keptOf(place));
    expect(problems.map(({ what }) => what.replace(/[0-9a-f]{64}/, ''))).toEqual(['the payload sha256: is missing']);
    expect(engine).toMatch(/sqlite|postgres/);
  });
});
