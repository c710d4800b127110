/** The queue over a store: keeps jobs as rows, and runs the workers of this process. */

import { randomBytes } from 'node:crypto';
import { utf8 } from '@assay/encoding/bytes';
import { canonicalJson, type Json, type JsonObject, parseJson } from '@assay/encoding/json';
import type { Clock } from '../clock.ts';
import { LedgerError } from '../errors.ts';
import type { LogStore } from '../store.ts';
import { addJob, adoptJobs, cancelJob, type JobRow, jobById, jobByKey, listJobs, retryJob } from './operations.ts';
import type { Job, JobFault, JobFilter, JobHandler, JobState, Jobs, JobWorker, NewJob, WorkOptions } from './port.ts';
import { type JobText, openJobText, sealJobInput, sealJobText } from './texts.ts';
import { QueueWorker } from './worker.ts';

const MOST_PAYLOAD_BYTES = 256 * 1024;
const MOST_INPUT_BYTES = 96 * 1024 * 1024;
const MOST_ATTEMPTS = 100;
const LIST_LIMIT = 500;
/** How often a watcher looks for what another process did, milliseconds. */
const WATCH_MS = 500;
const NAME = /^[a-z][a-z0-9.-]{0,63}$/;

export type JobStore = Pick<LogStore, 'change' | 'dataKey' | 'read' | 'shared'>;

/** Wakes what waits for a change of a job or of a queue in this process. */
export class JobBell {
  readonly #waiting = new Map<string, Set<() => void>>();

  ring(name: string): void {
    for (const wake of this.#waiting.get(name) ?? []) wake();
  }

  /** Resolves at the next ring of `name`, after `ms`, or when `signal` aborts. */
  async wait(name: string, ms: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    const waiting = this.#waiting.get(name) ?? new Set();
    this.#waiting.set(name, waiting);
    await new Promise<void>((resolve) => {
      const timer = setTimeout(done, ms);
      timer.unref();
      const wakes = waiting;
      function done(): void {
        clearTimeout(timer);
        signal.removeEventListener('abort', done);
        wakes.delete(done);
        resolve();
      }
      waiting.add(done);
      signal.addEventListener('abort', done, { once: true });
    });
    if (waiting.size === 0) this.#waiting.delete(name);
  }
}

export class JobQueue implements Jobs {
  readonly #store: JobStore;
  readonly #clock: Clock;
  readonly #bell = new JobBell();
  readonly #workers = new Map<string, QueueWorker>();
  /** Names this process in leases. */
  readonly #worker = randomBytes(8).toString('hex');
  #adopted: Promise<unknown> | null = null;

