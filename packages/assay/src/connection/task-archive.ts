/** The tasks of an agent, through the sealed channel: those that run and those that have ended, also before its last start. */

import { parseLooseJson } from '@assay/encoding/json';
import { contentOf, MAX_ANSWER_BYTES, refusalOf } from './answer-content.ts';
import type { TaskPort } from './task-port.ts';
import { type ReviewDecision, sendReview } from './task-review.ts';
import type { TaskStatus } from './task-step.ts';

/** A task as the agent lists it. */
export interface TaskSummary {
  readonly task_id: string;
  readonly type: string;
  readonly title: string;
  readonly status: TaskStatus;
  readonly receipt_id: string;
  /** ISO 8601, by the agent's clock, as every time here. */
  readonly started_at: string;
  readonly ended_at: string | null;
  readonly elapsed_ms: number | null;
  readonly attempts: number;
  /** Why it did not succeed; docs/errors.md. */
  readonly code: string | null;
}

/** One page of the tasks that an agent remembers. */
export interface TaskPage {
  /** Newest first. */
  readonly tasks: readonly TaskSummary[];
  /** For {@link TaskQuery.before}; `null` on the last page. */
  readonly next: number | null;
}

/** Which tasks to list. */
export interface TaskQuery {
  /** Text in title, type or ids, whatever its case. */
  readonly search?: string | undefined;
  readonly status?: readonly TaskStatus[] | undefined;
  readonly type?: readonly string[] | undefined;
  /** 1 to 200; 50 by default. */
  readonly limit?: number | undefined;
  readonly before?: number | undefined;
}

/** One attempt of a task. */
export interface TaskAttempt {
  /** From 1. */
  readonly attempt: number;
  readonly state: 'writing' | 'written' | 'review' | 'running' | 'succeeded' | 'failed' | 'stopped';
  readonly model: string | null;
  readonly language: string | null;
  readonly source: 'model' | 'client' | null;
  readonly code: string | null;
  /** What the model wrote, when the code was edited in its review. */
  readonly proposed_code: string | null;
  readonly lane: string | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Streams of which only the beginning is here. */
  readonly omitted: readonly string[];
  readonly error: string | null;
  readonly files: readonly { readonly path: string; readonly bytes: number; readonly media_type: string }[];
}

/** Every method rejects with {ClientError} `client/not-found` when the agent does not know the task. */
export interface TaskArchive {
  /** @example const { tasks } = await agent.tasks.list({ search: 'sales', status: ['failed'] }); */
  list(query?: TaskQuery): Promise<TaskPage>;
  /** Where the task stands, without its answer; `agent.attach(id)` gives that, verified. */
  find(id: string): Promise<TaskSummary>;
  /** The attempts so far, as the agent tells them: what counts is the receipt. */
  attempts(id: string): Promise<readonly TaskAttempt[]>;
  /**
   * What was asked for, to run it again.
   * @example const again = await agent.run(await agent.tasks.request(id));
   */
  request(id: string): Promise<{ readonly type: string; readonly [member: string]: unknown }>;
  /** Decides on code that waits; `agent.run` with `review` does it by itself. */
  review(id: string, decision: ReviewDecision): Promise<void>;
  cancel(id: string): Promise<void>;
}

export function taskArchive(port: TaskPort): TaskArchive {
  const read = async <Shape>(path: string, init?: RequestInit): Promise<Shape> => {
    const answer = await port.ask(path, init);
    if (!answer.ok) throw await refusalOf(answer);
    return parseLooseJson(new TextDecoder().decode(await contentOf(answer, MAX_ANSWER_BYTES))) as Shape;
  };
  const below = (id: string, rest = ''): string => `api/tasks/${encodeURIComponent(id)}${rest}`;
  return {
    list: (query = {}) => read(`api/tasks?${parametersOf(query)}`),
    find: (id) => read(below(id, '?brief=1')),
    attempts: async (id) => (await read<{ readonly attempts: readonly TaskAttempt[] }>(below(id, '/attempts'))).attempts,
    request: async (id) =>
      (await read<{ readonly data: { readonly type: string; readonly [member: string]: unknown } }>(below(id, '/request')))
        .data,
    review: async (id, decision) => {
      await sendReview(port, id, decision);
    },
    cancel: async (id) => {
      await read(below(id), { method: 'DELETE' });
    },
  };
}

function parametersOf({ search, status, type, limit, before }: TaskQuery): URLSearchParams {
  const parameters = new URLSearchParams();
  const set = (name: string, value: string | undefined): void => {
    if (value !== undefined && value !== '') parameters.set(name, value);
  };
  set('search', search?.trim());
  set('status', status?.join(','));
  set('type', type?.join(','));
  set('limit', limit?.toString());
  set('before', before?.toString());
  return parameters;
}
