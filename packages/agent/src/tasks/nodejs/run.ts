/** `nodejs`: runs JavaScript. Reply shape of the origin's sandbox. */

import { z } from 'zod';
import { executeAnswerSchema, executeCode } from '../execute/run.ts';
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

const answer = executeAnswerSchema.extend({
  data: z.object({
    language: z.literal('javascript'),
    status: z.string(),
    code: z.string(),
    stdout: z.string(),
    stderr: z.string(),
    exit_code: z.number().int().nullable(),
  }),
});

export const nodejs: Task<z.infer<typeof input>, z.infer<typeof answer>> = {
  type: 'nodejs',
  summary: 'Runs JavaScript in the sandbox.',
  needs: ['sandbox'],
  input,
  answer,
  run: async (task, context) => {
    const limits = task.timeout === undefined ? undefined : { seconds: task.timeout };
    const done = await executeCode({ ...task, language: 'javascript', limits }, context);
    const { status, stdout, stderr, exit_code } = done.answer.execution_details;
    return {
      ...done,
      answer: { ...done.answer, data: { language: 'javascript', status, code: task.code, stdout, stderr, exit_code } },
    };
  },
};
