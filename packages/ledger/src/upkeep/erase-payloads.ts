/**
 * Erases the payloads of receipts: prompts, code, files and answers. Receipts, entries and proofs stay as they are, because they hold hashes;
 * bundles say what was erased. Payloads that another receipt keeps, too, stay for that receipt alone.
 *
 * First it is written what is erased, from then on nothing of it is given out; then the bytes are deleted in short transactions. A command
 * that was cut off goes on when it is run again. An agent logs each erasure.
 *
 * Not erased: copies elsewhere, such as backups, write-ahead archives and bundles. After `rotateDataKey` what is left of them in the database's
 * files, and in backups without their key file, cannot be read.
 */

import { decodeHex, encodeHex } from '@assay/encoding/hex';
import { type JsonObject, parseJson } from '@assay/encoding/json';
import { keptPayloads, type ReceiptEvent } from '@assay/receipt';
import type { DataKey } from '../data-key.ts';
import { readDataKey } from '../data-key-file.ts';
import { LedgerError } from '../errors.ts';
import { type Operation, query } from '../rows/operation.ts';
import { type UpkeepRow, upkeepRow } from '../upkeep-log/operations.ts';
import { erasureId, openUpkeepRow, sealUpkeepRecord } from '../upkeep-log/store-upkeep-log.ts';
import { type KeptPlace, openRowReader, type RowReader } from './row-reader.ts';
import { type OnStep, openRowWriter, type RowWriter } from './row-writer.ts';

/** Pieces that one transaction deletes, 64 KiB each. */
const STEP = 64;
/** Receipts that are read at a time. */
const SCANNED = 256;
const MOST_NAMED = 5;
const HASH = /sha256:([0-9a-f]{64})/g;

export interface ErasedReceipt {
  readonly receiptId: string;
  readonly taskId: string;
  /** Payloads that it kept. */
  readonly payloads: number;
  /** Those of them that stay for another receipt. */
  readonly shared: number;
  /** Whether it was erased by an earlier call. */
  readonly before: boolean;
  /** Jobs of the task that have not ended: what they carry is left, and the erasure is finished by a later call. */
  readonly openJobs: number;
  /** Whether deleted bytes are still in the write-ahead log of the embedded database, because another process reads it. */
  readonly inWriteAheadLog: boolean;
}

interface Target {
  readonly receiptId: string;
  readonly taskId: string;
  readonly index: number;
  /** Hex. */
  readonly hashes: readonly string[];
  /** Of an earlier call. */
  readonly row: UpkeepRow | null;
}

/**
 * Erases what a receipt, or every receipt of a task, kept. The agent may run.
 * @param id - of the receipt or of the task.
 * @param now - epoch milliseconds, for the log.
 * @param onStep - called after each transaction.
 * @throws {LedgerError} `ledger/nothing-to-erase`, `ledger/unavailable`, `ledger/schema-newer`, `ledger/bad-key-file`.
 * @example await erasePayloads({ directory: '.assay' }, { id: 'rcpt_0192…', now: Date.now() })
 */
export async function erasePayloads(
  place: KeptPlace,
  { id, now }: { readonly id: string; readonly now: number },
  onStep?: OnStep,
): Promise<readonly ErasedReceipt[]> {
  const dataKey = readDataKey(place.directory, place.platformSecret);
  const writer = await openRowWriter(place, onStep);
  const erased = await erase(place, { id, now, dataKey, writer }).catch(async (cause: unknown) => {
    await writer.close();
    throw cause;
  });
  const inWriteAheadLog = !(await writer.close());
  return erased.map((receipt) => ({ ...receipt, inWriteAheadLog }));
}

interface Erasing {
  readonly id: string;
  readonly now: number;
  readonly dataKey: DataKey;
  readonly writer: RowWriter;
}

