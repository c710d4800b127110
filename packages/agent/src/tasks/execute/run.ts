/** `execute`: runs code that the person wrote. No model is involved. */

import { SandboxError } from '@assay/sandbox';
import { z } from 'zod';
import { DEFAULT_WORKSPACE } from '../../ports/workspaces.ts';
import {
  codeSchema,
  filesSchema,
  limitsSchema,
  networkSchema,
  readFiles,
  reproducibleSchema,
  workspaceSchema,
} from '../inputs.ts';
import { codeAnswer, codeAnswerSchema, runEnding } from '../run-answer.ts';
import { runCode } from '../run-code.ts';
import type { Task, TaskContext, TaskResult } from '../task.ts';
import { gatherFiles, keepRequestFiles } from '../task-files.ts';

const languageSchema = z.enum(['python', 'javascript', 'shell']);

const input = z.object({
  type: z.literal('execute'),
  code: codeSchema,
  language: languageSchema.default('python'),
  stdin: z
    .string()
    .max(1024 * 1024)
    .optional(),
  argv: z.array(z.string().max(4096)).max(64).optional(),
  include_attestation: z.boolean().default(false),
  files: filesSchema,
  workspace: workspaceSchema,
  network: networkSchema,
  limits: limitsSchema,
  reproducible: reproducibleSchema,
});

/** The run and its language. */
export const executeAnswerSchema = codeAnswerSchema.extend({ language: languageSchema });

export const execute: Task<z.infer<typeof input>, ExecuteAnswer> = {
  type: 'execute',
  summary: 'Runs your own code in the sandbox.',
  needs: ['sandbox'],
  input,
  answer: executeAnswerSchema,
  run: (task, context) => executeCode(task, context),
};

export type ExecuteInput = Omit<z.infer<typeof input>, 'type' | 'include_attestation'>;
export type ExecuteAnswer = z.infer<typeof executeAnswerSchema>;

/**
 * Runs the code and describes the run with the members that `ai_generate_and_execute` has, too.
 * @throws {SandboxError} `sandbox/network-refused`, and those of the lane.
 */
export async function executeCode(task: ExecuteInput, context: TaskContext): Promise<TaskResult<ExecuteAnswer>> {
  const wishes = { workspace: task.workspace, files: readFiles(task.files) };
  const permit = context.ports.permitHosts(task.network?.allow ?? []);
  const [refusal] = permit.refused;
  if (refusal !== undefined)
    throw new SandboxError('sandbox/network-refused', `code may not reach ${refusal.host}: ${refusal.reason}`);
  await keepRequestFiles(context.ports.workspaces, wishes);
  const { result, artifacts } = await runCode(context, {
    attempt: 1,
    language: task.language,
    code: task.code,
    source: 'client',
    files: await gatherFiles(context, wishes, task.code),
    hosts: permit.allowed,
    limits: task.limits,
    stdin: task.stdin,
    argv: task.argv,
    reproducible: task.reproducible,
  });
  if (task.workspace !== undefined && task.workspace !== DEFAULT_WORKSPACE && result.artifacts.length > 0) {
    await context.ports.workspaces.write(task.workspace, result.artifacts);
  }
  return {
    ending: runEnding(result, { succeeded: 'Code executed successfully', failed: 'Code execution failed' }),
    answer: { language: task.language, ...codeAnswer(result) },
    artifacts,
  };
}
