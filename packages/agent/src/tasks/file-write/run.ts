/** `file_write`: keeps a file under `/tmp` of a workspace, where the code of later tasks finds it. */

import { z } from 'zod';
import { ServerError } from '../../errors.ts';
import { DEFAULT_WORKSPACE } from '../../ports/workspaces.ts';
import { readFiles, workspaceSchema } from '../inputs.ts';
import type { Task } from '../task.ts';

const input = z.object({
  type: z.literal('file_write'),
  path: z.string().min(1).max(4096),
  content: z.string().optional().describe('text, stored as UTF-8'),
  content_base64: z.string().optional().describe('bytes as padded base64'),
  include_attestation: z.boolean().default(false),
  workspace: workspaceSchema,
});

const answer = z.object({ data: z.object({ file: z.string(), bytes_written: z.number().int() }) });

export const fileWrite: Task<z.infer<typeof input>, z.infer<typeof answer>> = {
  type: 'file_write',
  summary: 'Keeps a file under /tmp for later tasks.',
  needs: [],
  input,
  answer,
  run: async (task, context) => {
    if ((task.content === undefined) === (task.content_base64 === undefined)) {
      throw new ServerError('task/bad-input', 'expected content or content_base64, one of them');
    }
    const files = readFiles([{ path: task.path, content: task.content, content_base64: task.content_base64 }]);
    const [file] = files;
    if (file === undefined) throw new ServerError('task/bad-input', 'expected a file');
    await context.ports.workspaces.write(task.workspace ?? DEFAULT_WORKSPACE, files);
    const contentHash = context.draft.payload(`files${file.path}`, 'application/octet-stream', file.bytes);
    context.draft.append({ type: 'file.written', path: file.path, bytes: file.bytes.length, content_hash: contentHash });
    return {
      ending: { status: 'succeeded', message: 'File written' },
      answer: { data: { file: file.path, bytes_written: file.bytes.length } },
    };
  },
};
