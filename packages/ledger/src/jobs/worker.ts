/** One process's worker of one queue: claims, beats, and ends what its handler did. */

import { setTimeout as sleep } from 'node:timers/promises';
import { isCoded } from '@assay/encoding/coded-error';
import { canonicalJson, type Json, type JsonObject } from '@assay/encoding/json';
import type { Clock } from '../clock.ts';
import { LedgerError } from '../errors.ts';
import {
  beatJob,
  claimJob,
  type Ending,
  endJob,
  inputOf,
  type JobRow,
  jobIsDue,
  keepStep,
  type Lease,
  stepOf,
} from './operations.ts';
import { JOB_EVIDENCE, type JobHandler, type RunningJob, type WorkOptions } from './port.ts';
import type { JobBell, JobStore } from './queue.ts';
import { openJobInput, openJobText, sealJobText } from './texts.ts';

const LEASE_MS = 15_000;
/** How often an idle worker looks for jobs that others added or that fell due, milliseconds. */
const POLL_MS = 1_000;
/** Handlers that do not end by then are left behind; their leases run out. Milliseconds. */
const STOP_MS = 5_000;
/** Progress is written at most this often, milliseconds. */
const PROGRESS_MS = 250;
const MOST_RESULT_LENGTH = 1024 * 1024;

export interface QueueWorkerOptions {
  readonly store: JobStore;
  readonly clock: Clock;
  readonly bell: JobBell;
  readonly queue: string;
  /** Names the process in leases. */
  readonly worker: string;
  /** Settles when claims may begin. */
  readonly ready: Promise<unknown>;
  readonly handler: JobHandler;
  readonly options: WorkOptions;
}

type EndReason = 'job/cancelled' | 'job/stopped' | 'job/lost';

export class QueueWorker {
  readonly #with: QueueWorkerOptions;
  readonly #running = new Map<string, { readonly done: Promise<void>; readonly abort: (reason: EndReason) => void }>();
  readonly #stopping = new AbortController();
  readonly #loop: Promise<void>;

  constructor(options: QueueWorkerOptions) {
    this.#with = options;
    this.#loop = this.#claimAll();
  }

