/**
 * One task that a page follows: its summary, its steps as they come, and its result once that verified. The line may break and the agent may
 * be started again: the page attaches again by itself.
 */

import type { Agent, RunResult, TaskRun, TaskSummary } from 'assay';
import { useEffect, useState } from 'preact/hooks';
import { seenProgress, takeRun } from './started-tasks.ts';
import { foldStep, NO_PROGRESS, type TaskProgress } from './task-progress.ts';

export interface FollowedTask {
  /** `null` until it was read. */
  readonly summary: TaskSummary | null;
  /** When the summary was read, by this page's own steady clock, milliseconds. */
  readonly readAt: number;
  readonly progress: TaskProgress;
  /** Its bundle verified in this browser. */
  readonly result: RunResult | null;
  readonly state: 'reading' | 'following' | 'ended' | 'missing' | 'lost-line';
  /** Why there is no result; empty when nothing is wrong. */
  readonly fault: string;
}

const RETRY_MS = 3000;

const FRESH: FollowedTask = { summary: null, readAt: 0, progress: NO_PROGRESS, result: null, state: 'reading', fault: '' };

/** Follows a task while the component is there. `agent` is `null` while none is verified. */
export function useFollowedTask(agent: Agent | null, id: string): FollowedTask {
  const [task, setTask] = useState<FollowedTask>(() => ({ ...FRESH, progress: seenProgress.get(id) ?? NO_PROGRESS }));
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    setTask({ ...FRESH, progress: seenProgress.get(id) ?? NO_PROGRESS });
  }, [id]);
  useEffect(() => {
    if (agent === null) return;
    let retry: ReturnType<typeof setTimeout> | undefined;
    const follower = new Follower(agent, id, (change) => setTask((known) => ({ ...known, ...change })));
    void follower.run().then((again) => {
      if (again) retry = setTimeout(() => setTurn((known) => known + 1), RETRY_MS);
    });
    return () => {
      clearTimeout(retry);
      follower.stop();
    };
  }, [agent, id, turn]);
  return task;
}

/** One attachment to a task. */
class Follower {
  readonly #agent: Agent;
  readonly #id: string;
  readonly #put: (change: Partial<FollowedTask>) => void;
  #progress: TaskProgress = NO_PROGRESS;
  #frame: number | null = null;
  #run: TaskRun | null = null;
  #stopped = false;

  constructor(agent: Agent, id: string, put: (change: Partial<FollowedTask>) => void) {
    this.#agent = agent;
    this.#id = id;
    this.#put = (change) => {
      if (!this.#stopped) put(change);
    };
  }

  stop(): void {
    this.#stopped = true;
    if (this.#frame !== null) cancelAnimationFrame(this.#frame);
    this.#run?.leave();
  }

  /** True when it is worth trying again. */
  async run(): Promise<boolean> {
    try {
      await this.#readSummary();
      this.#put({ state: 'following', fault: '' });
      this.#run = takeRun(this.#id) ?? this.#agent.attach(this.#id);
      for await (const step of this.#run) {
        this.#progress = foldStep(this.#progress, step);
        this.#draw();
        if (step.type === 'done') await this.#readSummary();
      }
      this.#put({ state: 'ended', result: await this.#run, progress: this.#progress });
      return false;
    } catch (error) {
      return this.#failed(error);
    }
  }

  async #readSummary(): Promise<TaskSummary> {
    const summary = await this.#agent.tasks.find(this.#id);
    this.#put({ summary, readAt: performance.now() });
    return summary;
  }

  /** What this tab saw of a task that a crash took from the agent: there is no receipt to tell it again. */
  #lost(): TaskProgress {
    const { attempts } = seenProgress.get(this.#id) ?? NO_PROGRESS;
    const { attempts: told } = this.#progress;
    return told.length > 0 ? this.#progress : { ...this.#progress, attempts };
  }

  #failed(error: unknown): boolean {
    const { code, details } = error as { readonly code?: string; readonly details?: { readonly status?: number } };
    const fault = error instanceof Error ? error.message : String(error);
    if (code === 'client/task-lost') {
      const progress = this.#lost();
      this.#put({ state: 'ended', fault: progress.end?.status === 'interrupted' ? '' : fault, progress });
      return false;
    }
    if (this.#progress.end !== null) {
      // An interrupted task acknowledged nothing that could be verified.
      const { status } = this.#progress.end;
      this.#put({ state: 'ended', fault: status === 'interrupted' ? '' : fault, progress: this.#progress });
      return false;
    }
    if (details?.status === 404) {
      this.#put({ state: 'missing', fault });
      return false;
    }
    this.#put({ state: 'lost-line', fault });
    return true;
  }

  /** At most once a frame: programs may print thousands of lines in one. */
  #draw(): void {
    if (this.#stopped) return;
    if (this.#progress.attempts.length > 0) seenProgress.set(this.#id, this.#progress);
    this.#frame ??= requestAnimationFrame(() => {
      this.#frame = null;
      this.#put({ progress: this.#progress });
    });
  }
}
