/** What upkeep reads of a log, in SQL that both engines take. */

import { type Operation, query, type Row } from '../rows/operation.ts';

export interface EntryRow {
  readonly idx: number;
  readonly leaf: string;
}

export function* entryRows(from: number, to: number): Operation<readonly EntryRow[]> {
  const rows = yield query('SELECT idx, leaf FROM entries WHERE idx >= $1 AND idx < $2 ORDER BY idx', from, to);
  return rows as unknown as readonly EntryRow[];
}

export function* headRow(): Operation<{ readonly size: number; readonly root: Uint8Array } | null> {
  const [row] = yield query('SELECT size, root FROM head WHERE id = 1');
  return (row as unknown as { size: number; root: Uint8Array } | undefined) ?? null;
}

export function* tileRow(level: number, index: number): Operation<Uint8Array | null> {
  const [row] = yield query('SELECT hashes FROM tiles WHERE level = $1 AND n = $2', level, index);
  return (row?.hashes as Uint8Array | undefined) ?? null;
}

export function* receiptRow(index: number): Operation<Row | null> {
  const [row] = yield query('SELECT receipt_id, task, body, salt FROM receipts WHERE idx = $1', index);
  return row ?? null;
}

export function* reportRow(index: number): Operation<{ readonly row: Row; readonly files: readonly Row[] } | null> {
  const [row] = yield query('SELECT keyset_digest, nonce, salt, report FROM reports WHERE idx = $1', index);
  if (row === undefined) return null;
  const files = yield query(
    'SELECT c.name, c.media_type, b.bytes FROM collateral c JOIN blobs b ON b.hash = c.hash WHERE c.idx = $1 ORDER BY c.ord',
    index,
  );
  return { row, files };
}

export function* successorOf(index: number): Operation<string | null> {
  const [row] = yield query('SELECT successor FROM successions WHERE idx = $1', index);
  return (row?.successor as string | undefined) ?? null;
}

export function* nonceIndex(nonce: Uint8Array): Operation<number | null> {
  const [row] = yield query('SELECT idx FROM nonces WHERE nonce = $1', nonce);
  return (row?.idx as number | undefined) ?? null;
}

export interface StoredPiece {
  readonly bytes: Uint8Array;
  /** Whether it is sealed (stored-pieces.ts). */
  readonly sealed: boolean;
}

/** A piece of a payload; `n` counts from 0. `null` when there is none. */
export function* payloadPiece(hash: Uint8Array, n: number): Operation<StoredPiece | null> {
  const [sealed] = yield query('SELECT bytes FROM sealed_pieces WHERE hash = $1 AND n = $2', hash, n);
  if (sealed !== undefined) return { bytes: sealed.bytes as Uint8Array, sealed: true };
  const [whole] = n > 0 ? [] : yield query('SELECT bytes FROM blobs WHERE hash = $1', hash);
  if (whole !== undefined) return { bytes: whole.bytes as Uint8Array, sealed: false };
  const [piece] = yield query('SELECT bytes FROM blob_pieces WHERE hash = $1 AND n = $2', hash, n);
  return piece === undefined ? null : { bytes: piece.bytes as Uint8Array, sealed: false };
}

export function* jobRowsAfter(cursor: number): Operation<readonly Row[]> {
  return yield query(
    'SELECT cursor, id, payload, progress, result FROM jobs WHERE cursor > $1 ORDER BY cursor LIMIT 256',
    cursor,
  );
}

export function* stepRows(job: string): Operation<readonly Row[]> {
  return yield query('SELECT name, result FROM job_steps WHERE job = $1', job);
}

export interface Counts {
  readonly entries: number;
  readonly receipts: number;
  readonly reports: number;
  readonly successions: number;
  readonly nonces: number;
  /** Tasks without a receipt: running or interrupted. */
  readonly unsealed: number;
}

export function* countRows(): Operation<Counts> {
  const [row] =
    yield query(`SELECT (SELECT count(*) FROM entries) AS entries, (SELECT count(*) FROM receipts WHERE idx IS NOT NULL) AS receipts,
    (SELECT count(*) FROM reports) AS reports, (SELECT count(*) FROM successions) AS successions, (SELECT count(*) FROM nonces) AS nonces,
    (SELECT count(*) FROM receipts WHERE idx IS NULL) AS unsealed`);
  return row as unknown as Counts;
}

export function* openJobs(): Operation<number> {
  const [row] = yield query("SELECT count(*) AS n FROM jobs WHERE state IN ('queued', 'running')");
  return Number(row?.n ?? 0);
}
