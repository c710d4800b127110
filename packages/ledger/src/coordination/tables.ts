/** Tables of what agents settle among each other (rows/operation.ts says in which words), and the inputs of jobs. */

export const COORDINATION_TABLES = `
CREATE TABLE rate_buckets (name TEXT PRIMARY KEY, thousandths NUMBER NOT NULL, at NUMBER NOT NULL);
CREATE INDEX rate_buckets_at ON rate_buckets (at);
CREATE TABLE request_keys (owner TEXT NOT NULL, key TEXT NOT NULL, digest TEXT NOT NULL, task TEXT NOT NULL, expires_at NUMBER NOT NULL,
  PRIMARY KEY (owner, key));
CREATE INDEX request_keys_expiry ON request_keys (expires_at);
CREATE TABLE task_pages (receipt TEXT NOT NULL, n NUMBER NOT NULL, page TEXT NOT NULL, at NUMBER NOT NULL, PRIMARY KEY (receipt, n));
CREATE INDEX task_pages_at ON task_pages (at);
CREATE TABLE task_orders (cursor SERIAL, receipt TEXT NOT NULL, content TEXT NOT NULL, at NUMBER NOT NULL);
CREATE INDEX task_orders_receipt ON task_orders (receipt);
CREATE TABLE agreed (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE job_inputs (job TEXT NOT NULL, n NUMBER NOT NULL, bytes BYTES NOT NULL, PRIMARY KEY (job, n));
`;
