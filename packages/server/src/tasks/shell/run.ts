/** `shell`: runs a command line in the sandbox's own shell, never on the host. Reply shape of the origin's sandbox. */

import { z } from 'zod';
import { ServerError } from '../../errors.ts';
import { executeCode } from '../execute/run.ts';
import { codeSchema, filesSchema, timeoutSchema, workspaceSchema } from '../inputs.ts';
import type { Task } from '../task.ts';

const input = z.object({
  type: z.literal('shell').default('shell'),
  command: codeSchema,
  timeout: timeoutSchema,
  include_attestation: z.boolean().default(false),
  files: filesSchema,
  workspace: workspaceSchema,
});

export const shell: Task<z.infer<typeof input>> = {
  type: 'shell',
  summary: 'Runs a command line in the sandbox.',
  input,
  run: async (task, context) => {
    if (!context.ports.sandbox.capabilities.languages.includes('shell')) {
      const { lane } = context.ports.sandbox.capabilities;
      throw new ServerError(
        'sandbox/language-unavailable',
        `the ${lane} sandbox of this agent has no shell; send python or javascript code, or run the agent where Linux namespaces work`,
      );
    }
    const limits = task.timeout === undefined ? undefined : { seconds: task.timeout };
    const answer = await executeCode(
      { ...task, code: task.command, language: 'shell', limits, network: undefined, reproducible: false },
      context,
    );
    const details = answer.members.execution_details as {
      stdout: string;
      stderr: string;
      status: string;
      exit_code: number | null;
    };
    const status = details.status === 'timeout' ? 'hard_timeout' : 'completed';
    const data = {
      session_id: context.taskId,
      command: task.command,
      status,
      output: details.stdout + details.stderr,
      exit_code: details.exit_code,
    };
    return { ...answer, members: { ...answer.members, message: answer.success ? 'Command executed' : 'Command failed', data } };
  },
};
