/** `execute`: runs code that the person wrote. No model is involved. */

import { z } from 'zod';
import { ServerError } from '../../errors.ts';
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
import { describeRun, failureText, runCode } from '../run-code.ts';
import type { Task, TaskAnswer, TaskContext } from '../task.ts';
import { gatherFiles, keepRequestFiles } from '../task-files.ts';

const input = z.object({
  type: z.literal('execute'),
  code: codeSchema,
  language: z.enum(['python', 'javascript', 'shell']).default('python'),
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

export const execute: Task<z.infer<typeof input>> = {
  type: 'execute',
  summary: 'Runs your own code in the sandbox.',
  input,
  run: (task, context) => executeCode(task, context),
};

export type ExecuteInput = Omit<z.infer<typeof input>, 'type'>;

/** Runs the code and describes the run with the members that `ai_generate_and_execute` has, too. */
export async function executeCode(task: ExecuteInput, context: TaskContext): Promise<TaskAnswer> {
  const wishes = { workspace: task.workspace, files: readFiles(task.files) };
  const permit = context.ports.permitHosts(task.network?.allow ?? []);
  const [refusal] = permit.refused;
  if (refusal !== undefined)
    throw new ServerError('sandbox/network-refused', `code may not reach ${refusal.host}: ${refusal.reason}`);
  await keepRequestFiles(context.ports.workspaces, wishes);
  const { result, artifacts } = await runCode(context, {
    attempt: 1,
    language: task.language,
    code: task.code,
    source: 'client',
    files: await gatherFiles(context.ports.workspaces, wishes, task.code),
    hosts: permit.allowed,
    limits: task.limits,
    stdin: task.stdin,
    argv: task.argv,
    reproducible: task.reproducible,
  });
  if (task.workspace !== undefined && task.workspace !== DEFAULT_WORKSPACE && result.artifacts.length > 0) {
    await context.ports.workspaces.write(task.workspace, result.artifacts);
  }
  const details = describeRun(result);
  const success = result.status === 'ok';
  return {
    success,
    members: {
      success,
      message: success ? 'Code executed successfully' : 'Code execution failed',
      ...(success ? {} : { error: failureText(result), error_code: 'task/code-failed' }),
      language: task.language,
      execution_result: { success, stdout: details.stdout, stderr: details.stderr, result: details.result },
      execution_details: details,
      output: details.stdout,
      result: details.result,
    },
    artifacts,
    inference: null,
    errorCode: null,
  };
}
