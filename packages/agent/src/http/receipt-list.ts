/**
 * Receipts as a list shows them: what the work was, how it ended, when; found by words. Of a task its record says it; of other work
 * (questions to the model) its receipt does. What was read once is kept, for a bounded number of receipts: a sealed one never changes.
 */

import type { Ledger, ReceiptSummary } from '@assay/ledger';
import type { TaskStatus } from '../ports/task-events.ts';
import type { TaskStore } from '../ports/task-store.ts';
import { endingIn } from '../tasks/ending.ts';

export interface ListedReceipt extends ReceiptSummary {
  /** One line for people. */
  readonly title: string;
  readonly outcome: TaskStatus;
}

export interface ReceiptQuery {
  /** Shows receipts of this key and of none. */
  readonly access: string | null;
  readonly limit: number;
  /** `next` of the page before. */
  readonly before?: number | undefined;
  /** Text that stands in the title, the ids or the kind of work, whatever its case. */
  readonly search?: string | undefined;
  readonly outcomes?: ReadonlySet<TaskStatus> | undefined;
}

export interface ReceiptPage {
  /** Newest first. May be fewer than asked for, also none, while `next` goes on. */
  readonly receipts: readonly ListedReceipt[];
  readonly next: number | null;
}

type Told = Pick<ListedReceipt, 'title' | 'outcome'>;

/** Rows that one call looks at. */
const MOST_SCANNED = 1000;
const PAGE = 100;
/** Receipts whose title is kept in memory. */
const MOST_KEPT = 5000;

export class ReceiptList {
  readonly #ledger: Ledger;
  readonly #tasks: TaskStore;
  /** Of sealed work that is no task, by receipt id. */
  readonly #kept = new Map<string, Told>();

  constructor({ ledger, taskStore }: { readonly ledger: Ledger; readonly taskStore: TaskStore }) {
    this.#ledger = ledger;
    this.#tasks = taskStore;
  }

  /** @example const { receipts, next } = await list.page({ access: null, limit: 50, search: 'factorial' }); */
  async page(query: ReceiptQuery): Promise<ReceiptPage> {
    const receipts: ListedReceipt[] = [];
    let { before } = query;
    for (let scanned = 0; scanned < MOST_SCANNED; ) {
      const limit = Math.min(PAGE, MOST_SCANNED - scanned);
      const rows = await this.#ledger.list({ limit, before, access: query.access });
      for (const row of rows) {
        scanned += 1;
        before = row.cursor;
        const listed = { ...row, ...(await this.#told(row)) };
        if (!wanted(listed, query)) continue;
        receipts.push(listed);
        if (receipts.length === query.limit) return { receipts, next: row.cursor };
      }
      if (rows.length < limit) return { receipts, next: null };
    }
    return { receipts, next: before ?? null };
  }

  async #told(row: ReceiptSummary): Promise<Told> {
    const task = await this.#tasks.find(row.taskId, row.access);
    if (task !== null && task.receiptId === row.receiptId) return { title: task.title, outcome: task.status };
    const kept = this.#kept.get(row.receiptId);
    if (kept !== undefined) return kept;
    const sealed = row.state === 'sealed' ? await this.#ledger.find(row.receiptId) : null;
    if (sealed === null) return { title: row.task, outcome: row.state === 'running' ? 'running' : 'interrupted' };
    const { event_log: events, model } = sealed.receipt;
    const called = events.find(({ type }) => type === 'model.called')?.model ?? model;
    const told: Told = {
      title: titleOf(row.task, typeof called === 'string' ? called : null),
      outcome: endingIn(events).status,
    };
    this.#keep(row.receiptId, told);
    return told;
  }

  #keep(receiptId: string, told: Told): void {
    this.#kept.set(receiptId, told);
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= MOST_KEPT) break;
      this.#kept.delete(oldest);
    }
  }
}

/** Of work whose request is not kept: questions to the model. */
function titleOf(task: string, model: string | null): string {
  if (task !== 'inference' && task !== 'talk') return task;
  return `Question to ${model ?? 'the model'}`;
}

function wanted({ title, receiptId, taskId, task, outcome }: ListedReceipt, { search = '', outcomes }: ReceiptQuery): boolean {
  if (outcomes !== undefined && !outcomes.has(outcome)) return false;
  const words = search.trim().toLowerCase();
  return words === '' || [title, receiptId, taskId, task].some((text) => text.toLowerCase().includes(words));
}
