/** Shapes of `/api/models`: models that run on this machine. */

import { z } from '@hono/zod-openapi';
import type { FetchProgress } from '../../ports/local-models.ts';

export const fetchProgressSchema = z
  .object({
    name: z.string(),
    status: z.enum(['running', 'fetched', 'failed', 'cancelled']),
    step: z
      .enum(['engine', 'model', 'checking'])
      .describe('engine: it is being installed; model: bytes come; checking: a file that is there is read'),
    bytes_done: z.number().int(),
    bytes_total: z.number().int(),
    source: z.string().nullable().describe('where the bytes come from, for people'),
    error: z.object({ code: z.string(), message: z.string() }).nullable(),
  })
  .openapi('ModelFetch');

const localModelSchema = z.object({
  name: z.string(),
  title: z.string(),
  bytes: z.number().int(),
  sha256: z.string().describe('lower-case hex'),
  licence: z.string().describe('SPDX'),
  writes: z.enum(['programs', 'words']).describe('words: too small for programs'),
  recommended: z.boolean(),
  fetched: z.boolean(),
});

export const localModelsSchema = z
  .object({
    connected: z.boolean().describe('false: no model runs; only recorded demos are answered'),
    engine: z.object({
      version: z.string(),
      supported: z.boolean().describe('false: no model can run on this machine itself'),
      installed: z.boolean(),
      detail: z.string(),
    }),
    models: z.array(localModelSchema),
    demos: z
      .array(
        z.object({
          description: z.string(),
          language: z.enum(['python', 'javascript', 'chat']),
          context: z.record(z.string(), z.unknown()).nullable(),
          files: z.array(z.object({ path: z.string(), content: z.string() })).describe('samples that the program reads'),
        }),
      )
      .describe('tasks that recorded answers answer; empty while a model is connected'),
    fetch: fetchProgressSchema.nullable().describe('the newest one since the agent started'),
  })
  .openapi('LocalModels');

export const fetchRequestSchema = z.strictObject({ name: z.string().min(1).max(80) });

/** As it is sent. */
export function fetchProgressBody(progress: FetchProgress): z.infer<typeof fetchProgressSchema> {
  const { name, status, step, bytesDone, bytesTotal, source, error } = progress;
  return { name, status, step, bytes_done: bytesDone, bytes_total: bytesTotal, source, error };
}
