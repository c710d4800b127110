/**
 * The queue's operations, each one transaction. A lease names its worker and attempt; whatever a worker writes later is held to that
 * lease, so that a worker that lost its job can neither end it nor store a step.
 *
 * Turns: among owners with due jobs, the one with the fewest running comes first, then the one that waited longest; priority decides
 * between jobs of one owner only.
 */

import type { JsonObject } from '@assay/encoding/json';
import { LedgerError } from '../errors.ts';
import { type Operation, query, type Room, type RoomOperation } from '../rows/operation.ts';

/** Jobs of one queue that have not ended. */
const MOST_QUEUED = 2_000;
/** Ended jobs are forgotten after this time, milliseconds. */
const KEPT_MS = 30 * 86_400_000;
const MOST_FORGOTTEN = 100;

const COLUMNS =
  'cursor, id, queue, owner, payload, priority, state, attempt, attempts, progress, result, error, created_at, started_at, ended_at';

/** A row of `jobs`, JSON as text. */
export interface JobRow extends JsonObject {
  readonly cursor: number;
  readonly id: string;
  readonly queue: string;
  readonly owner: string;
  readonly payload: string;
  readonly priority: number;
  readonly state: string;
  readonly attempt: number;
  readonly attempts: number;
  readonly progress: string | null;
  readonly result: string | null;
  readonly error: string | null;
  readonly created_at: number;
  readonly started_at: number | null;
  readonly ended_at: number | null;
}

/** Who holds a job. */
export interface Lease {
  readonly id: string;
  readonly worker: string;
  readonly attempt: number;
}

export interface AddArgs {
  readonly id: string;
  readonly queue: string;
  readonly owner: string;
  readonly key: string | null;
  readonly payload: string;
  /** Sealed pieces. */
  readonly input: readonly Uint8Array[];
  readonly priority: number;
  readonly attempts: number;
  readonly retryMs: number;
  readonly now: number;
}

export const addJob: RoomOperation<AddArgs, JobRow> = {
  name: 'jobs.add',
  *steps({ id, queue, owner, key, payload, input, priority, attempts, retryMs, now }) {
    yield* forget(now);
    // Also the queue's lock: two that add at the same time do not count the same jobs.
    yield query('INSERT INTO job_queues VALUES ($1, 0) ON CONFLICT (queue) DO UPDATE SET turn = job_queues.turn', queue);
    const [open] = yield query("SELECT count(*) AS n FROM jobs WHERE queue = $1 AND state IN ('queued', 'running')", queue);
    if (Number(open?.n) >= MOST_QUEUED)
      throw new LedgerError('job/queue-full', `${queue} holds ${MOST_QUEUED} jobs, as many as it may; try again later`);
    if (key !== null)
      yield query(
        'UPDATE jobs SET dedup = NULL WHERE queue = $1 AND owner = $2 AND dedup = $3 AND ended_at IS NOT NULL',
        queue,
        owner,
        key,
      );
    const [added] = yield query(
      `INSERT INTO jobs (id, queue, owner, dedup, task, payload, priority, state, attempt, attempts, retry_ms, run_at, cancelled, created_at)
       VALUES ($1, $2, $3, $4, $4, $5, $6, 'queued', 0, $7, $8, $9, 0, $9) ON CONFLICT (queue, owner, dedup) DO NOTHING RETURNING ${COLUMNS}`,
      id,
      queue,
      owner,
      key,
      payload,
      priority,
      attempts,
      retryMs,
      now,
    );
    if (added !== undefined) {
      for (const [n, bytes] of input.entries()) yield query('INSERT INTO job_inputs VALUES ($1, $2, $3)', id, n, bytes);
      return added as JobRow;
    }
    const [there] = yield query(
      `SELECT ${COLUMNS} FROM jobs WHERE queue = $1 AND owner = $2 AND dedup = $3`,
      queue,
      owner,
      key,
    );
    return there as JobRow;
  },
};

function* forget(now: number): Operation<void> {
  const gone = yield query(
    'DELETE FROM jobs WHERE id IN (SELECT id FROM jobs WHERE ended_at < $1 ORDER BY ended_at LIMIT $2) RETURNING id',
    now - KEPT_MS,
    MOST_FORGOTTEN,
  );
  for (const { id = '' } of gone) {
    yield query('DELETE FROM job_steps WHERE job = $1', id);
    yield query('DELETE FROM job_inputs WHERE job = $1', id);
  }
}

interface ClaimArgs {
  readonly queue: string;
  readonly worker: string;
  readonly now: number;
  readonly leaseMs: number;
}

