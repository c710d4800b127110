/**
 * A log whose writers are killed with SIGKILL at random moments, read after each kill by Go's checksum-database packages
 * (../differential/sumdb-judge.ts): it continues the log of the kill before, and the proofs of acknowledged receipts and the tiles hold. On PostgreSQL two
 * writers share the log: one is killed, and the other goes on while Go reads. In the end `assay log fsck` finds nothing.
 */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, describe, expect, test } from 'vitest';
import { openLedger } from '../../packages/ledger/src/open-ledger.ts';
import { checkLog } from '../../packages/ledger/src/upkeep/check-log.ts';
import { buildJudge, judgedLog } from '../differential/sumdb-judge.ts';
import { Child, Promises } from './promises.ts';
import { ENGINES, type TestPlace } from './test-ledger.ts';

const KILLS = Number(process.env.ASSAY_CRASH_KILLS ?? 6);
const MOST_LIFE_MS = 400;
const ITEMS = 12;
const LOOKED_FOR = 30;

const directory = mkdtempSync(join(tmpdir(), 'assay-sumdb-kills-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));
const judge = buildJudge(directory);

const lineOf = (place: TestPlace) => (typeof place === 'string' ? place : `${place.directory} ${place.databaseUrl}`);
const keptOf = (place: TestPlace) => (typeof place === 'string' ? { directory: place } : place);
const randomBelow = (most: number) => Math.floor(Math.random() * most);

describe.skipIf(judge === null).each(ENGINES)('on $engine', ({ engine, place: freshPlace }) => {
  test(`Go accepts the log after each of ${KILLS} kills of its writers`, { timeout: 600_000 }, async () => {
    const place = await freshPlace();
    const promises = new Promises();
    const begin = async (): Promise<Child> => {
      const child = await new Child().loaded();
      child.start(lineOf(place), promises);
      return child;
    };
    /** The writers alive. The embedded store has one at a time. */
    const writers = [await begin(), ...(engine === 'postgres' ? [await begin()] : [])];
    let old: string | null = null;
    for (let kill = 0; kill < KILLS; kill += 1) {
      // A third of the lives may end before anything was acknowledged.
      const acknowledged = promises.acked.size;
      if (kill === 0 || randomBelow(3) > 0)
        while (promises.acked.size === acknowledged && promises.failures.length === 0) await sleep(5);
      await sleep(randomBelow(MOST_LIFE_MS));
      const [killed] = writers.splice(randomBelow(writers.length), 1);
      await killed?.kill();
      const ledger = await openLedger(keptOf(place));
      try {
        const known = [...promises.acked];
        const receiptIds = Array.from({ length: ITEMS }, () => known[randomBelow(known.length)]?.[0] ?? '');
        const log = await judgedLog(ledger, { old: old ?? (await ledger.checkpoint()), receiptIds });
        expect(log.Items.map(({ Index }) => Index)).toEqual(receiptIds.map((id) => promises.acked.get(id)?.index));
        const answers = judge?.(log) ?? [];
        expect(answers).toHaveLength(3 + 2 * ITEMS);
        expect(answers.filter((line) => !line.endsWith(' ok'))).toEqual([]);
        old = log.Note;
      } finally {
        await ledger.close();
      }
      writers.push(await begin());
    }
    for (const writer of writers) await writer.kill();
    expect(promises.failures).toEqual([]);
    expect(promises.forks).toEqual([]);
    expect((await checkLog(keptOf(place))).problems).toEqual([]);
    const ledger = await openLedger(keptOf(place));
    try {
      // All of them are looked for in both-engines.test.ts.
      for (const [id, { index }] of [...promises.acked].slice(-LOOKED_FOR))
        expect((await ledger.find(id))?.proof.index, id).toBe(index);
    } finally {
      await ledger.close();
    }
  });
});
