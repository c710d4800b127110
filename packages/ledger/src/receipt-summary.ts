/** A task as lists show it. */

import type { ReceiptSummary } from './port.ts';
import type { StoredTask } from './store.ts';

export function summaryOf(task: StoredTask): ReceiptSummary {
  const { receiptId, taskId, startedAt, sealedAt, index, access, cursor } = task;
  const state = index !== null ? 'sealed' : task.current ? 'running' : 'interrupted';
  const servedAt = Math.floor((sealedAt ?? startedAt) / 1000);
  return { receiptId, taskId, task: task.task, servedAt, startedAt, sealedAt, logIndex: index, state, access, cursor };
}