/** The job whose turn it is, leased; `null` when none is due. */
export const claimJob: RoomOperation<ClaimArgs, JobRow | null> = {
  name: 'jobs.claim',
  *steps({ queue, worker, now, leaseMs }) {
    // The turn's row is the queue's lock on engines where claims can run at the same time.
    const [queueRow] = yield query('UPDATE job_queues SET turn = turn + 1 WHERE queue = $1 RETURNING turn', queue);
    if (queueRow === undefined) return null;
    yield* takeBack(queue, now);
    const [due] = yield query(
      `WITH busy AS (SELECT owner, count(*) AS n FROM jobs WHERE queue = $1 AND state = 'running' GROUP BY owner)
       SELECT j.id, j.owner FROM jobs j LEFT JOIN busy ON busy.owner = j.owner
         LEFT JOIN job_turns t ON t.queue = j.queue AND t.owner = j.owner
       WHERE j.queue = $1 AND j.state = 'queued' AND j.run_at <= $2
       ORDER BY COALESCE(busy.n, 0), COALESCE(t.turn, 0), j.priority DESC, j.cursor LIMIT 1`,
      queue,
      now,
    );
    if (due === undefined) return null;
    yield query(
      'INSERT INTO job_turns VALUES ($1, $2, $3) ON CONFLICT (queue, owner) DO UPDATE SET turn = excluded.turn',
      queue,
      due.owner ?? '',
      queueRow.turn ?? 0,
    );
    const [claimed] = yield query(
      `UPDATE jobs SET state = 'running', attempt = attempt + 1, worker = $2, lease_until = $3, started_at = COALESCE(started_at, $4)
       WHERE id = $1 RETURNING ${COLUMNS}`,
      due.id ?? '',
      worker,
      now + leaseMs,
      now,
    );
    return claimed as JobRow;
  },
};

/** Jobs whose lease is over go back into the queue, or end when they were cancelled or have no attempt left. */
function* takeBack(queue: string, now: number): Operation<void> {
  const lost = JSON.stringify({
    code: 'job/worker-lost',
    message: 'its worker went away in every attempt; look into its log, then retry the job',
  });
  yield query(
    `UPDATE jobs SET worker = NULL, lease_until = NULL,
       state = CASE WHEN cancelled = 1 THEN 'cancelled' WHEN attempt >= attempts THEN 'failed' ELSE 'queued' END,
       error = CASE WHEN cancelled = 0 AND attempt >= attempts THEN $3 ELSE error END,
       ended_at = CASE WHEN cancelled = 1 OR attempt >= attempts THEN $2 ELSE NULL END
     WHERE queue = $1 AND state = 'running' AND lease_until < $2`,
    queue,
    now,
    lost,
  );
}

/** Ends the leases of every other process; for a database that has one. */
export const adoptJobs: RoomOperation<{ readonly worker: string; readonly now: number }, null> = {
  name: 'jobs.adopt',
  *steps({ worker, now }) {
    yield query("UPDATE jobs SET lease_until = $1 WHERE state = 'running' AND worker <> $2", now - 1, worker);
    return null;
  },
};

/** Makes a lease longer. `lost`: another has the job. */
export const beatJob: RoomOperation<
  { readonly lease: Lease; readonly until: number; readonly progress: string | null },
  'held' | 'cancelled' | 'lost'
> = {
  name: 'jobs.beat',
  *steps({ lease, until, progress }) {
    const [row] = yield query(
      `UPDATE jobs SET lease_until = $4, progress = COALESCE($5, progress)
       WHERE id = $1 AND worker = $2 AND attempt = $3 AND state = 'running' RETURNING cancelled`,
      lease.id,
      lease.worker,
      lease.attempt,
      until,
      progress,
    );
    if (row === undefined) return 'lost';
    return row.cancelled === 1 ? 'cancelled' : 'held';
  },
};

export const keepStep: RoomOperation<{ readonly lease: Lease; readonly name: string; readonly result: string }, boolean> = {
  name: 'jobs.step',
  *steps({ lease, name, result }) {
    const kept = yield query(
      `INSERT INTO job_steps SELECT id, $4, $5 FROM jobs WHERE id = $1 AND worker = $2 AND attempt = $3 AND state = 'running'
       ON CONFLICT (job, name) DO UPDATE SET result = job_steps.result RETURNING name`,
      lease.id,
      lease.worker,
      lease.attempt,
      name,
      result,
    );
    return kept.length === 1;
  },
};

export type Ending =
  | { readonly kind: 'done'; readonly result: string }
  /** `final`: not tried again. */
  | { readonly kind: 'failed'; readonly error: string; readonly final: boolean }
  | { readonly kind: 'cancelled' }
  /** The worker stops; the attempt does not count. */
  | { readonly kind: 'released' };

