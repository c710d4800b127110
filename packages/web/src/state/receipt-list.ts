/** Receipts as `/api/receipts` lists them. */

export interface ReceiptSummary {
  readonly receipt_id: string;
  readonly task_id: string;
  readonly task: string;
  /** Epoch seconds. */
  readonly served_at: number;
  readonly log_index: number | null;
  readonly state: 'running' | 'sealed' | 'interrupted';
}

/** One page. */
export interface ReceiptList {
  readonly receipts: readonly ReceiptSummary[];
  /** Cursor of the next page, `null` at the end. */
  readonly next: number | null;
}
