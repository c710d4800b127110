/** Every task, one line each. A new task adds its folder and its line. */

import type { z } from 'zod';
import { execute } from './execute/run.ts';
import { fileRead } from './file-read/run.ts';
import { fileWrite } from './file-write/run.ts';
import { generateAndExecute } from './generate-and-execute/run.ts';
import { createJupyter } from './jupyter/run.ts';
import { nodejs } from './nodejs/run.ts';
import { shell } from './shell/run.ts';
import type { Task, TaskAnswer, TaskContext } from './task.ts';

/** A task whose input type is known to itself alone. */
export interface RegisteredTask {
  readonly type: string;
  readonly summary: string;
  readonly input: z.ZodType;
  readonly withoutSandbox: boolean;
  /** `input` must be what the task's own schema gave; the task table sees to it. */
  run(input: unknown, context: TaskContext): Promise<TaskAnswer>;
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
  ];
  return new Map(tasks.map((task) => [task.type, task]));
}

function register<Input>(task: Task<Input>): RegisteredTask {
  return {
    type: task.type,
    summary: task.summary,
    input: task.input,
    withoutSandbox: task.withoutSandbox ?? false,
    run: (input, context) => task.run(input as Input, context),
  };
}
