/** `file_read`: gives back a file that a workspace keeps. The host's own files are out of reach by construction. */

import { encodeBase64 } from '@assay/encoding/base64';
import { z } from 'zod';
import { DEFAULT_WORKSPACE } from '../../ports/workspaces.ts';
import { workspaceSchema } from '../inputs.ts';
import type { Task } from '../task.ts';

/** The file, its text, and the answer that holds the text. */
const HELD_TIMES = 3;

const input = z.object({
  type: z.literal('file_read'),
  path: z.string().min(1).max(4096),
  include_attestation: z.boolean().default(false),
  workspace: workspaceSchema,
});

const answer = z.object({
  data: z.object({
    file: z.string(),
    content: z.string().nullable().describe('null when the bytes are no text'),
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
    const { workspaces } = context.ports;
    const workspace = task.workspace ?? DEFAULT_WORKSPACE;
    const entry = (await workspaces.list(workspace)).find((candidate) => candidate.path === path);
    context.holdInputs((entry?.bytes ?? 0) * HELD_TIMES);
    const bytes = await workspaces.read(workspace, path);
    const contentHash = context.draft.payload(`files${path}`, 'application/octet-stream', bytes);
    context.draft.append({ type: 'file.read', path, bytes: bytes.length, content_hash: contentHash });
    const content = asText(bytes);
    const data = content === null ? { file: path, content, content_base64: encodeBase64(bytes) } : { file: path, content };
    return { ending: { status: 'succeeded', message: 'File read' }, answer: { data } };
  },
};

/** `null` for bytes that are no text, also for those whose JSON would be several times as long because they need escapes. */
function asText(bytes: Uint8Array): string | null {
  if (longEscapes(bytes) > bytes.length / 8) return null;
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
}

/** Control characters that JSON writes with six characters. */
function longEscapes(bytes: Uint8Array): number {
  let count = 0;
  for (const byte of bytes) if (byte < 0x20 && (byte < 0x08 || byte > 0x0d || byte === 0x0b)) count += 1;
  return count;
}
