/** Receipts as `/api/receipts` lists them; spec/http-api.md. */

import type { TaskStatus } from 'assay';

export interface ListedReceipt {
  readonly receipt_id: string;
  readonly task_id: string;
  /** Kind of work. */
  readonly task: string;
  readonly title: string;
  readonly outcome: TaskStatus;
  /** Epoch seconds. */
  readonly served_at: number;
  readonly log_index: number | null;
  readonly state: 'running' | 'sealed' | 'interrupted';
}

/** One page; it may be empty while `next` goes on. */
export interface ReceiptPage {
  readonly receipts: readonly ListedReceipt[];
  /** Cursor of the next page, `null` at the end. */
  readonly next: number | null;
}

export interface ReceiptFilter {
  readonly search: string;
  readonly outcome: TaskStatus | '';
}

const PAGE_SIZE = 100;

/** Path of a page of the list. */
export function receiptsPath({ search, outcome }: ReceiptFilter, before: number | null): string {
  const query = new URLSearchParams({ limit: String(PAGE_SIZE) });
  if (search !== '') query.set('search', search);
  if (outcome !== '') query.set('outcome', outcome);
  if (before !== null) query.set('before', String(before));
  return `api/receipts?${query}`;
}
