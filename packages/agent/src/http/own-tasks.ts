/** The tasks that a caller may see: those that run or are remembered, and those that the ledger keeps. */

import type { ReceiptSummary, SealedReceipt } from '@assay/ledger';
import type { Context } from 'hono';
import { ServerError } from '../errors.ts';
import type { RunningTask } from '../tasks/run-task.ts';
import type { AppEnv } from './environment.ts';
import type { Services } from './routes/services.ts';

/** What the ledger has of a task. */
export interface StoredTask {
  readonly summary: ReceiptSummary;
  /** `null` when the agent stopped before it was sealed. */
  readonly sealed: SealedReceipt | null;
}

/** What is kept of a task. @throws {ServerError} `http/not-found`. */
export async function storedTask(id: string, c: Context<AppEnv>, services: Services): Promise<StoredTask> {
  const summary = await summaryOf(id, c, services);
  return { summary, sealed: summary.state === 'sealed' ? await services.ledger.find(summary.receiptId) : null };
}

async function summaryOf(id: string, c: Context<AppEnv>, services: Services): Promise<ReceiptSummary> {
  const summary = await services.ledger.findTask(id);
  if (summary !== null && (summary.access === null || summary.access === c.get('access'))) return summary;
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
  const summary = await summaryOf(id, c, services);
  return summary.state === 'sealed' ? services.ledger.find(summary.receiptId) : null;
}
