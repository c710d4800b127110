/** `nodejs`: runs JavaScript. Reply shape of the origin's sandbox. */

import { z } from 'zod';
import { executeCode } from '../execute/run.ts';
import { codeSchema, filesSchema, networkSchema, timeoutSchema, workspaceSchema } from '../inputs.ts';
import type { Task } from '../task.ts';

const input = z.object({
  type: z.literal('nodejs'),
  code: codeSchema,
  files: filesSchema,
  stdin: z
    .string()
    .max(1024 * 1024)
    .optional(),
  timeout: timeoutSchema,
  include_attestation: z.boolean().default(false),
  workspace: workspaceSchema,
  network: networkSchema,
});

export const nodejs: Task<z.infer<typeof input>> = {
  type: 'nodejs',
  summary: 'Runs JavaScript in the sandbox.',
  input,
  run: async (task, context) => {
    const limits = task.timeout === undefined ? undefined : { seconds: task.timeout };
    const answer = await executeCode({ ...task, language: 'javascript', limits }, context);
    const details = answer.members.execution_details as {
      stdout: string;
      stderr: string;
      status: string;
      exit_code: number | null;
    };
    const data = {
      language: 'javascript',
      status: details.status,
      code: task.code,
      stdout: details.stdout,
      stderr: details.stderr,
      exit_code: details.exit_code,
    };
    return { ...answer, members: { ...answer.members, data } };
  },
};