async function erase(
  place: KeptPlace,
  { id, now, dataKey, writer }: Erasing,
): Promise<readonly Omit<ErasedReceipt, 'inWriteAheadLog'>[]> {
  const targets = await findTargets(place, id);
  for (const { receiptId, index, taskId, hashes, row } of targets) {
    if (row !== null) openUpkeepRow(dataKey, row); // one that no command wrote is not gone on with
    const record = { kind: 'erasure', id: erasureId(receiptId), receiptId, index, at: now } as const;
    await writer.change(mark({ id: record.id, about: sealUpkeepRecord(dataKey, record), index, hashes, taskId }));
  }
  const shared = await deleteUnshared(place, writer, targets);
  const erased: Omit<ErasedReceipt, 'inWriteAheadLog'>[] = [];
  for (const target of targets) {
    const { receiptId, taskId, hashes, row } = target;
    const openJobs = await writer.change(finish(target));
    erased.push({
      receiptId,
      taskId,
      payloads: hashes.length,
      shared: hashes.filter((hash) => shared.has(hash)).length,
      before: row?.done === 1,
      openJobs,
    });
  }
  return erased;
}

async function findTargets(place: KeptPlace, id: string): Promise<readonly Target[]> {
  const reader = await openRowReader(place);
  try {
    const rows = await reader.read(receiptsNamed(id));
    const owners = new Set(rows.map(({ access }) => access));
    if (rows.length === 0 || owners.size > 1) {
      const ids = rows.map(({ receiptId }) => receiptId);
      const got = rows.length === 0 ? 'neither' : `a task of ${owners.size} API keys`;
      const then = rows.length === 0 ? 'list them at /api/receipts' : `name one of ${ids.slice(0, MOST_NAMED).join(', ')}`;
      throw new LedgerError(
        'ledger/nothing-to-erase',
        `expected the id of a sealed receipt or of its task, got ${got} in ${JSON.stringify(id.slice(0, 80))}; ${then}`,
      );
    }
    return rows;
  } finally {
    await reader.close();
  }
}

function* receiptsNamed(id: string): Operation<readonly (Target & { readonly access: string | null })[]> {
  const rows = yield query(
    'SELECT receipt_id, task_id, idx, access, body FROM receipts WHERE idx IS NOT NULL AND (receipt_id = $1 OR task_id = $1) ORDER BY idx',
    id,
  );
  const targets: (Target & { readonly access: string | null })[] = [];
  for (const { receipt_id, task_id, idx, access, body } of rows)
    targets.push({
      receiptId: String(receipt_id),
      taskId: String(task_id),
      index: Number(idx),
      access: access as string | null,
      hashes: [...keptIn(String(body))],
      row: yield* upkeepRow(erasureId(String(receipt_id))),
    });
  return targets;
}

/** Hex hashes of the payloads that a receipt keeps. */
function keptIn(body: string): ReadonlySet<string> {
  const { event_log: events } = parseJson(body) as { readonly event_log: readonly JsonObject[] };
  return new Set(keptPayloads(events as readonly ReceiptEvent[]).map(({ hash }) => hash.slice('sha256:'.length)));
}

interface Mark {
  readonly id: string;
  readonly about: string;
  readonly index: number;
  readonly hashes: readonly string[];
  readonly taskId: string;
}

function* mark({ id, about, index, hashes, taskId }: Mark): Operation<void> {
  yield query('INSERT INTO upkeep_log VALUES ($1, $2, 0, NULL) ON CONFLICT DO NOTHING', id, about);
  for (const hash of hashes)
    yield query('INSERT INTO erased_payloads VALUES ($1, $2) ON CONFLICT DO NOTHING', index, decodeHex(hash));
  yield* eraseJobs(taskId, index);
}

/** Deletes what jobs of the task were given and found, of those that have ended. Gives how many have not. */
function* eraseJobs(taskId: string, index: number): Operation<number> {
  const jobs = yield query(
    `SELECT j.id, j.ended_at FROM jobs j JOIN receipts r ON r.task_id = j.task AND COALESCE(r.access, '') = j.owner
     WHERE r.idx = $1 AND j.task = $2`,
    index,
    taskId,
  );
  for (const { id = '', ended_at } of jobs) {
    if (ended_at === null) continue;
    yield query('DELETE FROM job_inputs WHERE job = $1', id);
    yield query('DELETE FROM job_steps WHERE job = $1', id);
    yield query('DELETE FROM jobs WHERE id = $1', id);
  }
  return jobs.filter(({ ended_at }) => ended_at === null).length;
}

