/** Tasks that run at another agent on the same store: what it tells of them, and what can be asked of it. */

import type { Coordination } from '@assay/ledger';
import { ServerError } from '../../errors.ts';
import type { ProgressEvent } from '../../ports/task-events.ts';
import type { TaskRecord } from '../../ports/task-store.ts';
import { Progress } from '../progress.ts';
import type { Decision } from '../review.ts';
import { orderToJson } from './task-broadcast.ts';

export class TasksElsewhere {
  readonly #coordination: Coordination;

  constructor(coordination: Coordination) {
    this.#coordination = coordination;
  }

  /** What was told so far. */
  async events({ receiptId }: Pick<TaskRecord, 'receiptId'>): Promise<readonly ProgressEvent[]> {
    return (await this.#coordination.pages(receiptId, 0)).flatMap((page) => page as unknown as readonly ProgressEvent[]);
  }

  /** The record as the running task has it: its title, where it stands, how many attempts it made. */
  async record(record: TaskRecord): Promise<TaskRecord> {
    const progress = new Progress(record.taskId, () => record.acceptedAt);
    let { title } = record;
    for (const event of await this.events(record)) {
      progress.emit(event);
      if (event.type === 'accepted') title = event.title;
    }
    if (progress.newest === undefined || progress.ended) return { ...record, title };
    return { ...record, title, status: progress.status, attempts: progress.attempts };
  }

  /**
   * Events after number `after` as they come, until `done`, until `signal` aborts, or until `isOver` says that nothing more will come: then
   * `false` is returned, with the number of the last event.
   */
  async *follow(
    { receiptId }: TaskRecord,
    after: number,
    { signal, isOver, pause }: FollowOptions,
  ): AsyncGenerator<ProgressEvent, { readonly done: boolean; readonly last: number }> {
    let last = after;
    for (let page = 0; !signal.aborted; ) {
      const pages = await this.#coordination.pages(receiptId, page);
      page += pages.length;
      for (const event of pages.flatMap((each) => each as unknown as readonly ProgressEvent[])) {
        if (event.sequence > last) yield event;
        last = Math.max(last, event.sequence);
        if (event.type === 'done') return { done: true, last };
      }
      if (pages.length === 0 && (await isOver())) return { done: false, last };
      await pause();
    }
    return { done: true, last };
  }

  async cancel({ receiptId }: TaskRecord): Promise<void> {
    await this.#coordination.order(receiptId, orderToJson({ kind: 'cancel' }));
  }

  /**
   * Hands a decision to the agent that runs the task.
   * @throws {ServerError} `http/conflict` when no code waits, or another one than the decision names.
   */
  async decide(record: TaskRecord, decision: Decision): Promise<void> {
    const waiting = (await this.events(record)).at(-1);
    if (waiting?.type !== 'review')
      throw new ServerError('http/conflict', 'no code of this task waits for a review; look at its state and its events');
    if (waiting.attempt !== decision.attempt || waiting.code_hash !== decision.proposedHash)
      throw new ServerError(
        'http/conflict',
        `expected a decision on attempt ${waiting.attempt} with ${waiting.code_hash}, got one on attempt ${decision.attempt} with ${decision.proposedHash}; look at the code that waits now`,
      );
    await this.#coordination.order(record.receiptId, orderToJson({ kind: 'review', decision }));
  }
}

export interface FollowOptions {
  readonly signal: AbortSignal;
  readonly isOver: () => Promise<boolean>;
  readonly pause: () => Promise<void>;
}
