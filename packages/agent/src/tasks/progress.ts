/**
 * The progress of one task: numbered events that anyone may follow from the start, from the middle, or after the end. What is
 * kept is bounded for each stream of each attempt; what is beyond the bound is named by one `omitted` event, because the receipt's own
 * record is the authority. Text that is still unread is joined, so that a program that prints letter by letter costs few events.
 */

import type { ProgressDraft, ProgressEvent, StreamName, TaskStatus } from '../ports/task-events.ts';

/** Characters kept of one stream of one attempt. */
export const MAX_STREAM_TEXT: number = 256 * 1024;
/** Text that is still unread is joined up to this length. Characters. */
const PIECE_LENGTH = 4096;
/** Beyond this many events, text waits until it fills a piece, also when somebody follows. */
const MOST_SMALL_EVENTS = 2000;

type Streamed = Extract<ProgressDraft, { readonly type: StreamName }>;

const isStreamed = (draft: ProgressDraft): draft is Streamed =>
  draft.type === 'text' || draft.type === 'stdout' || draft.type === 'stderr';

export class Progress {
  readonly #taskId: string;
  readonly #now: () => number;
  readonly #events: ProgressEvent[] = [];
  readonly #waiting = new Set<() => void>();
  /** Characters kept by stream and attempt. */
  readonly #kept = new Map<string, number>();
  /** Text that waits until it fills a piece. */
  #pending: Streamed | null = null;
  /** Number of the newest event that someone was given. */
  #read = 0;
  #length = 0;
  #status: TaskStatus = 'running';
  #attempts = 0;
  #end: ProgressEvent | null = null;

  constructor(taskId: string, now: () => number) {
    this.#taskId = taskId;
    this.#now = now;
  }

  /** Appends an event; after `done` nothing is taken any more. */
  emit(draft: ProgressDraft): void {
    if (this.ended) return;
    if (isStreamed(draft)) this.#stream(draft);
    else {
      this.#flush();
      this.#push(draft);
    }
  }

  get ended(): boolean {
    return this.#end !== null;
  }

  /** The events so far. */
  get events(): readonly ProgressEvent[] {
    return this.#events;
  }

  get newest(): ProgressEvent | undefined {
    return this.#events.at(-1);
  }

  /** Where the task stands by its events. */
  get status(): TaskStatus {
    return this.#status;
  }

  /** Epoch milliseconds; `null` until it has ended. */
  get endedAt(): number | null {
    return this.#end?.at ?? null;
  }

  /** Why it did not succeed; `null` while it runs and for a success. */
  get code(): string | null {
    return this.#end?.type === 'done' ? this.#end.error : null;
  }

  /** The highest attempt that was begun. */
  get attempts(): number {
    return this.#attempts;
  }

  /** Characters of text and code that are kept. */
  get length(): number {
    return this.#length;
  }

  /** Every event after number `after`, as they come, until `done` or until `signal` aborts. */
  async *follow(after: number, signal: AbortSignal): AsyncGenerator<ProgressEvent> {
    let next = Math.max(0, after);
    while (!signal.aborted) {
      while (next < this.#events.length) {
        const event = this.#events[next];
        next += 1;
        this.#read = Math.max(this.#read, next);
        if (event !== undefined) yield event;
        if (signal.aborted) return;
      }
      if (this.ended) return;
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

  #stream(draft: Streamed): void {
    const { type, attempt } = draft;
    const stream = `${type} ${attempt}`;
    const kept = this.#kept.get(stream) ?? 0;
    if (kept > MAX_STREAM_TEXT) return;
    const text = draft.text.slice(0, MAX_STREAM_TEXT - kept);
    this.#kept.set(stream, kept + draft.text.length);
    if (text !== '') this.#append({ ...draft, text });
    if (kept + draft.text.length <= MAX_STREAM_TEXT) return;
    this.#flush();
    this.#push({ type: 'omitted', attempt, stream: type });
  }

  #append(draft: Streamed): void {
    const { type, attempt } = draft;
    if (this.#pending !== null) {
      if (this.#pending.type !== type || this.#pending.attempt !== attempt) this.#flush();
      this.#pending = { ...draft, text: (this.#pending?.text ?? '') + draft.text };
      if (this.#pending.text.length >= PIECE_LENGTH) this.#flush();
      return;
    }
    const last = this.#events.at(-1);
    const joins = last !== undefined && isStreamed(last) && last.type === type && last.attempt === attempt;
    if (joins && last.sequence > this.#read && last.text.length + draft.text.length <= PIECE_LENGTH) {
      this.#events[this.#events.length - 1] = { ...last, text: last.text + draft.text };
      this.#length += draft.text.length;
    } else if (this.#events.length >= MOST_SMALL_EVENTS) this.#pending = draft;
    else this.#push(draft);
  }

  #flush(): void {
    const pending = this.#pending;
    this.#pending = null;
    if (pending !== null) this.#push(pending);
  }

  #push(draft: ProgressDraft): void {
    const event: ProgressEvent = { ...draft, sequence: this.#events.length + 1, task_id: this.#taskId, at: this.#now() };
    this.#events.push(event);
    this.#status = statusAfter(draft);
    if ('attempt' in draft) this.#attempts = Math.max(this.#attempts, draft.attempt);
    if ('text' in draft) this.#length += draft.text.length;
    if (draft.type === 'code') this.#length += draft.code.length;
    if (event.type === 'done') this.#end = event;
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }
}

function statusAfter(draft: ProgressDraft): TaskStatus {
  if (draft.type === 'done') return draft.status;
  if (draft.type === 'queued' || draft.type === 'review') return draft.type;
  return 'running';
}
