/** Audits and builds as jobs, on both engines: done once, also when the agent that began them stops or dies, under the id that was promised. */

import type { Job, Ledger } from '@assay/ledger';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import type { StartedLedger } from '../../../../tests/crash/test-ledger.ts';
import { codeOf, ENGINES, NOW, start } from '../../../../tests/crash/test-ledger.ts';
import { createLedgerTaskStore } from './record/ledger-task-store.ts';
import type { TaskRequest } from './run-task.ts';
import type { TaskContext, TaskPorts } from './task.ts';
import { TaskJobs } from './task-jobs.ts';
import { TaskTable } from './task-table.ts';

const TYPE = 'attested_build';
const A = 'a'.repeat(64);

function requestFor(taskId: string, access: string | null = A): TaskRequest {
  const data = { type: TYPE, source: 'contract C {}' };
  return {
    taskId,
    data,
    requestBody: new TextEncoder().encode(JSON.stringify({ task_id: taskId, data })),
    method: 'POST',
    endpoint: '/api/v1/builds',
    nonce: null,
    access,
    origin: 'http://127.0.0.1:8000',
  };
}

/** An agent whose one kind of task does `run`. */
function agentOn({ ledger, keyset }: Pick<StartedLedger, 'ledger' | 'keyset'>, run: (context: TaskContext) => Promise<void>) {
  const input = z.object({});
  const kind = {
    type: TYPE,
    summary: '',
    input,
    answer: input,
    prepare: () => ({
      type: TYPE,
      needs: [],
      attested: false,
      run: async (context: TaskContext) => {
        await run(context);
        return { ending: { status: 'succeeded' as const, message: 'built' }, answer: {} };
      },
    }),
  };
  const types = new Map([[TYPE, kind]]);
  const store = createLedgerTaskStore({ ledger, types: new Set([TYPE]) });
  const tasks = new TaskTable({
    tasks: types,
    most: 4,
    store,
    ledger,
    clock: { now: () => NOW },
    ports: {} as TaskPorts,
    workspacesOf: () => ({}) as TaskPorts['workspaces'],
    attest: async () => {
      throw new Error('nothing is attested here');
    },
    keysetInForce: () => keyset as never,
    sandboxReady: Promise.resolve(),
    onUnexpected: () => undefined,
  });
  const started: string[] = [];
  const jobs = new TaskJobs({ ledger, tasks, onStarted: ({ receiptId }) => started.push(receiptId) });
  return { jobs, store, tasks, started };
}

/** A promise and what resolves it. */
function gate() {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { open, opened };
}

async function endOf(ledger: Ledger, taskId: string): Promise<Job> {
  const job = await ledger.jobs.findByKey('tasks', A, taskId);
  let last = job!;
  for await (const now of ledger.jobs.watch(last.id, AbortSignal.timeout(20_000))) last = now;
  return last;
}

describe.each(ENGINES)('on $engine', ({ place }) => {
  test('a job is listed while it waits, and done under the receipt id that it was promised', async () => {
    const at = await start(await place());
    const { jobs, store, started } = agentOn(at, async () => undefined);
    const { receiptId } = await jobs.add(TYPE, requestFor('t'));
    expect(await store.find('t', A)).toMatchObject({ status: 'queued', receiptId, type: TYPE });
    expect((await store.list({ access: A, limit: 5 })).tasks).toMatchObject([{ taskId: 't', status: 'queued' }]);
    expect(await store.find('t', null)).toBeNull();
    expect(await codeOf(jobs.add(TYPE, requestFor('t')))).toBe('http/conflict');
    const worker = jobs.work(1);
    expect(await endOf(at.ledger, 't')).toMatchObject({ state: 'done', result: { receipt_id: receiptId } });
    await worker.stop();
    expect(await store.find('t', A)).toMatchObject({ status: 'succeeded', receiptId });
    expect(await at.ledger.find(receiptId)).not.toBeNull();
    expect(started).toEqual([receiptId]);
    expect((await jobs.add(TYPE, requestFor('t'))).receiptId).not.toBe(receiptId); // an id that has ended is free
  });

  test('an agent that stops hands its job on, and nothing is sealed twice', async () => {
    const at = await start(await place());
    const began = gate();
    const first = agentOn(at, async ({ signal }) => {
      began.open();
      await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    });
    const { receiptId } = await first.jobs.add(TYPE, requestFor('t'));
    const worker = first.jobs.work(1);
    await began.opened;
    await worker.stop();
    expect(await at.ledger.find(receiptId)).toBeNull();
    const second = agentOn(at, async () => undefined);
    expect(await second.store.find('t', A)).toMatchObject({ status: 'queued', receiptId });
    const next = second.jobs.work(1);
    expect(await endOf(at.ledger, 't')).toMatchObject({ state: 'done', attempt: 1 });
    await next.stop();
    expect(await second.store.find('t', A)).toMatchObject({ status: 'succeeded', receiptId });
    expect((await at.ledger.list({ limit: 10 })).filter(({ taskId }) => taskId === 't')).toHaveLength(1);
  });

  test('a worker that died after the seal leaves a job that ends without doing the work again', async () => {
    const at = await start(await place());
    let runs = 0;
    const { jobs } = agentOn(at, async () => {
      runs += 1;
    });
    const { receiptId } = await jobs.add(TYPE, requestFor('t'));
    const job = (await at.ledger.jobs.findByKey('tasks', A, 't'))!;
    const draft = at.ledger.open({
      ...requestFor('t'),
      taskId: 't',
      task: TYPE,
      reserved: { receiptId, startedAt: NOW },
    });
    const change = { collection: 'job-evidence', key: `${job.id}/receipt`, expectedVersion: 0, value: new Uint8Array() };
    await at.ledger.seal(draft, { changes: [change] });
    const worker = jobs.work(1);
    expect(await endOf(at.ledger, 't')).toMatchObject({ state: 'done', result: { receipt_id: receiptId } });
    await worker.stop();
    expect(runs).toBe(0);
  });

  test('a job that waits is cancelled without a receipt, one that runs with one', async () => {
    const at = await start(await place());
    const began = gate();
    const { jobs, store } = agentOn(at, async ({ signal }) => {
      began.open();
      await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    });
    await jobs.add(TYPE, requestFor('waits'));
    expect([await jobs.cancel('waits', 'b'.repeat(64)), await jobs.cancel('waits', A)]).toEqual([false, true]);
    expect(await store.find('waits', A)).toMatchObject({ status: 'cancelled', code: 'task/cancelled' });
    const { receiptId } = await jobs.add(TYPE, requestFor('runs'));
    const worker = jobs.work(1);
    await began.opened;
    expect(await jobs.cancel('runs', A)).toBe(true);
    await endOf(at.ledger, 'runs');
    await worker.stop();
    expect(await store.find('runs', A)).toMatchObject({ status: 'cancelled', receiptId });
    expect(await at.ledger.find(receiptId)).not.toBeNull();
    expect(await jobs.cancel('runs', A)).toBe(false);
  });
});
