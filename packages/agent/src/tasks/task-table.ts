/**
 * The tasks of this process: checks a request, starts it, finds it again by id, cancels it, and waits for all of them at the
 * end. Finished tasks stay for those who still watch; older ones are found in the ledger.
 */

import { z } from 'zod';
import { ServerError } from '../errors.ts';
import type { TaskBroadcast } from './elsewhere/task-broadcast.ts';
import type { PreparedTask, RegisteredTask } from './registry.ts';
import { type RunningTask, type RunTaskOptions, startTask, type TaskRequest } from './run-task.ts';
import type { TaskNeed } from './task.ts';
import { Turns } from './turns.ts';

export interface TaskTableOptions extends Omit<RunTaskOptions, 'turns'> {
  readonly tasks: ReadonlyMap<string, RegisteredTask>;
  /** How many may run at once. */
  readonly most: number;
  /** Tells the other agents on the same store; absent for an agent that is alone on its store. */
  readonly broadcast?: Pick<TaskBroadcast, 'add'> | undefined;
}

/** Tasks that may wait, for their turn or for a person. */
const MOST_WAITING = 64;
/** Finished tasks that are remembered with their events, and the bytes that answers and events may hold together; the store has the rest. */
const REMEMBERED = 64;
const REMEMBERED_BYTES = 16 * 1024 * 1024;

export class TaskTable {
  readonly #options: TaskTableOptions;
  readonly #turns: Turns;
  readonly #running = new Map<string, RunningTask>();
  /** Requests of what runs, so that others who may see the task can see what was asked. */
  readonly #requests = new Map<string, TaskRequest>();
  readonly #finished = new Map<string, { readonly task: RunningTask; readonly bytes: number }>();
  #finishedBytes = 0;
  readonly #awaited = new Map<string, Set<() => void>>();
  #stopping = false;

  constructor(options: TaskTableOptions) {
    this.#options = options;
    this.#turns = new Turns(options.most);
  }

  get running(): number {
    return this.#running.size;
  }

