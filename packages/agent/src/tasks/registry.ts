/** Every task, one line each. A new task adds its folder and its line. */

import type { z } from 'zod';
import { attestedAudit } from './attested-audit/run.ts';
import { attestedBuild } from './attested-build/run.ts';
import { execute } from './execute/run.ts';
import { fileRead } from './file-read/run.ts';
import { fileWrite } from './file-write/run.ts';
import { generateAndExecute } from './generate-and-execute/run.ts';
import { createJupyter } from './jupyter/run.ts';
import { nodejs } from './nodejs/run.ts';
import { shell } from './shell/run.ts';
import type { Task, TaskContext, TaskInput, TaskNeed, TaskResult } from './task.ts';

/** A task with a request that has its shape, ready to run. The input's type stays inside. */
export interface PreparedTask {
  readonly type: string;
  readonly needs: readonly TaskNeed[];
  /** Whether the answer is to carry an attestation. */
  readonly attested: boolean;
  run(context: TaskContext): Promise<TaskResult>;
}

/** A kind of task, whatever its input and answer. */
export interface RegisteredTask {
  readonly type: string;
  readonly summary: string;
  readonly input: z.ZodObject;
  readonly answer: z.ZodObject;
  /** The work that `data` asks for, or what is wrong with it. */
  prepare(data: Readonly<Record<string, unknown>>): PreparedTask | z.ZodError;
}

/** A fresh set of tasks, with state of their own where they keep any. */
export function createTasks(): ReadonlyMap<string, RegisteredTask> {
  const tasks = [
    register(generateAndExecute),
    register(execute),
    register(shell),
    register(fileRead),
    register(fileWrite),
    register(createJupyter()),
    register(nodejs),
    register(attestedBuild),
    register(attestedAudit),
  ];
  return new Map(tasks.map((task) => [task.type, task]));
}

function register<Input extends TaskInput, Answer extends object>(task: Task<Input, Answer>): RegisteredTask {
  const { type, summary, needs, input, answer } = task;
  return {
    type,
    summary,
    input,
    answer,
    prepare: (data) => {
      const checked = input.safeParse({ ...data, type });
      if (!checked.success) return checked.error;
      return { type, needs, attested: checked.data.include_attestation, run: (context) => task.run(checked.data, context) };
    },
  };
}
