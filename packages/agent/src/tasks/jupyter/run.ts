/** `jupyter`: runs Python cells that share state within a session. Reply shape of the origin's sandbox. */

import type { SandboxResult } from '@assay/sandbox';
import { z } from 'zod';
import { codeSchema, filesSchema, readFiles, timeoutSchema, workspaceSchema } from '../inputs.ts';
import { codeAnswer, codeAnswerSchema, failureText, runEnding } from '../run-answer.ts';
import { runCode } from '../run-code.ts';
import type { Task } from '../task.ts';
import { gatherFiles, keepRequestFiles } from '../task-files.ts';
import { type CellEnd, Sessions } from './sessions.ts';

const input = z.object({
  type: z.literal('jupyter'),
  code: codeSchema,
  session_id: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,64}$/, 'expected 1 to 64 letters, digits, - and _')
    .optional(),
  timeout: timeoutSchema,
  include_attestation: z.boolean().default(false),
  files: filesSchema,
  workspace: workspaceSchema,
});

const outputSchema = z.discriminatedUnion('output_type', [
  z.object({ output_type: z.literal('stream'), name: z.enum(['stdout', 'stderr']), text: z.string() }),
  z.object({ output_type: z.literal('execute_result'), data: z.object({ 'text/plain': z.string() }) }),
  z.object({ output_type: z.literal('error'), ename: z.string(), evalue: z.string(), traceback: z.array(z.string()) }),
]);

const answer = codeAnswerSchema.extend({
  session_restarted: z.string().optional().describe('why the state of the earlier cells was lost'),
  session_lost: z.string().nullable().optional().describe('why the next cell begins without the state of this one'),
  session_id: z.string(),
  data: z.object({
    kernel_name: z.literal('python3'),
    session_id: z.string(),
    status: z.enum(['ok', 'timeout', 'error']),
    execution_count: z.number().int(),
    outputs: z.array(outputSchema),
    code: z.string(),
    msg_id: z.string(),
  }),
});

/** The task with a table of sessions of its own. */
export function createJupyter(sessions = new Sessions()): Task<z.infer<typeof input>, z.infer<typeof answer>> {
  return {
    type: 'jupyter',
    summary: 'Runs Python cells that share state.',
    needs: ['sandbox'],
    input,
    answer,
    run: async (task, context) => {
      const wishes = { workspace: task.workspace, files: readFiles(task.files) };
      await keepRequestFiles(context.ports.workspaces, wishes);
      const files = await gatherFiles(context, wishes, task.code);
      const session = sessions.take(task.session_id, context.access, context.ports.clock.now());
      let end: CellEnd = { state: 'lost', reason: null };
      try {
        const { result, artifacts } = await runCode(context, {
          attempt: 1,
          language: 'python',
          code: task.code,
          source: 'client',
          files,
          hosts: [],
          limits: task.timeout === undefined ? undefined : { seconds: task.timeout },
          session: { id: `${context.access ?? 'local'}-${session.id}`, previousClaim: session.previousClaim },
        });
        const goesOn = result.sessionLost === undefined && (result.status === 'ok' || result.status === 'error');
        end = goesOn
          ? { state: 'kept', claim: result.claimDigest }
          : { state: 'lost', reason: result.sessionLost ?? failureText(result) };
        const lostWord = session.lost === null ? '' : '; the state of the session was lost before it';
        return {
          ending: runEnding(result, { succeeded: `Cell executed${lostWord}`, failed: `Cell failed${lostWord}` }),
          answer: {
            ...(session.lost === null ? {} : { session_restarted: session.lost }),
            ...(end.state === 'kept' ? {} : { session_lost: end.reason }),
            session_id: session.id,
            ...codeAnswer(result),
            data: {
              kernel_name: 'python3',
              session_id: session.id,
              status: result.status === 'ok' || result.status === 'timeout' ? result.status : 'error',
              execution_count: session.cells + 1,
              outputs: outputsOf(result),
              code: task.code,
              msg_id: context.taskId,
            },
          },
          artifacts,
        };
      } finally {
        sessions.giveBack(session, context.access, end, context.ports.clock.now());
      }
    },
  };
}

/** The cell's outputs as a notebook's client reads them. */
function outputsOf({ stdout, stderr, value, error }: SandboxResult): z.infer<typeof outputSchema>[] {
  const outputs: z.infer<typeof outputSchema>[] = [];
  if (stdout.text !== '') outputs.push({ output_type: 'stream', name: 'stdout', text: stdout.text });
  if (stderr.text !== '') outputs.push({ output_type: 'stream', name: 'stderr', text: stderr.text });
  if (value !== null) outputs.push({ output_type: 'execute_result', data: { 'text/plain': value } });
  if (error !== null) {
    const { name, message, traceback } = error;
    outputs.push({ output_type: 'error', ename: name, evalue: message, traceback: traceback.split('\n') });
  }
  return outputs;
}
