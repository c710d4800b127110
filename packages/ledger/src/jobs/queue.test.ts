/** The queue: every job ends once, even when workers die; steps are done once; keys take turns (jobs/port.ts). */

import type { Json } from '@assay/encoding/json';
import { describe, expect, test } from 'vitest';
import { codeOf, ENGINES, NOW, open, start } from '../../../../tests/crash/test-ledger.ts';
import { LedgerError } from '../errors.ts';
import type { Ledger } from '../port.ts';
import type { LogStore } from '../store.ts';
import type { Job, JobHandler } from './port.ts';
import { JobQueue } from './queue.ts';

const FAST = { leaseMs: 60_000 };
const A = 'a'.repeat(64);
const B = 'b'.repeat(64);

async function ended(ledger: Pick<Ledger, 'jobs'>, id: string): Promise<Job> {
  let last: Job | null = null;
  for await (const job of ledger.jobs.watch(id, AbortSignal.timeout(20_000))) last = job;
  return last!;
}

/** A promise and what resolves it. */
function gate() {
  let resolve = (): void => undefined;
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}

/** A queue of another process on the same store, with a clock of its own. */
const another = (store: LogStore, now: () => number) => new JobQueue({ ...store, shared: true }, { now });

describe.each(ENGINES)('on $engine', ({ place }) => {
  async function ledgerOf() {
    return start(await place(), { silent: true });
  }

  describe('a job', () => {
    test('is done once, with its result, and can be watched', async () => {
      const { ledger } = await ledgerOf();
      const { id, state } = await ledger.jobs.add({ queue: 'audit', payload: { source: 'x' }, owner: A });
      expect(state).toBe('queued');
      const states: string[] = [];
      const watching = (async () => {
        for await (const job of ledger.jobs.watch(id, AbortSignal.timeout(20_000))) states.push(job.state);
      })();
      let runs = 0;
      ledger.jobs.work('audit', async (job) => {
        runs += 1;
        return { source: job.payload.source ?? null, attempt: job.attempt, owner: job.owner };
      });
      await watching;
      expect([states[0], states.at(-1), runs]).toEqual(['queued', 'done', 1]);
      expect(await ledger.jobs.find(id)).toMatchObject({
        result: { source: 'x', attempt: 1, owner: A },
        error: null,
        attempt: 1,
      });
      expect(await ledger.jobs.find('job_none')).toBeNull();
    });

    test('a second request with the same key is the first job, for the same owner only', async () => {
      const { ledger } = await ledgerOf();
      const add = (owner: string | null, key?: string) => ledger.jobs.add({ queue: 'audit', payload: {}, owner, key });
      const first = await add(A, 'k');
      expect((await add(A, 'k')).id).toBe(first.id);
      const others = [await add(B, 'k'), await add(null, 'k'), await add(A), await add(A)];
      expect(new Set([first.id, ...others.map(({ id }) => id)]).size).toBe(5);
      expect((await ledger.jobs.list({ owner: A, limit: 10 })).length).toBe(3);
      expect((await ledger.jobs.list({ owner: null, limit: 10 })).map(({ owner }) => owner)).toEqual([null]);
      const page = await ledger.jobs.list({ limit: 2 });
      expect((await ledger.jobs.list({ limit: 10, before: page.at(-1)!.cursor })).length).toBe(3);
    });

    test('is tried again after what may pass, and not after what is final', async () => {
      const { ledger } = await ledgerOf();
      const errors: Readonly<Record<string, () => Error>> = {
        'ledger/unavailable': () => new LedgerError('ledger/unavailable', 'the disk is away; wait'),
        'ledger/conflict': () => new LedgerError('ledger/conflict', 'it moved; read it again'),
        'job/failed': () => new Error('secret path /root/key'),
      };
      ledger.jobs.work('audit', async (job) => {
        throw errors[String(job.payload.error)]!();
      });
      const fail = async (error: string, attempts: number) => {
        const { id } = await ledger.jobs.add({ queue: 'audit', payload: { error }, attempts, retryMs: 0 });
        const { state, attempt, error: fault } = await ended(ledger, id);
        expect(JSON.stringify(fault)).not.toContain('secret');
        return [state, attempt, fault?.code];
      };
      expect(await fail('ledger/unavailable', 3)).toEqual(['failed', 3, 'ledger/unavailable']);
      expect(await fail('ledger/conflict', 3)).toEqual(['failed', 1, 'ledger/conflict']);
      expect(await fail('job/failed', 2)).toEqual(['failed', 2, 'job/failed']);
      const dead = await ledger.jobs.list({ state: 'failed', limit: 10 });
      expect(dead.length).toBe(3);
      expect(await ledger.jobs.retry(dead[0]!.id)).toBe(true);
      expect((await ended(ledger, dead[0]!.id)).attempt).toBe(2);
    });

    test('a finished step is not done again by the next attempt', async () => {
      const { ledger } = await ledgerOf();
      const did: string[] = [];
      const step = (name: string, result: Json) => async () => {
        did.push(name);
        return result;
      };
      ledger.jobs.work('build', async (job) => {
        const one = await job.step('fetch', step('fetch', { n: 1 }));
        if (job.attempt === 1) throw new LedgerError('ledger/unavailable', 'the network is away; wait');
        return [one, await job.step('compile', step('compile', 'ok'))];
      });
      const { id } = await ledger.jobs.add({ queue: 'build', payload: {}, retryMs: 0 });
      expect((await ended(ledger, id)).result).toEqual([{ n: 1 }, 'ok']);
      expect(did).toEqual(['fetch', 'compile']);
    });

    test('the receipt of a step is the only one', async () => {
      const { ledger } = await start(await place());
      const codes: string[] = [];
      ledger.jobs.work('audit', async (job) => {
        for (let i = 0; i < 2; i += 1)
          codes.push(await codeOf(ledger.seal(open(ledger, `audit-${i}`), { changes: [job.evidence('sealed')] })));
        return null;
      });
      await ended(ledger, (await ledger.jobs.add({ queue: 'audit', payload: {} })).id);
      expect(codes).toEqual(['nothing thrown', 'ledger/conflict']);
    });

    test('progress reaches watchers', async () => {
      const { ledger } = await ledgerOf();
      const seen = gate();
      ledger.jobs.work('audit', async (job) => {
        job.progress({ percent: 40 });
        await seen.promise;
        job.progress({ percent: 100 });
        return null;
      });
      const { id } = await ledger.jobs.add({ queue: 'audit', payload: {} });
      for await (const { progress } of ledger.jobs.watch(id, AbortSignal.timeout(20_000)))
        if ((progress as { percent?: number } | null)?.percent === 40) seen.resolve();
      expect((await ledger.jobs.find(id))?.progress).toEqual({ percent: 100 });
    });

    test('is cancelled while it waits and while it runs, and not after its end', async () => {
      const { ledger } = await ledgerOf();
      const running = gate();
      const reasons: string[] = [];
      const waits: JobHandler = async (job) => {
        running.resolve();
        await new Promise((resolve) => job.signal.addEventListener('abort', resolve));
        reasons.push(job.signal.reason.code);
        throw job.signal.reason;
      };
      const [first, second] = [
        await ledger.jobs.add({ queue: 'audit', payload: {} }),
        await ledger.jobs.add({ queue: 'audit', payload: {} }),
      ];
      const worker = ledger.jobs.work('audit', waits);
      await running.promise;
      expect(await ledger.jobs.cancel(second.id)).toBe(true);
      expect(await ledger.jobs.cancel(first.id)).toBe(true);
      expect((await ended(ledger, first.id)).state).toBe('cancelled');
      expect(reasons).toEqual(['job/cancelled']);
      expect((await ended(ledger, second.id)).state).toBe('cancelled');
      expect(await ledger.jobs.cancel(first.id)).toBe(false);
      expect(await ledger.jobs.retry((await ledger.jobs.add({ queue: 'audit', payload: {} })).id)).toBe(false);
      await worker.stop();
    });

    test.each<[string, (ledger: Ledger) => Promise<unknown>, string]>([
      ['a queue without a name', (l) => l.jobs.add({ queue: 'Audit!', payload: {} }), 'job/bad-name'],
      ['a vast payload', (l) => l.jobs.add({ queue: 'a', payload: { x: 'x'.repeat(300_000) } }), 'job/too-large'],
      [
        'two workers on one queue',
        async (l) => [l.jobs.work('a', async () => null), l.jobs.work('a', async () => null)],
        'job/bad-name',
      ],
    ])('%s is refused', async (_, attempt, code) => {
      const { ledger } = await ledgerOf();
      expect(await codeOf(attempt(ledger))).toBe(code);
    });

    test('a result beyond the bound fails the job', async () => {
      const { ledger } = await ledgerOf();
      ledger.jobs.work('audit', async () => 'x'.repeat(2_000_000));
      const { id } = await ledger.jobs.add({ queue: 'audit', payload: {} });
      expect((await ended(ledger, id)).error?.code).toBe('job/too-large');
    });
  });

  describe('turns', () => {
    test('between keys first, then priority among the jobs of one key', async () => {
      const { ledger } = await ledgerOf();
      const add = (owner: string, name: string, priority = 0) =>
        ledger.jobs.add({ queue: 'audit', payload: { name }, owner, priority });
      for (let i = 0; i < 4; i += 1) await add(A, `a${i}`);
      await add(A, 'a-urgent', 9);
      await add(B, 'b0');
      const last = await add(B, 'b1');
      const order: string[] = [];
      const all = gate();
      ledger.jobs.work('audit', async ({ payload }) => {
        order.push(String(payload.name));
        if (order.length === 7) all.resolve();
        return null;
      });
      await all.promise;
      await ended(ledger, last.id);
      expect(order).toEqual(['a-urgent', 'b0', 'a0', 'b1', 'a1', 'a2', 'a3']);
    });

    test('as many run at once as were allowed', async () => {
      const { ledger } = await ledgerOf();
      let running = 0;
      let most = 0;
      const full = gate();
      ledger.jobs.work(
        'audit',
        async () => {
          running += 1;
          most = Math.max(most, running);
          if (running === 3) full.resolve();
          await full.promise;
          running -= 1;
          return null;
        },
        { concurrency: 3 },
      );
      const jobs = await Promise.all(Array.from({ length: 12 }, () => ledger.jobs.add({ queue: 'audit', payload: {} })));
      for (const { id } of jobs) expect((await ended(ledger, id)).state).toBe('done');
      expect(most).toBe(3);
    });
  });

  describe('a worker that goes away', () => {
    test('stopped: the job goes on with the next one, and the attempt does not count', async () => {
      const { ledger } = await ledgerOf();
      const running = gate();
      const { id } = await ledger.jobs.add({ queue: 'audit', payload: {}, attempts: 1 });
      const first = ledger.jobs.work('audit', async (job) => {
        running.resolve();
        await new Promise((resolve) => job.signal.addEventListener('abort', resolve));
        expect(job.signal.reason).toMatchObject({ code: 'job/stopped' });
        throw job.signal.reason;
      });
      await running.promise;
      await first.stop();
      expect(await ledger.jobs.find(id)).toMatchObject({ state: 'queued', attempt: 0 });
      ledger.jobs.work('audit', async () => 'second');
      expect(await ended(ledger, id)).toMatchObject({ result: 'second', attempt: 1 });
    });

    test('frozen beyond its lease: it can neither end the job nor store a step; the other one ends it', async () => {
      const { ledger, store } = await ledgerOf();
      let time = 1_000_000;
      const frozen = another(store, () => time);
      const running = gate();
      const thaw = gate();
      const said = gate();
      const codes: string[] = [];
      frozen.work(
        'audit',
        async (job) => {
          running.resolve();
          await thaw.promise;
          codes.push(await codeOf(job.step('late', async () => 1)));
          said.resolve();
          return 'frozen';
        },
        FAST,
      );
      const { id } = await frozen.add({ queue: 'audit', payload: {} });
      await running.promise;
      time += FAST.leaseMs + 1;
      const other = another(store, () => time);
      other.work('audit', async () => 'other', FAST);
      const job = await ended({ jobs: other }, id);
      expect(job).toMatchObject({ state: 'done', result: 'other', attempt: 2 });
      thaw.resolve();
      await said.promise;
      await frozen.close();
      expect(codes).toEqual(['job/lost']);
      expect(await ledger.jobs.find(id)).toEqual(job);
      await other.close();
    });

    test('dead in every attempt: the job becomes a dead letter', async () => {
      const { store } = await ledgerOf();
      let time = 1_000_000;
      const dead = another({ ...store, change: async (...args) => store.change(...args) }, () => time);
      const { id } = await dead.add({ queue: 'audit', payload: {}, attempts: 1 });
      const started = gate();
      const never = gate();
      dead.work(
        'audit',
        async () => {
          started.resolve();
          await never.promise;
          return null;
        },
        FAST,
      );
      await started.promise;
      time += FAST.leaseMs + 1;
      const other = another(store, () => time);
      other.work('audit', async () => 'other', FAST);
      expect(await ended({ jobs: other }, id)).toMatchObject({ state: 'failed', error: { code: 'job/worker-lost' } });
      never.resolve();
      await dead.close();
      await other.close();
    });

    test('with its process: the next start takes the job over at once', async () => {
      const path = await place();
      const first = await start(path, { silent: true });
      const running = gate();
      const lost = new JobQueue({ ...first.store, shared: true }, { now: () => NOW - 60_000 });
      const { id } = await lost.add({ queue: 'audit', payload: {} });
      lost.work('audit', async (job) => {
        await job.step('one', async () => 'kept');
        running.resolve();
        await new Promise(() => undefined);
        return null;
      });
      await running.promise;
      await first.close();
      const second = await start(path, { silent: true });
      second.ledger.jobs.work('audit', async (job) => job.step('one', async () => 'done again'));
      expect(await ended(second.ledger, id)).toMatchObject({ state: 'done', result: 'kept', attempt: 2 });
    });
  });

  test('a queue takes a bounded number of jobs', async () => {
    const { ledger } = await ledgerOf();
    const codes: string[] = [];
    // Four hundred at a time: a write that waits too long for its turn is refused as unavailable.
    for (let begun = 0; begun < 2_001; begun += 400) {
      const some = Array.from({ length: Math.min(400, 2_001 - begun) }, () =>
        codeOf(ledger.jobs.add({ queue: 'audit', payload: {} })),
      );
      codes.push(...(await Promise.all(some)));
    }
    const count = (wanted: string): number => codes.filter((code) => code === wanted).length;
    expect([codes.length, count('nothing thrown'), count('job/queue-full')]).toEqual([2_001, 2_000, 1]);
  });
});
