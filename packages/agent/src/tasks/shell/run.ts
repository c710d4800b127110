/** `shell`: runs a command line in the sandbox's own shell, never on the host. Reply shape of the origin's sandbox. */

import { SandboxError } from '@assay/sandbox';
import { z } from 'zod';
import { executeAnswerSchema, executeCode } from '../execute/run.ts';
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

const answer = executeAnswerSchema.extend({
  data: z.object({
    session_id: z.string(),
    command: z.string(),
    status: z.enum(['completed', 'hard_timeout']),
    output: z.string(),
    exit_code: z.number().int().nullable(),
  }),
});

export const shell: Task<z.infer<typeof input>, z.infer<typeof answer>> = {
  type: 'shell',
  summary: 'Runs a command line in the sandbox.',
  needs: ['sandbox'],
  input,
  answer,
  run: async (task, context) => {
    if (!context.ports.sandbox.capabilities.languages.includes('shell')) {
      const { lane } = context.ports.sandbox.capabilities;
      throw new SandboxError(
        'sandbox/language-unavailable',
        `the ${lane} sandbox of this agent has no shell; send python or javascript code, or run the agent where Linux namespaces work`,
      );
    }
    const limits = task.timeout === undefined ? undefined : { seconds: task.timeout };
    const { ending, ...done } = await executeCode(
      { ...task, code: task.command, language: 'shell', limits, network: undefined, reproducible: false },
      context,
    );
    const { status, stdout, stderr, exit_code } = done.answer.execution_details;
    const data = {
      session_id: context.taskId,
      command: task.command,
      status: status === 'timeout' ? ('hard_timeout' as const) : ('completed' as const),
      output: stdout + stderr,
      exit_code,
    };
    const message = ending.status === 'succeeded' ? 'Command executed' : 'Command failed';
    return { ...done, ending: { ...ending, message }, answer: { ...done.answer, data } };
  },
};