  /** Tells a job of this worker that it is cancelled. */
  cancel(id: string): void {
    this.#running.get(id)?.abort('job/cancelled');
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#loop;
    for (const { abort } of this.#running.values()) abort('job/stopped');
    const late = new AbortController();
    const ended = Promise.all([...this.#running.values()].map(({ done }) => done)).finally(() => late.abort());
    await Promise.race([ended, sleep(STOP_MS, null, { signal: late.signal, ref: false }).catch(() => undefined)]);
  }

  async #claimAll(): Promise<void> {
    const { store, clock, bell, queue, worker, ready, options } = this.#with;
    const { concurrency = 1, leaseMs = LEASE_MS } = options;
    const { signal } = this.#stopping;
    await ready.catch(() => undefined);
    while (!signal.aborted) {
      const woken = bell.wait(queue, POLL_MS, signal); // before looking, so that nothing is missed
      try {
        while (!signal.aborted && this.#running.size < concurrency) {
          if (!(await store.read(jobIsDue(queue, clock.now())))) break;
          const row = await store.change(claimJob, { queue, worker, now: clock.now(), leaseMs });
          if (row === null) break;
          this.#start(row, { id: row.id, worker, attempt: row.attempt }, leaseMs);
        }
      } catch {
        // The store is away; it is asked again after the wait. What runs meets the same error at its next beat.
      }
      await woken;
    }
  }

  #start(row: JobRow, lease: Lease, leaseMs: number): void {
    const abort = new AbortController();
    const job = new HeldJob(this.#with, row, lease, abort, leaseMs);
    const done = job.run().finally(() => {
      this.#running.delete(row.id);
      this.#with.bell.ring(row.id);
      this.#with.bell.ring(this.#with.queue);
    });
    this.#running.set(row.id, { done, abort: (reason) => job.abort(reason) });
    this.#with.bell.ring(row.id);
  }
}

/** One attempt at one job. */
class HeldJob implements RunningJob {
  readonly id: string;
  readonly payload: JsonObject;
  readonly owner: string | null;
  readonly attempt: number;
  readonly signal: AbortSignal;
  readonly #with: QueueWorkerOptions;
  readonly #lease: Lease;
  readonly #leaseMs: number;
  readonly #abort: AbortController;
  #reason: EndReason | null = null;
  #progress: string | null = null;
  #progressTimer: NodeJS.Timeout | null = null;

  constructor(options: QueueWorkerOptions, row: JobRow, lease: Lease, abort: AbortController, leaseMs: number) {
    this.#with = options;
    this.#lease = lease;
    this.#leaseMs = leaseMs;
    this.#abort = abort;
    this.id = row.id;
    this.payload = openJobText(options.store.dataKey, row.id, 'payload', row.payload) as JsonObject;
    this.owner = row.owner === '' ? null : row.owner;
    this.attempt = row.attempt;
    this.signal = abort.signal;
  }

  abort(reason: EndReason): void {
    if (this.#reason !== null) return;
    this.#reason = reason;
    this.#abort.abort(new LedgerError(reason, MESSAGES[reason]));
  }

  /** Runs the handler and writes how it ended. Never rejects. */
  async run(): Promise<void> {
    const beats = setInterval(() => void this.#beat(), this.#leaseMs / 3);
    beats.unref();
    const ending = await this.#ending();
    clearInterval(beats);
    if (this.#progressTimer !== null) clearTimeout(this.#progressTimer);
    await this.#beat(); // the last progress
    if (this.#reason === 'job/lost') return;
    const { store, clock } = this.#with;
    // A store that is away leaves the job to the end of its lease; its steps are kept.
    await store.change(endJob, { lease: this.#lease, ending, now: clock.now() }).catch(() => false);
  }

  async input(): Promise<Uint8Array | null> {
    const { store } = this.#with;
    const pieces = await store.read(inputOf(this.id));
    return pieces.length === 0 ? null : openJobInput(store.dataKey, this.id, pieces);
  }

  async step<Result extends Json>(name: string, work: () => Promise<Result>): Promise<Result> {
    const { store } = this.#with;
    this.signal.throwIfAborted();
    const kept = await store.read(stepOf(this.id, name));
    if (kept !== null) return openJobText(store.dataKey, this.id, `step/${name}`, kept) as Result;
    const result = await work();
    this.signal.throwIfAborted();
    const text = sealJobText(store.dataKey, this.id, `step/${name}`, bounded(result, `the result of step ${name}`));
    if (!(await store.change(keepStep, { lease: this.#lease, name, result: text }))) this.abort('job/lost');
    this.signal.throwIfAborted();
    return result;
  }

  progress(progress: Json): void {
    this.#progress = sealJobText(this.#with.store.dataKey, this.id, 'progress', bounded(progress, 'the progress'));
    this.#progressTimer ??= setTimeout(() => {
      this.#progressTimer = null;
      void this.#beat();
    }, PROGRESS_MS).unref();
  }

  evidence(step: string) {
    return { collection: JOB_EVIDENCE, key: `${this.id}/${step}`, expectedVersion: 0, value: new Uint8Array() };
  }

  async #ending(): Promise<Ending> {
    try {
      const result = bounded(await this.#with.handler(this), 'the result');
      return { kind: 'done', result: sealJobText(this.#with.store.dataKey, this.id, 'result', result) };
    } catch (error) {
      if (this.#reason === 'job/cancelled') return { kind: 'cancelled' };
      if (this.#reason === 'job/stopped') return { kind: 'released' };
      const { code, message, kind } = isCoded(error)
        ? error
        : new LedgerError('job/failed', 'the job met an error that it did not expect; the log of the agent says more');
      const final = kind === 'malformed' || kind === 'misuse' || kind === 'refused';
      return { kind: 'failed', error: JSON.stringify({ code, message }), final };
    }
  }

  async #beat(): Promise<void> {
    const { store, clock, bell } = this.#with;
    const progress = this.#progress;
    this.#progress = null;
    try {
      const held = await store.change(beatJob, { lease: this.#lease, until: clock.now() + this.#leaseMs, progress });
      if (held !== 'held') this.abort(held === 'lost' ? 'job/lost' : 'job/cancelled');
      if (progress !== null) bell.ring(this.id);
    } catch {
      // The store is away: the lease runs on, and the next beat asks again.
    }
  }
}

const MESSAGES: Readonly<Record<EndReason, string>> = {
  'job/cancelled': 'the job was cancelled; nothing more of it is done',
  'job/stopped': 'the worker stops; the job goes on with the next one',
  'job/lost': 'another worker has the job; this one stops',
};

function bounded(value: Json, what: string): string {
  const text = canonicalJson(value);
  if (text.length > MOST_RESULT_LENGTH)
    throw new LedgerError(
      'job/too-large',
      `expected ${what} in at most ${MOST_RESULT_LENGTH} characters, got ${text.length}; keep it as a payload of a receipt`,
    );
  return text;
}
