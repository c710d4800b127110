/** Shapes that several tasks share: files, limits, network, workspace. Everything is bounded. */

import { decodeBase64 } from '@assay/encoding/base64';
import type { SandboxFile } from '@assay/sandbox';
import { z } from 'zod';
import { ServerError } from '../errors.ts';

const MAX_FILES = 256;
export const MAX_CODE_LENGTH = 1024 * 1024;

const fileSchema = z
  .object({
    path: z.string().min(1).max(4096).describe('absolute path under /tmp, or a name that is put there'),
    content: z.string().optional().describe('text, stored as UTF-8'),
    content_base64: z.string().optional().describe('bytes as padded base64'),
  })
  .refine((file) => (file.content === undefined) !== (file.content_base64 === undefined), {
    message: 'expected content or content_base64, one of them',
  });

/** A list of files, or an object of name → text as the origin's `nodejs` task takes it. */
export const filesSchema = z
  .union([z.array(fileSchema).max(MAX_FILES), z.record(z.string().min(1).max(4096), z.string())])
  .nullish()
  .describe('files the code finds under /tmp');

export const networkSchema = z
  .object({
    allow: z
      .array(
        z.string().regex(/^(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9a-fA-F:]+\]):[0-9]{1,5}$/, 'expected host:port'),
      )
      .max(16)
      .describe('host:port the code may reach, through the agent, recorded'),
  })
  .nullish();

export const limitsSchema = z
  .object({
    seconds: z.number().positive().max(300).optional().describe('wall time of one run'),
    memory_mb: z.number().int().min(32).max(65_536).optional(),
  })
  .nullish();

export const workspaceSchema = z
  .string()
  .regex(/^[a-z0-9](?:[a-z0-9_-]{0,62}[a-z0-9])?$/, 'expected 1 to 64 lower-case letters, digits, - and _')
  .optional()
  .describe('keep files under /tmp for later tasks under this name');

export const reproducibleSchema = z
  .boolean()
  .optional()
  .describe(
    'fix clock and entropy, so that anyone can re-run the code and compare; by default where the clock still runs then (wasm)',
  );

export const codeSchema = z.string().min(1).max(MAX_CODE_LENGTH);

/** Seconds of one run, as the origin's tasks name them. */
export const timeoutSchema = z.number().positive().max(300).optional();

/**
 * The files of a request; a bare name lands in `/tmp`.
 * @throws {ServerError} `task/bad-input` for bytes that are not base64.
 */
export function readFiles(files: z.infer<typeof filesSchema>): readonly SandboxFile[] {
  if (files === undefined || files === null) return [];
  if (!Array.isArray(files)) {
    return Object.entries(files).map(([path, text]) => ({ path: inTmp(path), bytes: new TextEncoder().encode(text) }));
  }
  return files.map(({ path, content, content_base64 }) => {
    if (content !== undefined) return { path: inTmp(path), bytes: new TextEncoder().encode(content) };
    try {
      return { path: inTmp(path), bytes: decodeBase64(content_base64 ?? '') };
    } catch (cause) {
      throw new ServerError(
        'task/bad-input',
        `files: content_base64 of ${JSON.stringify(path.slice(0, 120))} is not padded base64; encode the bytes again`,
        { cause },
      );
    }
  });
}

function inTmp(path: string): string {
  return path.startsWith('/') ? path : `/tmp/${path.replace(/^(?:\.\/)+/, '')}`;
}
