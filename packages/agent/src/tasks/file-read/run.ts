/** `file_read`: gives back a file that a workspace keeps. The host's own files are out of reach by construction. */

import { encodeBase64 } from '@assay/encoding/base64';
import { z } from 'zod';
import { DEFAULT_WORKSPACE } from '../../ports/workspaces.ts';
import { workspaceSchema } from '../inputs.ts';
import type { Task } from '../task.ts';

const input = z.object({
  type: z.literal('file_read'),
  path: z.string().min(1).max(4096),
  include_attestation: z.boolean().default(false),
  workspace: workspaceSchema,
});

const answer = z.object({
  data: z.object({
    file: z.string(),
    content: z.string().nullable().describe('null when the bytes are not UTF-8'),
    content_base64: z.string().optional(),
  }),
});

export const fileRead: Task<z.infer<typeof input>, z.infer<typeof answer>> = {
  type: 'file_read',
  summary: 'Reads a file that was kept under /tmp.',
  needs: [],
  input,
  answer,
  run: async (task, context) => {
    const path = task.path.startsWith('/') ? task.path : `/tmp/${task.path}`;
    const bytes = await context.ports.workspaces.read(task.workspace ?? DEFAULT_WORKSPACE, path);
    const contentHash = context.draft.payload(`files${path}`, 'application/octet-stream', bytes);
    context.draft.append({ type: 'file.read', path, bytes: bytes.length, content_hash: contentHash });
    const content = asText(bytes);
    const data = content === null ? { file: path, content, content_base64: encodeBase64(bytes) } : { file: path, content };
    return { ending: { status: 'succeeded', message: 'File read' }, answer: { data } };
  },
};

function asText(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
}
