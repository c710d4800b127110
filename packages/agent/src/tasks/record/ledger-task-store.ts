/**
 * The record of tasks over the ledger. Tasks of this process are noted in memory, a bounded number of them; every other one is read from
 * its receipt and the request that the receipt kept. So the list is whole after a restart, and there is no second store to disagree.
 * Of a task that a crash interrupted, the ledger has type and time alone.
 */

import { setImmediate } from 'node:timers/promises';
import type { Ledger, ReceiptSummary } from '@assay/ledger';
import type { ProgressEvent } from '../../ports/task-events.ts';
import type { TaskPage, TaskQuery, TaskRecord, TaskStore } from '../../ports/task-store.ts';
import { endingIn } from '../ending.ts';
import { JOB_TASKS, jobRecord } from '../task-jobs.ts';
import { titleOf } from '../title.ts';
import { attemptsIn, storedEvents } from './stored-events.ts';
import { storedRequest } from './stored-request.ts';

/** Records that are kept in memory. */
const MOST_KEPT = 5000;
/** Rows that one call of `list` looks at. */
const MOST_SCANNED = 1000;
/** Rows that are read before others get their turn: each may cost a receipt and a request to be read. */
const PAGE = 25;

export interface LedgerTaskStoreOptions {
  readonly ledger: Ledger;
  /** What counts as a task; the ledger has receipts of other work, too. */
  readonly types: ReadonlySet<string>;
}

/** @example const store = createLedgerTaskStore({ ledger, types: new Set(createTasks().keys()) }) */
export function createLedgerTaskStore(options: LedgerTaskStoreOptions): TaskStore {
  return new LedgerTaskStore(options);
}

class LedgerTaskStore implements TaskStore {
  readonly #ledger: Ledger;
  readonly #types: ReadonlySet<string>;
  /** By receipt, the newest last. */
  readonly #kept = new Map<string, TaskRecord>();

  constructor({ ledger, types }: LedgerTaskStoreOptions) {
    this.#ledger = ledger;
    this.#types = types;
  }

  note(record: TaskRecord): void {
    this.#kept.delete(record.receiptId);
    this.#kept.set(record.receiptId, record);
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= MOST_KEPT) break;
      this.#kept.delete(oldest);
    }
  }

  async list(query: TaskQuery): Promise<TaskPage> {
    const tasks: TaskRecord[] = [];
    let before = query.before;
    for (let scanned = 0; scanned < MOST_SCANNED; ) {
      const limit = Math.min(PAGE, MOST_SCANNED - scanned);
      const rows = await this.#ledger.list({ limit, before, access: query.access });
      for (const row of rows) {
        scanned += 1;
        before = row.cursor;
        if (!this.#types.has(row.task)) continue;
        const record = await this.#recordOf(row);
        if (!wanted(record, query)) continue;
        tasks.push(record);
        if (tasks.length === query.limit) return { tasks, next: row.cursor };
      }
      if (rows.length < limit) return { tasks, next: null };
      await setImmediate();
    }
    return { tasks, next: before ?? null };
  }

  async find(taskId: string, access: string | null): Promise<TaskRecord | null> {
    const row = await this.#ledger.findTask(taskId, access);
    if (row === null) return jobRecord(this.#ledger, taskId, access); // between two workers a job has no row
    return this.#types.has(row.task) ? this.#recordOf(row) : null;
  }

  async *events(record: TaskRecord): AsyncGenerator<ProgressEvent> {
    const sealed = await this.#ledger.find(record.receiptId);
    if (sealed !== null) {
      yield* storedEvents(record, sealed, this.#ledger);
      return;
    }
    const { taskId, status, code, endedAt, acceptedAt } = record;
    yield { type: 'done', success: false, status, error: code, sequence: 1, task_id: taskId, at: endedAt ?? acceptedAt };
  }

  async #recordOf(row: ReceiptSummary): Promise<TaskRecord> {
    const waiting = row.state !== 'sealed' && JOB_TASKS.has(row.task) ? await this.#ofJob(row) : null;
    if (waiting !== null) return waiting;
    const kept = this.#kept.get(row.receiptId);
    if (kept !== undefined) return kept;
    const record = await this.#read(row);
    if (row.state !== 'running') this.note(record);
    return record;
  }

  /** What its job says of a task without a receipt; while it runs here, what the task says itself. */
  async #ofJob({ receiptId, taskId, access }: ReceiptSummary): Promise<TaskRecord | null> {
    const record = await jobRecord(this.#ledger, taskId, access);
    if (record?.receiptId !== receiptId) return null;
    const kept = this.#kept.get(receiptId);
    return record.status === 'running' && kept?.endedAt === null ? kept : record;
  }

  async #read({ receiptId, taskId, task, state, startedAt, sealedAt, access }: ReceiptSummary): Promise<TaskRecord> {
    const base = { taskId, receiptId, type: task, access, acceptedAt: startedAt };
    const sealed = state === 'sealed' ? await this.#ledger.find(receiptId) : null;
    if (sealed === null) {
      const code = state === 'running' ? null : 'task/interrupted';
      return { ...base, title: task, status: code === null ? 'running' : 'interrupted', endedAt: null, attempts: 0, code };
    }
    const { event_log: events } = sealed.receipt;
    const ending = endingIn(events);
    return {
      ...base,
      title: titleOf({ ...(await storedRequest(sealed, this.#ledger)), type: task }),
      status: ending.status,
      endedAt: sealedAt,
      attempts: attemptsIn(events),
      code: ending.status === 'succeeded' ? null : ending.code,
    };
  }
}

function wanted(record: TaskRecord, { search = '', statuses, types }: TaskQuery): boolean {
  if (statuses !== undefined && !statuses.has(record.status)) return false;
  if (types !== undefined && !types.has(record.type)) return false;
  const words = search.trim().toLowerCase();
  const { title, taskId, receiptId, type } = record;
  return words === '' || [title, taskId, receiptId, type].some((text) => text.toLowerCase().includes(words));
}