/** Ends an attempt; `false` when the lease was lost, and nothing is changed. */
export const endJob: RoomOperation<{ readonly lease: Lease; readonly ending: Ending; readonly now: number }, boolean> = {
  name: 'jobs.end',
  *steps({ lease, ending, now }) {
    const [row] = yield query(
      "SELECT attempts, retry_ms, cancelled FROM jobs WHERE id = $1 AND worker = $2 AND attempt = $3 AND state = 'running'",
      lease.id,
      lease.worker,
      lease.attempt,
    );
    if (row === undefined) return false;
    const cancelled = row.cancelled === 1;
    const again =
      !cancelled &&
      (ending.kind === 'released' || (ending.kind === 'failed' && !ending.final && lease.attempt < Number(row.attempts)));
    const state = ending.kind === 'done' || ending.kind === 'cancelled' ? ending.kind : cancelled ? 'cancelled' : 'failed';
    const wait = ending.kind === 'failed' ? Number(row.retry_ms) * 2 ** (lease.attempt - 1) : 0;
    yield query(
      `UPDATE jobs SET state = $2, worker = NULL, lease_until = NULL, result = $3, error = $4, run_at = $5, ended_at = $6,
         attempt = attempt - $7 WHERE id = $1`,
      lease.id,
      again ? 'queued' : state,
      ending.kind === 'done' ? ending.result : null,
      ending.kind === 'failed' ? ending.error : null,
      now + wait,
      again ? null : now,
      ending.kind === 'released' ? 1 : 0,
    );
    return true;
  },
};

export const cancelJob: RoomOperation<{ readonly id: string; readonly now: number }, boolean> = {
  name: 'jobs.cancel',
  *steps({ id, now }) {
    const changed = yield query(
      `UPDATE jobs SET cancelled = 1, state = CASE state WHEN 'queued' THEN 'cancelled' ELSE state END,
         ended_at = CASE state WHEN 'queued' THEN $2 ELSE ended_at END
       WHERE id = $1 AND state IN ('queued', 'running') RETURNING id`,
      id,
      now,
    );
    return changed.length === 1;
  },
};

export const retryJob: RoomOperation<{ readonly id: string; readonly now: number }, boolean> = {
  name: 'jobs.retry',
  *steps({ id, now }) {
    const changed = yield query(
      `UPDATE jobs SET state = 'queued', cancelled = 0, attempt = 0, run_at = $2, ended_at = NULL, error = NULL
       WHERE id = $1 AND state IN ('failed', 'cancelled') RETURNING id`,
      id,
      now,
    );
    return changed.length === 1;
  },
};

export function* jobById(id: string): Operation<JobRow | null> {
  const [row] = yield query(`SELECT ${COLUMNS} FROM jobs WHERE id = $1`, id);
  return (row as JobRow | undefined) ?? null;
}

export function* jobByKey(queue: string, owner: string, key: string): Operation<JobRow | null> {
  const [row] = yield query(`SELECT ${COLUMNS} FROM jobs WHERE queue = $1 AND owner = $2 AND dedup = $3`, queue, owner, key);
  return (row as JobRow | undefined) ?? null;
}

export function* inputOf(job: string): Operation<readonly Uint8Array[]> {
  const rows = yield query('SELECT bytes FROM job_inputs WHERE job = $1 ORDER BY n', job);
  return rows.map(({ bytes }) => bytes as Uint8Array);
}

export function* stepOf(job: string, name: string): Operation<string | null> {
  const [row] = yield query('SELECT result FROM job_steps WHERE job = $1 AND name = $2', job, name);
  return (row?.result as string | undefined) ?? null;
}

/** Whether a claim would find something. */
export function* jobIsDue(queue: string, now: number): Operation<boolean> {
  const [row] = yield query(
    `SELECT 1 AS due FROM jobs WHERE queue = $1 AND ((state = 'queued' AND run_at <= $2) OR (state = 'running' AND lease_until < $2)) LIMIT 1`,
    queue,
    now,
  );
  return row !== undefined;
}

export interface ListArgs {
  readonly queue: string | null;
  readonly owner: string | null;
  readonly state: string | null;
  readonly before: number;
  readonly limit: number;
}

export function* listJobs({ queue, owner, state, before, limit }: ListArgs): Operation<readonly JobRow[]> {
  const where = ['cursor < $1'];
  const values: (string | number)[] = [before];
  for (const [column, value] of [
    ['queue', queue],
    ['owner', owner],
    ['state', state],
  ] as const) {
    if (value === null) continue;
    values.push(value);
    where.push(`${column} = $${values.length}`);
  }
  values.push(limit);
  const rows = yield query(
    `SELECT ${COLUMNS} FROM jobs WHERE ${where.join(' AND ')} ORDER BY cursor DESC LIMIT $${values.length}`,
    ...values,
  );
  return rows as readonly JobRow[];
}

export const JOBS: Room = {
  name: 'jobs',
  operations: [addJob, claimJob, adoptJobs, beatJob, keepStep, endJob, cancelJob, retryJob],
};
