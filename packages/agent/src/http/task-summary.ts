/** A task as lists and states show it. */

import type { z } from 'zod';
import type { TaskRecord } from '../ports/task-store.ts';
import type { taskSummarySchema } from './schemas/work.ts';

/** @param now - Epoch milliseconds. */
export function taskSummary(record: TaskRecord, now: number): z.infer<typeof taskSummarySchema> {
  const { acceptedAt, endedAt, status } = record;
  const until = endedAt ?? (status === 'interrupted' ? null : now);
  return {
    task_id: record.taskId,
    type: record.type,
    title: record.title,
    status,
    receipt_id: record.receiptId,
    started_at: new Date(acceptedAt).toISOString(),
    ended_at: endedAt === null ? null : new Date(endedAt).toISOString(),
    elapsed_ms: until === null ? null : Math.max(0, until - acceptedAt),
    attempts: record.attempts,
    code: record.code,
  };
}
