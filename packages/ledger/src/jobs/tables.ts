/** Tables of the queue (rows/operation.ts says in which words). */

export const JOB_TABLES = `
CREATE TABLE jobs (cursor SERIAL, id TEXT NOT NULL UNIQUE, queue TEXT NOT NULL, owner TEXT NOT NULL, dedup TEXT, payload TEXT NOT NULL,
  priority NUMBER NOT NULL, state TEXT NOT NULL, attempt NUMBER NOT NULL, attempts NUMBER NOT NULL, retry_ms NUMBER NOT NULL,
  run_at NUMBER NOT NULL, worker TEXT, lease_until NUMBER, cancelled NUMBER NOT NULL, progress TEXT, result TEXT, error TEXT,
  created_at NUMBER NOT NULL, started_at NUMBER, ended_at NUMBER);
CREATE UNIQUE INDEX jobs_dedup ON jobs (queue, owner, dedup);
CREATE INDEX jobs_open ON jobs (queue, state, owner, run_at) WHERE state IN ('queued', 'running');
CREATE INDEX jobs_ended ON jobs (ended_at) WHERE ended_at IS NOT NULL;
CREATE TABLE job_steps (job TEXT NOT NULL, name TEXT NOT NULL, result TEXT NOT NULL, PRIMARY KEY (job, name));
CREATE TABLE job_queues (queue TEXT PRIMARY KEY, turn NUMBER NOT NULL);
CREATE TABLE job_turns (queue TEXT NOT NULL, owner TEXT NOT NULL, turn NUMBER NOT NULL, PRIMARY KEY (queue, owner));
`;

/** The task of a job. `dedup` says it only until another job of the task takes its place; an erasure needs it afterwards, too. */
export const JOB_TASK = `
ALTER TABLE jobs ADD COLUMN task TEXT;
UPDATE jobs SET task = dedup;
CREATE INDEX jobs_task ON jobs (task) WHERE task IS NOT NULL;
`;
