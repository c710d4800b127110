/** What those who watch a task are told (spec/http-api.md §4): numbered events, and the words for where a task stands. */

/**
 * Where a task stands. `queued`: it waits for its turn. `review`: its code waits for a person. `interrupted`: the agent stopped before
 * the work was done.
 */
export type TaskStatus = 'queued' | 'running' | 'review' | 'succeeded' | 'failed' | 'cancelled' | 'interrupted';

/** Steps of a task, in the order in which they can come. `attempt` counts from 1. */
export type ProgressDraft =
  | { readonly type: 'accepted'; readonly task: string; readonly receipt_id: string; readonly title: string }
  | { readonly type: 'queued'; readonly ahead: number }
  | {
      readonly type: 'writing';
      readonly attempt: number;
      readonly model: string;
      readonly provider: string;
      readonly recorded: boolean;
    }
  | { readonly type: 'text'; readonly attempt: number; readonly text: string }
  | {
      readonly type: 'code';
      readonly attempt: number;
      readonly language: string;
      readonly code: string;
      /** Who wrote it. */
      readonly source: 'model' | 'client';
    }
  | {
      readonly type: 'review';
      readonly attempt: number;
      readonly language: string;
      /** Of the code that waits; the decision must name it. */
      readonly code_hash: string;
      /** Epoch milliseconds; `null` when it is told again later. */
      readonly expires_at: number | null;
    }
  | { readonly type: 'reviewed'; readonly attempt: number; readonly decision: ReviewOutcome }
  | { readonly type: 'running'; readonly attempt: number; readonly language: string; readonly lane: string }
  | { readonly type: 'stdout' | 'stderr'; readonly attempt: number; readonly text: string }
  /** What follows of this stream is not shown here; the answer and the receipt have more of it. */
  | { readonly type: 'omitted'; readonly attempt: number; readonly stream: StreamName }
  | {
      readonly type: 'artifact';
      readonly attempt: number;
      readonly path: string;
      readonly bytes: number;
      readonly media_type: string;
    }
  | { readonly type: 'limit'; readonly attempt: number; readonly limit: string; readonly message: string }
  | { readonly type: 'executed'; readonly attempt: number; readonly status: string; readonly error: string | null }
  | { readonly type: 'compiling'; readonly compiler: string; readonly sources: number }
  | { readonly type: 'compiled'; readonly contracts: number; readonly errors: number }
  | { readonly type: 'retry'; readonly attempt: number; readonly reason: string }
  | { readonly type: 'sealing' }
  | { readonly type: 'logged'; readonly receipt_id: string; readonly log_index: number }
  | { readonly type: 'done'; readonly success: boolean; readonly status: TaskStatus; readonly error: string | null };

/** What became of code that waited for a person. */
export type ReviewOutcome = 'run' | 'edited' | 'discarded' | 'expired';

/** Text that comes piece by piece: the model's words, and the output of the program. */
export type StreamName = 'text' | 'stdout' | 'stderr';

/** One step of a task, as its stream sends it. */
export type ProgressEvent = ProgressDraft & {
  /** From 1, without gaps. */
  readonly sequence: number;
  readonly task_id: string;
  /** Epoch milliseconds. */
  readonly at: number;
};