  /** Every kind of task, for documents. */
  get types(): readonly RegisteredTask[] {
    return [...this.#options.tasks.values()];
  }

  /**
   * Starts a task.
   * @throws {ServerError} `task/unknown-type`, `task/bad-input` (with `details.issues`), `http/conflict` for an id in use,
   * `server/busy`, `server/stopping`; the ledger's errors.
   */
  start(request: TaskRequest): RunningTask {
    if (this.#stopping) throw new ServerError('server/stopping', 'the agent is stopping; send the request again in a moment');
    const task = this.#prepare(request.data);
    const { most } = this.#options;
    const atWork = [...this.#running.values()].filter(({ progress }) => progress.status !== 'review').length;
    const full = this.#running.size >= most + MOST_WAITING || (request.mayWait !== true && atWork >= most);
    if (full) {
      throw new ServerError('server/busy', `the agent has ${this.#running.size} tasks already; try again in a moment`, {
        details: { retryAfterSeconds: 1 },
      });
    }
    const { access } = request;
    if (request.taskId !== null && this.#running.has(named(request.taskId, access))) {
      throw new ServerError('http/conflict', 'a task with this task_id is running; choose another id, or leave it out');
    }
    const running = startTask(task, request, { ...this.#options, turns: this.#turns });
    const name = named(running.id, access);
    this.#running.set(name, running);
    this.#requests.set(name, request);
    this.#forget(name);
    this.#options.broadcast?.add(running);
    const finish = (bytes: number): void => {
      this.#running.delete(name);
      this.#requests.delete(name);
      this.#remember(running, bytes + 2 * running.progress.length);
    };
    running.outcome.then(
      ({ answerBytes }) => finish(answerBytes),
      () => finish(0),
    );
    for (const wake of this.#awaited.get(name) ?? []) wake();
    return running;
  }

  /** A task that `access` may see: its own, or one of no key. Ids of one key are nothing to another. */
  find(id: string, access: string | null): RunningTask | null {
    return this.#find(named(id, access)) ?? this.#find(named(id, null));
  }

  #find(name: string): RunningTask | null {
    return this.#running.get(name) ?? this.#finished.get(name)?.task ?? null;
  }

  /** How many of the running tasks `access` may see. */
  runningOf(access: string | null): number {
    return [...this.#running.values()].filter((task) => task.access === null || task.access === access).length;
  }

  /** What was asked for by a task that has not ended, as `access` may see it. */
  requestOf(id: string, access: string | null): TaskRequest | null {
    return this.#requests.get(named(id, access)) ?? this.#requests.get(named(id, null)) ?? null;
  }

  /**
   * What the work that `data` asks for needs.
   * @throws {ServerError} `task/unknown-type`, `task/bad-input`.
   */
  needsOf(data: Readonly<Record<string, unknown>>): readonly TaskNeed[] {
    return this.#prepare(data).needs;
  }

  /** Keeps a finished task, and lets the oldest go until count and bytes fit; an answer that is too large alone is not kept. */
  #remember(task: RunningTask, bytes: number): void {
    this.#finished.set(named(task.id, task.access), { task, bytes });
    this.#finishedBytes += bytes;
    for (const name of this.#finished.keys()) {
      if (this.#finished.size <= REMEMBERED && this.#finishedBytes <= REMEMBERED_BYTES) return;
      this.#forget(name);
    }
  }

  #forget(name: string): void {
    this.#finishedBytes -= this.#finished.get(name)?.bytes ?? 0;
    this.#finished.delete(name);
  }

  /** The task of `access`, also when it is started only later; `null` when `signal` aborts. */
  async await(id: string, access: string | null, signal: AbortSignal): Promise<RunningTask | null> {
    const there = this.find(id, access);
    if (there !== null || this.#awaited.size > 1000) return there;
    const name = named(id, access);
    const waiting = this.#awaited.get(name) ?? new Set();
    this.#awaited.set(name, waiting);
    await new Promise<void>((resolve) => {
      const wake = (): void => {
        waiting.delete(wake);
        if (waiting.size === 0) this.#awaited.delete(name);
        resolve();
      };
      waiting.add(wake);
      signal.addEventListener('abort', wake, { once: true });
    });
    return this.find(id, access);
  }

  /** Takes no more work, gives what runs `graceMs` to end, cancels the rest, and waits until every receipt is sealed. */
  async drain(graceMs: number): Promise<void> {
    this.#stopping = true;
    const all = Promise.allSettled([...this.#running.values()].map(({ outcome }) => outcome));
    for (const task of this.#running.values())
      if (task.progress.status === 'queued' || task.progress.status === 'review') task.cancel('task/interrupted');
    const timer = setTimeout(() => {
      for (const task of this.#running.values()) task.cancel('task/interrupted');
    }, graceMs);
    await all;
    clearTimeout(timer);
  }

  #prepare(data: Readonly<Record<string, unknown>>): PreparedTask {
    const type = data.type === undefined && typeof data.command === 'string' ? 'shell' : data.type;
    if (type === undefined)
      throw new ServerError(
        'task/bad-input',
        `data.type: expected one of ${[...this.#options.tasks.keys()].join(', ')}, got none; send {"data": {"type": …}}`,
      );
    const task = typeof type === 'string' ? this.#options.tasks.get(type) : undefined;
    if (task === undefined) {
      throw new ServerError('task/unknown-type', 'Unknown task type', {
        details: { requestedType: type, known: [...this.#options.tasks.keys()] },
      });
    }
    const prepared = task.prepare(data);
    if (!(prepared instanceof z.ZodError)) return prepared;
    const issues = prepared.issues
      .slice(0, 20)
      .map((issue) => ({ path: z.core.toDotPath(['data', ...issue.path]), message: issue.message }));
    const [first] = issues;
    throw new ServerError('task/bad-input', `${first?.path ?? 'data'}: ${first?.message ?? 'malformed'}`, {
      details: { issues },
    });
  }
}

/** A task's name in this table: ids are chosen by clients, each key for itself. */
function named(id: string, access: string | null): string {
  return `${access ?? ''} ${id}`;
}