/** Notes that nothing is left to erase, unless jobs of the task are open. Gives how many are. */
function* finish({ receiptId, taskId, index }: Target): Operation<number> {
  const open = yield* eraseJobs(taskId, index);
  if (open === 0) yield query('UPDATE upkeep_log SET done = 1 WHERE id = $1', erasureId(receiptId));
  return open;
}

/** Deletes the payloads that no other receipt keeps; returns the others. */
async function deleteUnshared(place: KeptPlace, writer: RowWriter, targets: readonly Target[]): Promise<ReadonlySet<string>> {
  const hashes = new Set(targets.flatMap((target) => target.hashes));
  const shared = new Set<string>();
  const reader = await openRowReader(place);
  let scanned: number;
  try {
    scanned = await scan(reader, hashes, shared);
  } finally {
    await reader.close();
  }
  for (const hash of hashes) {
    let more = !shared.has(hash);
    while (more) {
      const done = await writer.change(deletePieces(hash, { hashes, shared, scanned }));
      scanned = done.scanned;
      more = done.more;
    }
  }
  return shared;
}

/** Looks for other keepers in what was there when the scan began. */
async function scan(reader: RowReader, hashes: ReadonlySet<string>, shared: Set<string>): Promise<number> {
  let scanned = -1;
  for (;;) {
    const next = await reader.read(keepersAfter(scanned, hashes, shared));
    if (next === scanned) return scanned;
    scanned = next;
  }
}

/** Notes which hashes receipts behind an entry keep and are not erased of; returns the last entry that was read. */
function* keepersAfter(index: number, hashes: ReadonlySet<string>, shared: Set<string>): Operation<number> {
  const rows = yield query(`SELECT idx, body FROM receipts WHERE idx > $1 ORDER BY idx LIMIT ${SCANNED}`, index);
  let last = index;
  for (const { idx, body } of rows) {
    last = Number(idx);
    const named = [...String(body).matchAll(HASH)].some(([, hash = '']) => hashes.has(hash));
    if (!named) continue;
    const erased = yield query('SELECT hash FROM erased_payloads WHERE idx = $1', last);
    const gone = new Set(erased.map(({ hash }) => encodeHex(hash as Uint8Array)));
    for (const hash of keptIn(String(body))) if (hashes.has(hash) && !gone.has(hash)) shared.add(hash);
  }
  return last;
}

interface Scan {
  readonly hashes: ReadonlySet<string>;
  readonly shared: Set<string>;
  readonly scanned: number;
}

/** Deletes some pieces from the end, unless a receipt that was sealed meanwhile keeps the payload. */
function* deletePieces(
  hex: string,
  { hashes, shared, scanned }: Scan,
): Operation<{ readonly more: boolean; readonly scanned: number }> {
  let at = scanned;
  for (;;) {
    const next = yield* keepersAfter(at, hashes, shared);
    if (next === at) break;
    at = next;
  }
  if (shared.has(hex)) return { more: false, scanned: at };
  const hash = decodeHex(hex);
  const [row] = yield query('SELECT max(n) AS last FROM sealed_pieces WHERE hash = $1', hash);
  const last = row?.last ?? null;
  const from = last === null ? 0 : Math.max(0, Number(last) + 1 - STEP);
  yield query('DELETE FROM sealed_pieces WHERE hash = $1 AND n >= $2', hash, from);
  yield query('DELETE FROM blob_pieces WHERE hash = $1', hash);
  yield query('DELETE FROM blobs WHERE hash = $1 AND hash NOT IN (SELECT hash FROM collateral)', hash);
  yield query('UPDATE head SET erasures = erasures + 1 WHERE id = 1');
  return { more: from > 0, scanned: at };
}
