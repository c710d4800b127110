/**
 * Audits and builds as durable jobs: a request that was accepted is done, also when its agent stops or dies before; the next one, or another
 * agent on the same store, begins it again under the same task and receipt id. The receipt is sealed once: it commits together with the row
 * that says so.
 */

import { randomUUID } from 'node:crypto';
import { isCoded } from '@assay/encoding/coded-error';
import type { JsonObject } from '@assay/encoding/json';
import type { Job, JobWorker, Ledger, ReservedReceipt, RunningJob } from '@assay/ledger';
import { ServerError } from '../errors.ts';
import type { TaskStatus } from '../ports/task-events.ts';
import type { TaskRecord } from '../ports/task-store.ts';
import { contentTypeOf, requestDocument, requestedData } from './request-document.ts';
import type { RunningTask, TaskRequest } from './run-task.ts';
import type { TaskTable } from './task-table.ts';
import { titleOf } from './title.ts';

const QUEUE = 'tasks';
/** How often a job is begun; an agent that dies uses one up, one that stops in order does not. */
const ATTEMPTS = 5;
const RETRY_MS = 2_000;

/** Kinds of work that are jobs when they are asked for at their own address. */
export const JOB_TASKS: ReadonlySet<string> = new Set(['attested_audit', 'attested_build']);

export interface TaskJobsOptions {
  readonly ledger: Ledger;
  readonly tasks: Pick<TaskTable, 'start'>;
  /** Told of each task that begins. */
  readonly onStarted: (task: RunningTask) => void;
}

export interface AcceptedJob {
  readonly taskId: string;
  readonly receiptId: string;
}

export class TaskJobs {
  readonly #options: TaskJobsOptions;

  constructor(options: TaskJobsOptions) {
    this.#options = options;
  }

  /** Does jobs, `concurrency` at the same time, until it is stopped; those that run then go to the next worker. */
  work(concurrency: number): JobWorker {
    return this.#options.ledger.jobs.work(QUEUE, (job) => this.#carryOut(job), { concurrency });
  }

  /**
   * Accepts work whose request was checked; resolves when it is durable.
   * @throws {ServerError} `http/conflict` for an id in use; {LedgerError} `ledger/nonce-reused`, `job/queue-full`.
   */
  async add(type: string, request: TaskRequest): Promise<AcceptedJob> {
    const { ledger } = this.#options;
    const { access, nonce } = request;
    const taskId = request.taskId ?? randomUUID();
    const reserved = await ledger.reserve({ taskId, task: type, nonce, access });
    const { receiptId } = reserved;
    try {
      const job = await ledger.jobs.add({
        ...JOB,
        owner: access,
        key: taskId,
        input: request.requestBody,
        payload: payloadOf(type, { ...request, taskId, reserved }),
      });
      if (job.payload.receipt_id === receiptId) return { taskId, receiptId };
    } catch (error) {
      await ledger.unreserve(reserved);
      throw error;
    }
    await ledger.unreserve(reserved);
    throw new ServerError('http/conflict', 'a task with this task_id is running; choose another id, or leave it out');
  }

  /** Ends a job that has not ended; `false` when there is none. */
  async cancel(taskId: string, access: string | null): Promise<boolean> {
    const job = await openJob(this.#options.ledger, taskId, access);
    return job !== null && this.#options.ledger.jobs.cancel(job.id);
  }

  async #carryOut(job: RunningJob): Promise<JsonObject> {
    const { ledger, tasks, onStarted } = this.#options;
    const { task_id, receipt_id, started_at, type, method, endpoint, nonce, origin, sealed } = job.payload;
    const done = { receipt_id: String(receipt_id) };
    // A worker that died between the seal and the end of the job.
    if ((await ledger.find(done.receipt_id)) !== null) return done;
    const body = (await job.input()) ?? new Uint8Array();
    const { json } = await requestDocument(body, contentTypeOf(body));
    const task = tasks.start({
      taskId: String(task_id),
      data: { ...requestedData(json as Parameters<typeof requestedData>[0]), type },
      mayWait: true,
      requestBody: body,
      method: String(method),
      endpoint: String(endpoint),
      nonce: nonce === null ? null : String(nonce),
      access: job.owner,
      origin: String(origin),
      sealed: sealed === true,
      reserved: { receiptId: done.receipt_id, startedAt: Number(started_at) },
      changes: [job.evidence('receipt')],
    });
    task.started.then(
      () => onStarted(task),
      () => undefined,
    );
    const stop = (): void => {
      const cancelled = isCoded(job.signal.reason) && job.signal.reason.code === 'job/cancelled';
      if (cancelled) task.cancel('task/cancelled');
      else task.abandon();
    };
    job.signal.addEventListener('abort', stop, { once: true });
    if (job.signal.aborted) stop();
    await task.outcome;
    return done;
  }
}

const JOB = { queue: QUEUE, attempts: ATTEMPTS, retryMs: RETRY_MS };

/** What a worker needs to know in addition to the request's body. */
function payloadOf(
  type: string,
  request: TaskRequest & { readonly taskId: string; readonly reserved: ReservedReceipt },
): JsonObject {
  const { taskId, reserved, data, method, endpoint, nonce, origin, sealed = false } = request;
  return {
    task_id: taskId,
    receipt_id: reserved.receiptId,
    started_at: reserved.startedAt,
    type,
    title: titleOf({ ...data, type }),
    method,
    endpoint,
    nonce,
    origin,
    sealed,
  };
}

/** What is known of a task that has no receipt yet, from its job; `null` when there is none. */
export async function jobRecord(ledger: Ledger, taskId: string, access: string | null): Promise<TaskRecord | null> {
  const job = (await ledger.jobs.findByKey(QUEUE, access, taskId)) ?? (await ledger.jobs.findByKey(QUEUE, null, taskId));
  if (job === null) return null;
  const { receipt_id, type, title, started_at } = job.payload;
  return {
    taskId,
    receiptId: String(receipt_id),
    type: String(type),
    title: String(title),
    status: STATUS[job.state],
    acceptedAt: Number(started_at),
    endedAt: job.endedAt,
    attempts: 0,
    code: job.state === 'cancelled' ? 'task/cancelled' : (job.error?.code ?? null),
    access: job.owner,
  };
}

/** A job that is done has a receipt, which is read in its place. */
const STATUS: Readonly<Record<Job['state'], TaskStatus>> = {
  queued: 'queued',
  running: 'running',
  done: 'running',
  failed: 'failed',
  cancelled: 'cancelled',
};

async function openJob(ledger: Ledger, taskId: string, access: string | null): Promise<Job | null> {
  for (const owner of access === null ? [null] : [access, null]) {
    const job = await ledger.jobs.findByKey(QUEUE, owner, taskId);
    if (job !== null && job.endedAt === null) return job;
  }
  return null;
}
