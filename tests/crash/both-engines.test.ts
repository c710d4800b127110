/**
 * Agents killed with SIGKILL at any step, on every engine: no acknowledged receipt is lost, no nonce is free again, the log does not fork, and
 * no job is done twice. On PostgreSQL two agents run at the same time.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { openLedger } from '../../packages/ledger/src/open-ledger.ts';
import { checkLog } from '../../packages/ledger/src/upkeep/check-log.ts';
import { Child, Promises } from './promises.ts';
import { codeOf, ENGINES, open, type TestPlace } from './test-ledger.ts';

const KILLS = Number(process.env.ASSAY_CRASH_KILLS ?? 10);
const JOBS = 30;

const lineOf = (place: TestPlace) => (typeof place === 'string' ? place : `${place.directory} ${place.databaseUrl}`);
const keptOf = (place: TestPlace) => (typeof place === 'string' ? { directory: place } : place);

async function until(condition: () => boolean, milliseconds = 30_000): Promise<void> {
  for (const end = Date.now() + milliseconds; !condition() && Date.now() < end; ) await sleep(5);
}

describe.each(ENGINES)('on $engine', ({ engine, place: freshPlace }) => {
  test(`${KILLS} kills while sealing`, { timeout: 300_000 }, async () => {
    const place = await freshPlace();
    const promises = new Promises();
    // A second agent seals all the while where the engine lets it.
    const steady = engine === 'postgres' ? await new Child().loaded() : null;
    steady?.start(lineOf(place), promises);
    for (let kill = 0; kill < KILLS; kill += 1) {
      const child = await new Child().loaded();
      const before = promises.acked.size;
      child.start(lineOf(place), promises);
      if (kill % 4 === 3) await sleep(40 + ((kill * 37) % 200));
      else await until(() => promises.acked.size > before + ((kill * 53) % 150));
      await child.kill();
    }
    await steady?.kill();
    expect(promises.failures).toEqual([]);
    expect(promises.forks).toEqual([]);
    expect(promises.acked.size).toBeGreaterThan(KILLS * 10);
    const check = await checkLog(keptOf(place));
    expect(check.problems).toEqual([]);
    const ledger = await openLedger(keptOf(place));
    try {
      for (const [id, { index }] of promises.acked) expect((await ledger.find(id))?.proof.index, id).toBe(index);
      for (const [, { nonce }] of [...promises.acked].slice(-20))
        expect(await codeOf(async () => open(ledger, 'again', nonce).started)).toBe('ledger/nonce-reused');
    } finally {
      await ledger.close();
    }
  });

  test(`${JOBS} jobs under kills are each done once`, { timeout: 300_000 }, async () => {
    const place = await freshPlace();
    const before = await openLedger(keptOf(place));
    const jobs: string[] = [];
    for (let i = 0; i < JOBS; i += 1)
      jobs.push((await before.jobs.add({ queue: 'audit', payload: { i }, attempts: 50, retryMs: 0 })).id);
    await before.close();
    const done = new Set<string>(); // one that was killed between its seal and its end says so twice
    let steps = 0;
    const promises = {
      hear: (said: string) => {
        if (said.startsWith('done')) done.add(said);
        if (said.startsWith('step')) steps += 1;
      },
    };
    for (let kill = 0; kill < KILLS; kill += 1) {
      const child = await new Child({}, 'job-worker.ts').loaded();
      const from = steps;
      child.start(lineOf(place), promises);
      await until(() => steps > from + 2 + (kill % 3));
      await child.kill();
    }
    const last = await new Child({}, 'job-worker.ts').loaded();
    last.start(lineOf(place), promises);
    await until(() => done.size >= JOBS, 60_000);
    await sleep(100); // what was said is written
    await last.kill();
    const after = await openLedger(keptOf(place));
    try {
      const ended = await Promise.all(jobs.map((id) => after.jobs.find(id)));
      expect(ended.filter((job) => job?.state !== 'done' && job?.state !== 'running')).toEqual([]);
      const sealed = (await after.list({ limit: 500 })).filter(({ state }) => state === 'sealed');
      expect(sealed.length).toBe(new Set(sealed.map(({ taskId }) => taskId)).size);
      expect(sealed.length).toBe(JOBS);
    } finally {
      await after.close();
    }
    expect((await checkLog(keptOf(place))).problems).toEqual([]);
  });
});
