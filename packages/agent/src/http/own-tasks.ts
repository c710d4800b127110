/** The tasks that a caller may see: those that run or are remembered, and those that the store knows. */

import type { SealedReceipt } from '@assay/ledger';
import type { Context } from 'hono';
import { ServerError } from '../errors.ts';
import type { TaskRecord } from '../ports/task-store.ts';
import type { RunningTask } from '../tasks/run-task.ts';
import type { AppEnv } from './environment.ts';
import type { Services } from './routes/services.ts';
import { goesOn } from './task-watch.ts';

/** What is known of a task. @throws {ServerError} `http/not-found`. */
export async function ownRecord(id: string, c: Context<AppEnv>, services: Services): Promise<TaskRecord> {
  const running = ownTask(id, c, services);
  if (running !== null) return running.record();
  const record = await services.taskStore.find(id, c.get('access'));
  if (record !== null && services.elsewhere !== null && goesOn(record)) return services.elsewhere.record(record);
  if (record !== null) return record;
  throw new ServerError('http/not-found', 'no task has this id; check it, or start the task first');
}

/** A task that runs here or is remembered, for the key that started it, as if it did not exist for others (aci/1 §7.6). */
export function ownTask(id: string, c: Context<AppEnv>, { tasks }: Services): RunningTask | null {
  return tasks.find(id, c.get('access'));
}

/** The sealed receipt of the task, once it has ended; `null` when there is none. */
export async function sealedTask(id: string, c: Context<AppEnv>, services: Services): Promise<SealedReceipt | null> {
  const running = ownTask(id, c, services);
  if (running !== null) await running.outcome.catch(() => null);
  const record = await ownRecord(id, c, services);
  return services.ledger.find(record.receiptId);
}
