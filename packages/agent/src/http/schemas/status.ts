/** What the agent says of itself. */

import { z } from 'zod';
import type { Sent } from '../route.ts';

export const healthSchema = z.object({ status: z.enum(['ok', 'stopping']), version: z.string() });

export const statusSchema = z
  .object({
    name: z.literal('assay'),
    version: z.string(),
    status: z.enum(['ok', 'stopping']),
    started_at: z.string(),
    uptime_seconds: z.number().int(),
    tasks_running: z.number().int(),
    tee: z.object({ name: z.string(), simulated: z.boolean() }),
    keyset_digest: z.string(),
    keyset: z.object({
      digest: z.string(),
      not_after: z.number().int().describe('epoch seconds'),
      next_at: z.number().int().describe('epoch seconds'),
      ending: z.array(z.object({ digest: z.string(), ends_at: z.number().int() })),
      failure: z.string().nullable().describe('why the last replacement failed'),
    }),
    model: z.object({
      provider: z.string(),
      model: z.string(),
      recorded: z.boolean(),
      reachable: z.boolean(),
      detail: z.string(),
    }),
    sandbox: z.object({
      lane: z.string().describe('opening: not yet there'),
      isolation: z.string(),
      languages: z.array(z.string()),
      packages: z.record(z.string(), z.array(z.string()).optional()),
      environment_digest: z.string().nullable(),
      self_test: z.array(z.unknown()),
      network: z.object({ mode: z.enum(['requested', 'listed', 'none']), hosts: z.array(z.string()) }),
    }),
    store: z.object({ name: z.string() }),
    log: z.object({ origin: z.string(), verifier_keys: z.array(z.string()) }),
    task_types: z.array(z.object({ type: z.string(), summary: z.string() })),
    warnings: z.array(z.string()),
  })
  .meta({ id: 'Status' });

/** As `/api/status` has it. */
export type AgentStatus = Sent<z.infer<typeof statusSchema>>;

export const rotatedSchema = z.object({
  keyset_digest: z.string(),
  previous_digest: z.string(),
  previous_ends_at: z.number().int().describe('epoch seconds; until then the old keys open requests'),
});
