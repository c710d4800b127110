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

export const fileRead: Task<z.infer<typeof input>> = {
  type: 'file_read',
  withoutSandbox: true,
  summary: 'Reads a file that was kept under /tmp.',
  input,
  run: async (task, context) => {
    const path = task.path.startsWith('/') ? task.path : `/tmp/${task.path}`;
    const bytes = await context.ports.workspaces.read(task.workspace ?? DEFAULT_WORKSPACE, path);
    const contentHash = context.draft.payload(`files${path}`, 'application/octet-stream', bytes);
    context.draft.append({ type: 'file.read', path, bytes: bytes.length, content_hash: contentHash });
    const content = asText(bytes);
    return {
      success: true,
      members: {
        success: true,
        message: 'File read',
        data: { file: path, ...(content === null ? { content: null, content_base64: encodeBase64(bytes) } : { content }) },
      },
      artifacts: [],
      inference: null,
      errorCode: null,
    };
  },
};

function asText(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
}
