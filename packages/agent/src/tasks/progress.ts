/**
 * The progress of one task: numbered events that anyone may follow from the start, from the middle, or after the end. What is
 * kept is bounded; output beyond the bound is counted, not kept, because the receipt's own record is the authority.
 */

import type { TaskStatus } from './ending.ts';

/** Steps of a task, in the order in which they can come. `attempt` counts from 1. */
export type ProgressDraft =
  | { readonly type: 'accepted'; readonly task: string; readonly receipt_id: string }
  | {
      readonly type: 'writing';
      readonly attempt: number;
      readonly model: string;
      readonly provider: string;
      readonly recorded: boolean;
    }
  | { readonly type: 'text'; readonly attempt: number; readonly text: string }
  | { readonly type: 'code'; readonly attempt: number; readonly language: string; readonly code: string }
  | { readonly type: 'running'; readonly attempt: number; readonly language: string; readonly lane: string }
  | { readonly type: 'stdout' | 'stderr'; readonly attempt: number; readonly text: string }
  | {
      readonly type: 'artifact';
      readonly attempt: number;
      readonly path: string;
      readonly bytes: number;
      readonly media_type: string;
    }
  | { readonly type: 'limit'; readonly attempt: number; readonly limit: string; readonly message: string }
  | { readonly type: 'executed'; readonly attempt: number; readonly status: string; readonly error: string | null }
  | { readonly type: 'retry'; readonly attempt: number; readonly reason: string }
  | { readonly type: 'sealing' }
  | { readonly type: 'logged'; readonly receipt_id: string; readonly log_index: number }
  | { readonly type: 'done'; readonly success: boolean; readonly status: TaskStatus; readonly error: string | null };

export type ProgressEvent = ProgressDraft & {
  /** From 1, without gaps. */
  readonly sequence: number;
  readonly task_id: string;
  /** Epoch milliseconds. */
  readonly at: number;
};

const MAX_EVENTS = 5000;
const MAX_TEXT = 1024 * 1024;
const STREAMED: ReadonlySet<string> = new Set(['text', 'stdout', 'stderr']);

export class Progress {
  readonly #taskId: string;
  readonly #now: () => number;
  readonly #events: ProgressEvent[] = [];
  readonly #waiting = new Set<() => void>();
  #textLength = 0;
  #ended = false;

  constructor(taskId: string, now: () => number) {
    this.#taskId = taskId;
    this.#now = now;
  }

  /** Appends an event; after `done` nothing is taken any more. */
  emit(draft: ProgressDraft): void {
    if (this.#ended) return;
    if (STREAMED.has(draft.type) && 'text' in draft) {
      this.#textLength += draft.text.length;
      if (this.#textLength > MAX_TEXT || this.#events.length >= MAX_EVENTS) return;
    }
    this.#events.push({ ...draft, sequence: this.#events.length + 1, task_id: this.#taskId, at: this.#now() });
    if (draft.type === 'done') this.#ended = true;
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }

  get ended(): boolean {
    return this.#ended;
  }

  get newest(): ProgressEvent | undefined {
    return this.#events.at(-1);
  }

  /** Every event after number `after`, as they come, until `done` or until `signal` aborts. */
  async *follow(after: number, signal: AbortSignal): AsyncGenerator<ProgressEvent> {
    let next = Math.max(0, after);
    while (!signal.aborted) {
      while (next < this.#events.length) {
        const event = this.#events[next];
        next += 1;
        if (event !== undefined) yield event;
        if (signal.aborted) return;
      }
      if (this.#ended) return;
      await new Promise<void>((resolve) => {
        const wake = (): void => {
          signal.removeEventListener('abort', wake);
          this.#waiting.delete(wake);
          resolve();
        };
        this.#waiting.add(wake);
        signal.addEventListener('abort', wake, { once: true });
      });
    }
  }
}
