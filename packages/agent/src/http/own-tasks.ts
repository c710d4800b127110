/** The tasks that a caller may see: those that run or are remembered, and those that the store knows. */

import type { SealedReceipt } from '@assay/ledger';
import type { Context } from 'hono';
import { ServerError } from '../errors.ts';
import type { TaskRecord } from '../ports/task-store.ts';
import type { RunningTask } from '../tasks/run-task.ts';
import type { AppEnv } from './environment.ts';
import type { Services } from './routes/services.ts';

/** What is known of a task. @throws {ServerError} `http/not-found`. */
export async function ownRecord(id: string, c: Context<AppEnv>, services: Services): Promise<TaskRecord> {
  const running = ownTask(c, services.tasks.find(id));
  if (running !== null) return running.record();
  const record = await services.taskStore.find(id);
  if (record !== null && (record.access === null || record.access === c.get('access'))) return record;
  throw new ServerError('http/not-found', 'no task has this id; check it, or start the task first');
}

/** A task is shown to the key that started it, as if it did not exist for others (aci/1 §7.6). */
export function ownTask(c: Context<AppEnv>, task: RunningTask | null): RunningTask | null {
  return task === null || task.access === null || task.access === c.get('access') ? task : null;
}

/** The sealed receipt of the task, once it has ended; `null` when there is none. */
export async function sealedTask(id: string, c: Context<AppEnv>, services: Services): Promise<SealedReceipt | null> {
  const running = ownTask(c, services.tasks.find(id));
  if (running !== null) await running.outcome.catch(() => null);
  const record = await ownRecord(id, c, services);
  return services.ledger.find(record.receiptId);
}
