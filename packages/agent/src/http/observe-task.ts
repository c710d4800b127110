/** Counts and logs the end of a task; never its content. */

import type { Clock } from '@assay/ledger';
import type { Logger } from 'pino';
import type { RunningTask } from '../tasks/run-task.ts';
import type { Metrics } from './metrics.ts';

export interface TaskObserver {
  readonly log: Logger;
  readonly clock: Clock;
  readonly metrics: Metrics;
}

/** Watches a task until its end. */
export function observeTask(task: RunningTask, { log, clock, metrics }: TaskObserver): void {
  const seconds = (): number => (clock.now() - task.startedAt) / 1000;
  task.outcome.then(
    (outcome) => {
      metrics.task(task, outcome, seconds());
      log.info(
        {
          task: task.id,
          type: task.type,
          status: outcome.ending.status,
          error: outcome.refusal?.code ?? null,
          receipt: task.receiptId,
          seconds: seconds(),
        },
        'task ended',
      );
    },
    (error: unknown) =>
      log.error({ task: task.id, type: task.type, err: error, seconds: seconds() }, 'task ended without a receipt'),
  );
}
