/**
 * Long work that outlives a request and a restart: audits, builds, comparisons. A job waits in a queue, is leased to one worker at a time,
 * and ends once. When a worker dies, its job goes to the next; steps that were finished are not done again.
 *
 * A handler can run more than once, so what it does beyond {@link RunningJob.step} must bear repetition. Receipts of a step are sealed with
 * {@link RunningJob.evidence} among their changes: a second one of the same step is refused with `ledger/conflict`.
 */

import type { Json, JsonObject } from '@assay/encoding/json';
import type { StateChange } from '../port.ts';

/** The collection of state in which each receipt of a job has its row. */
export const JOB_EVIDENCE = 'job-evidence';

/** `failed` jobs are the dead letters: every attempt is used up, or the error was final. */
export type JobState = 'queued' | 'running' | 'done' | 'failed' | 'cancelled';

export interface NewJob {
  /** Names the kind of work, e.g. `audit`. */
  readonly queue: string;
  /** At most 256 KiB of JSON. Large inputs are kept as payloads of a receipt, and named here. */
  readonly payload: JsonObject;
  /** What the job works on, when that is long or no JSON; at most 96 MiB. */
  readonly input?: Uint8Array | undefined;
  /** Hex SHA-256 of the API key that asked, `null` for none. Keys take turns; one key never holds up another. */
  readonly owner?: string | null | undefined;
  /** A second job of the same queue and owner with this key is the first one, as long as that has not ended. */
  readonly key?: string | undefined;
  /** Higher ones come first among the jobs of one owner. 0 unless given. */
  readonly priority?: number | undefined;
  /** How often it is tried; 3 unless given. */
  readonly attempts?: number | undefined;
  /** Wait before the second attempt, doubled for each later one, milliseconds; 1,000 unless given. */
  readonly retryMs?: number | undefined;
}

export interface JobFault {
  /** As in docs/errors.md. */
  readonly code: string;
  readonly message: string;
}

export interface Job {
  readonly id: string;
  readonly queue: string;
  readonly owner: string | null;
  readonly state: JobState;
  readonly payload: JsonObject;
  readonly priority: number;
  /** Attempts begun. */
  readonly attempt: number;
  readonly attempts: number;
  /** What the handler said last. */
  readonly progress: Json;
  /** What the handler returned, once `done`. */
  readonly result: Json;
  /** Why the last attempt failed. */
  readonly error: JobFault | null;
  /** Epoch milliseconds. */
  readonly createdAt: number;
  readonly startedAt: number | null;
  readonly endedAt: number | null;
  /** Place in the list; pass the last one as `before` to go on. */
  readonly cursor: number;
}

/** A job as its handler sees it. */
export interface RunningJob {
  readonly id: string;
  readonly payload: JsonObject;
  readonly owner: string | null;
  /** From 1. */
  readonly attempt: number;
  /** What the job was given to work on; `null` when nothing. */
  input(): Promise<Uint8Array | null>;
  /** Aborts when the job is cancelled, when the worker stops, and when the lease was lost. */
  readonly signal: AbortSignal;
  /** Does `work` once in the life of the job and gives its result every time. Results are JSON, at most 1 MiB. */
  step<Result extends Json>(name: string, work: () => Promise<Result>): Promise<Result>;
  /** Says how far it is; watchers see the newest. */
  progress(progress: Json): void;
  /** The change that makes the receipt of a step the only one. */
  evidence(step: string): StateChange;
}

/** What a handler returns is the job's result. It throws coded errors; any other is stored as `job/failed` without its text. */
export type JobHandler = (job: RunningJob) => Promise<Json>;

export interface WorkOptions {
  /** Jobs at the same time in this process; 1 unless given. */
  readonly concurrency?: number | undefined;
  /** How long a job stays with a worker that says nothing, milliseconds; 15,000 unless given. */
  readonly leaseMs?: number | undefined;
}

export interface JobWorker {
  /** Takes no more jobs, gives those that run back to the queue, and resolves when their handlers have ended. */
  stop(): Promise<void>;
}

export interface JobFilter {
  readonly queue?: string | undefined;
  /** `undefined`: of every owner. */
  readonly owner?: string | null | undefined;
  readonly state?: JobState | undefined;
  /** At most 500. */
  readonly limit: number;
  readonly before?: number | undefined;
}

export interface Jobs {
  /**
   * Puts a job into its queue; resolves when it is durable.
   * @throws {LedgerError} `job/queue-full`, `job/too-large`.
   * @example const { id } = await ledger.jobs.add({ queue: 'audit', payload: { source }, owner: access, key: requestId })
   */
  add(job: NewJob): Promise<Job>;
  /** Works on a queue until stopped. One worker a queue and process. */
  work(queue: string, handler: JobHandler, options?: WorkOptions): JobWorker;
  find(id: string): Promise<Job | null>;
  /** The newest job of this queue and owner with this key that holds it. */
  findByKey(queue: string, owner: string | null, key: string): Promise<Job | null>;
  /** Newest first. */
  list(filter: JobFilter): Promise<readonly Job[]>;
  /** The job as it is now and after each change, until it has ended or `signal` aborts. */
  watch(id: string, signal: AbortSignal): AsyncGenerator<Job>;
  /** Ends a queued job, and tells the worker of a running one to stop. `false` when it had ended, or is not there. */
  cancel(id: string): Promise<boolean>;
  /** Puts a failed or cancelled job back into its queue, with all its attempts and the steps that it had done. `false` for others. */
  retry(id: string): Promise<boolean>;
}
