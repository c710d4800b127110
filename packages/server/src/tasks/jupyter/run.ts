/** `jupyter`: runs Python cells that share state within a session. Reply shape of the origin's sandbox. */

import { z } from 'zod';
import { codeSchema, filesSchema, readFiles, timeoutSchema, workspaceSchema } from '../inputs.ts';
import { describeRun, failureText, runCode } from '../run-code.ts';
import type { Task, TaskAnswer } from '../task.ts';
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

/** The task with a table of sessions of its own. */
export function createJupyter(sessions = new Sessions()): Task<z.infer<typeof input>> {
  return {
    type: 'jupyter',
    summary: 'Runs Python cells that share state.',
    input,
    run: async (task, context): Promise<TaskAnswer> => {
      const wishes = { workspace: task.workspace, files: readFiles(task.files) };
      await keepRequestFiles(context.ports.workspaces, wishes);
      const files = await gatherFiles(context.ports.workspaces, wishes, task.code);
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
        const details = describeRun(result);
        const success = result.status === 'ok';
        const status = success ? 'ok' : result.status === 'timeout' ? 'timeout' : 'error';
        const outputs = [
          ...(result.stdout.text === '' ? [] : [{ output_type: 'stream', name: 'stdout', text: result.stdout.text }]),
          ...(result.stderr.text === '' ? [] : [{ output_type: 'stream', name: 'stderr', text: result.stderr.text }]),
          ...(result.value === null ? [] : [{ output_type: 'execute_result', data: { 'text/plain': result.value } }]),
          ...(result.error === null
            ? []
            : [
                {
                  output_type: 'error',
                  ename: result.error.name,
                  evalue: result.error.message,
                  traceback: result.error.traceback.split('\n'),
                },
              ]),
        ];
        return {
          success,
          members: {
            success,
            message: `${success ? 'Cell executed' : 'Cell failed'}${session.lost === null ? '' : '; the state of the session was lost before it'}`,
            ...(session.lost === null ? {} : { session_restarted: session.lost }),
            ...(end.state === 'kept' ? {} : { session_lost: end.reason }),
            ...(success ? {} : { error: failureText(result), error_code: 'task/code-failed' }),
            session_id: session.id,
            execution_result: { success, stdout: details.stdout, stderr: details.stderr, result: details.result },
            execution_details: details,
            output: details.stdout,
            result: details.result,
            data: {
              kernel_name: 'python3',
              session_id: session.id,
              status,
              execution_count: session.cells + 1,
              outputs,
              code: task.code,
              msg_id: context.taskId,
            },
          },
          artifacts,
          inference: null,
          errorCode: null,
        };
      } finally {
        sessions.giveBack(session, context.access, end, context.ports.clock.now());
      }
    },
  };
}