  constructor(store: JobStore, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  async add(job: NewJob): Promise<Job> {
    if (!NAME.test(job.queue))
      throw new LedgerError('job/bad-name', `expected a queue named like audit, got ${JSON.stringify(job.queue.slice(0, 80))}`);
    const payload = canonicalJson(job.payload);
    const { length } = utf8(payload);
    if (length > MOST_PAYLOAD_BYTES)
      throw new LedgerError(
        'job/too-large',
        `expected a payload of at most ${MOST_PAYLOAD_BYTES} bytes, got ${length}; keep large inputs as payloads of a receipt`,
      );
    if (job.input !== undefined && job.input.length > MOST_INPUT_BYTES)
      throw new LedgerError(
        'job/too-large',
        `expected an input of at most ${MOST_INPUT_BYTES} bytes, got ${job.input.length}; split the work`,
      );
    const id = `job_${this.#clock.now().toString(16).padStart(12, '0')}${randomBytes(10).toString('hex')}`;
    const row = await this.#store.change(addJob, {
      id,
      queue: job.queue,
      owner: job.owner ?? '',
      key: job.key ?? null,
      payload: sealJobText(this.#store.dataKey, id, 'payload', payload),
      input: job.input === undefined ? [] : sealJobInput(this.#store.dataKey, id, job.input),
      priority: Math.round(job.priority ?? 0),
      attempts: Math.min(MOST_ATTEMPTS, Math.max(1, Math.round(job.attempts ?? 3))),
      retryMs: Math.max(0, Math.round(job.retryMs ?? 1_000)),
      now: this.#clock.now(),
    });
    this.#bell.ring(job.queue);
    return this.#jobOf(row);
  }

  work(queue: string, handler: JobHandler, options: WorkOptions = {}): JobWorker {
    if (this.#workers.has(queue))
      throw new LedgerError('job/bad-name', `expected one worker for ${queue} in this process, got another; stop the first`);
    const worker = new QueueWorker({
      store: this.#store,
      clock: this.#clock,
      bell: this.#bell,
      queue,
      worker: this.#worker,
      ready: this.#adopt(),
      handler,
      options,
    });
    this.#workers.set(queue, worker);
    return {
      stop: async () => {
        await worker.stop();
        this.#workers.delete(queue);
      },
    };
  }

  async find(id: string): Promise<Job | null> {
    const row = await this.#store.read(jobById(id));
    return row === null ? null : this.#jobOf(row);
  }

  async findByKey(queue: string, owner: string | null, key: string): Promise<Job | null> {
    const row = await this.#store.read(jobByKey(queue, owner ?? '', key));
    return row === null ? null : this.#jobOf(row);
  }

  async list({ queue, owner, state, limit, before }: JobFilter): Promise<readonly Job[]> {
    const rows = await this.#store.read(
      listJobs({
        queue: queue ?? null,
        owner: owner === undefined ? null : (owner ?? ''),
        state: state ?? null,
        before: before ?? Number.MAX_SAFE_INTEGER,
        limit: Math.max(1, Math.min(LIST_LIMIT, Math.floor(limit))),
      }),
    );
    return rows.map((row) => this.#jobOf(row));
  }

  async *watch(id: string, signal: AbortSignal): AsyncGenerator<Job> {
    for (let last = ''; !signal.aborted; ) {
      const job = await this.find(id);
      if (job === null) return;
      const now = canonicalJson({ ...job, error: job.error === null ? null : { ...job.error } });
      if (now !== last) yield job;
      last = now;
      if (job.endedAt !== null) return;
      await this.#bell.wait(id, WATCH_MS, signal);
    }
  }

  async cancel(id: string): Promise<boolean> {
    const cancelled = await this.#store.change(cancelJob, { id, now: this.#clock.now() });
    for (const worker of this.#workers.values()) worker.cancel(id);
    this.#bell.ring(id);
    return cancelled;
  }

  async retry(id: string): Promise<boolean> {
    const again = await this.#store.change(retryJob, { id, now: this.#clock.now() });
    const job = again ? await this.find(id) : null;
    if (job !== null) this.#bell.ring(job.queue);
    this.#bell.ring(id);
    return again;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#workers.values()].map((worker) => worker.stop()));
  }

  /** The only process on a database takes over what the last one left, without waiting for leases to end. */
  #adopt(): Promise<unknown> {
    if (this.#store.shared) return Promise.resolve();
    this.#adopted ??= this.#store.change(adoptJobs, { worker: this.#worker, now: this.#clock.now() });
    return this.#adopted;
  }

  #jobOf(row: JobRow): Job {
    const open = (text: JobText, sealed: string | null): Json =>
      sealed === null ? null : openJobText(this.#store.dataKey, row.id, text, sealed);
    return {
      id: row.id,
      queue: row.queue,
      owner: row.owner === '' ? null : row.owner,
      state: row.state as JobState,
      payload: open('payload', row.payload) as JsonObject,
      priority: row.priority,
      attempt: row.attempt,
      attempts: row.attempts,
      progress: open('progress', row.progress),
      result: open('result', row.result),
      error: row.error === null ? null : (parseJson(row.error) as JobFault | null),
      createdAt: row.created_at,
      startedAt: row.started_at,
      endedAt: row.ended_at,
      cursor: row.cursor,
    };
  }
}
