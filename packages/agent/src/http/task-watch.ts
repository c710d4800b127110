/** Events of a task, wherever it stands: running here, waiting for its turn as a job, running at another agent on the same store, or ended. */

import { setTimeout as sleep } from 'node:timers/promises';
import type { ProgressEvent } from '../ports/task-events.ts';
import type { TaskRecord } from '../ports/task-store.ts';
import type { Services } from './routes/services.ts';

/** How often what others do is looked for, milliseconds. */
const LOOK_MS = 300;

export interface WatchOptions {
  /** Number of the last event that was seen. */
  readonly after: number;
  readonly signal: AbortSignal;
}

/** Whether a task goes on. */
export function goesOn({ status }: Pick<TaskRecord, 'status'>): boolean {
  return status === 'queued' || status === 'running' || status === 'review';
}

/** Events until the end of the task, or until `signal` aborts. */
export async function* watchTask(
  record: TaskRecord,
  { after, signal }: WatchOptions,
  services: Services,
): AsyncGenerator<ProgressEvent> {
  const { tasks, taskStore, elsewhere } = services;
  const { taskId, access, receiptId } = record;
  const pause = (): Promise<void> => sleep(LOOK_MS, undefined, { signal, ref: false }).catch(() => undefined);
  while (!signal.aborted) {
    const here = tasks.find(taskId, access);
    if (here?.receiptId === receiptId) return yield* here.progress.follow(after, signal);
    const now = (await taskStore.find(taskId, access)) ?? record;
    if (!goesOn(now)) return yield* endedTask(now, after, services);
    if (elsewhere !== null && now.status !== 'queued') {
      const isOver = async (): Promise<boolean> => !goesOn((await taskStore.find(taskId, access)) ?? record);
      const { done, last } = yield* elsewhere.follow(now, after, { signal, isOver, pause });
      if (done) return;
      return yield* endedTask((await taskStore.find(taskId, access)) ?? now, last, services);
    }
    await pause();
  }
}

/**
 * Events of a task that is not in memory, from the first. They are not numbered as they were while it ran, so that a reader that saw some of
 * those gets the last one only: how the task ended.
 */
export async function* endedTask(
  record: TaskRecord,
  after: number,
  { taskStore, clock }: Services,
): AsyncGenerator<ProgressEvent> {
  if (after === 0) yield* taskStore.events(record);
  else {
    const { status, code, taskId, endedAt } = record;
    const at = endedAt ?? clock.now();
    yield { type: 'done', success: status === 'succeeded', status, error: code, sequence: after + 1, task_id: taskId, at };
  }
}
