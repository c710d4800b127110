/**
 * The port to the record of tasks: every task that was accepted, newest first, found again after a restart of the agent. Work that runs
 * is in `tasks/task-table.ts`; this is what is known of a task beside its receipt.
 */

import type { ProgressEvent, TaskStatus } from './task-events.ts';

/** One task. */
export interface TaskRecord {
  readonly taskId: string;
  /** Reserved when the task was accepted; a receipt exists once the task has ended well or badly. */
  readonly receiptId: string;
  /** `data.type` of the request. */
  readonly type: string;
  /** One line for people, from the request. */
  readonly title: string;
  readonly status: TaskStatus;
  /** Epoch milliseconds. */
  readonly acceptedAt: number;
  /** Epoch milliseconds; `null` until it has ended, and for a task that was interrupted by a crash. */
  readonly endedAt: number | null;
  /** How many times code was written or run. */
  readonly attempts: number;
  /** Why it did not succeed (docs/errors.md); `null` while it runs and for a success. */
  readonly code: string | null;
  /** Hex SHA-256 of the API key that started it; `null` without one. */
  readonly access: string | null;
}

export interface TaskQuery {
  /** Shows tasks of this key and of none. */
  readonly access: string | null;
  readonly limit: number;
  /** `next` of the page before. */
  readonly before?: number | undefined;
  /** Text that stands in the title, the ids or the type, whatever its case. */
  readonly search?: string | undefined;
  /** Only these; all when left out. */
  readonly statuses?: ReadonlySet<TaskStatus> | undefined;
  readonly types?: ReadonlySet<string> | undefined;
}

export interface TaskPage {
  /** Newest first. May be fewer than asked for, also none, while `next` goes on. */
  readonly tasks: readonly TaskRecord[];
  /** Position of the next page; `null` on the last one. */
  readonly next: number | null;
}

export interface TaskStore {
  /** Notes where a task of this process stands. Called when it is accepted, at each change, and when it has ended. */
  note(record: TaskRecord): void;
  list(query: TaskQuery): Promise<TaskPage>;
  /** The newest task of this id that `access` may see. */
  find(taskId: string, access: string | null): Promise<TaskRecord | null>;
  /** What happened, from the first event to `done`; without the model's text, and with output cut as it is for those who watch. */
  events(record: TaskRecord): AsyncIterable<ProgressEvent>;
}
