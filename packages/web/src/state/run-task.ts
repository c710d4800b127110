/** One task of `/developer`, from its request to its checked result. */

import type { Agent, RunResult, TaskRun } from 'assay';
import { useState } from 'preact/hooks';
import { foldStep, NO_PROGRESS, type TaskProgress } from './task-progress.ts';
import type { TaskRequest } from './task-request.ts';
import { applyEvent, NO_TASK, type TaskView } from './task-steps.ts';

export interface TaskRunning {
  readonly view: TaskView;
  /** Every attempt so far. */
  readonly progress: TaskProgress;
  /** Its page is `/tasks/<id>`; `null` before the first task. */
  readonly id: string | null;
  readonly busy: boolean;
  readonly result: RunResult | null;
  /** Why it did not run, or did not come to a result; empty when nothing is wrong. */
  readonly fault: string;
  start(agent: Agent, request: TaskRequest): void;
  cancel(): void;
}

/** A task that one component runs. */
export function useTask(): TaskRunning {
  const [view, setView] = useState(NO_TASK);
  const [progress, setProgress] = useState(NO_PROGRESS);
  const [id, setId] = useState<string | null>(null);
  const [task, setTask] = useState<TaskRun | null>(null);
  const [result, setResult] = useState<RunResult | null>(null);
  const [fault, setFault] = useState('');

  const follow = async (agent: Agent, request: TaskRequest): Promise<void> => {
    setView({ ...NO_TASK, language: request.language, code: request.code ?? '' });
    setProgress(NO_PROGRESS);
    setResult(null);
    setFault('');
    const started = agent.run(request);
    setId(started.id);
    setTask(started);
    try {
      for await (const step of started) {
        setView((known) => applyEvent(known, step));
        setProgress((known) => foldStep(known, step));
      }
      setResult(await started);
    } catch (error) {
      setFault(error instanceof Error ? error.message : String(error));
    } finally {
      setTask(null);
    }
  };

  return {
    ...{ view, progress, id, result, fault, busy: task !== null },
    start: (agent, request) => void follow(agent, request),
    cancel: () => void task?.cancel().catch(() => undefined),
  };
}
