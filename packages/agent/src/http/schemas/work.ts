/** Shapes of `POST /api/process` and of tasks. What belongs to one kind of task comes from its definition. */

import { z } from '@hono/zod-openapi';
import type { RegisteredTask } from '../../tasks/registry.ts';
import { commonAnswerSchema, endingSchema } from '../../tasks/task-answer.ts';
import { problemSchema } from './problem.ts';
import { provenSchema } from './proof.ts';

/** Members of a request beside its `data`. */
export const envelopeSchema = z.object({
  task_id: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$/, 'expected 1 to 128 letters, digits and . _ : -')
    .nullish()
    .describe('chosen by the client, so that it can follow the task from the start'),
  query: z.string().max(32_768).nullish().describe('used as description when data has none'),
  nonce: z
    .string()
    .regex(/^[0-9a-f]{64}$/, 'expected 32 random bytes as 64 lower-case hex characters')
    .nullish()
    .describe('fresh, used once; bound into attestation and receipt'),
});

/** Work that could not be done: a problem, with the members of an answer, because it has a receipt like any other. */
const refusedAnswerSchema = problemSchema
  .extend({ ...endingSchema.shape, ...commonAnswerSchema.shape, ...provenSchema.shape })
  .meta({ id: 'RefusedAnswer' });

/** The shapes that depend on which tasks there are. */
export type WorkSchemas = ReturnType<typeof workSchemas>;

/** See {@link WorkSchemas}. */
export function workSchemas(tasks: readonly RegisteredTask[]) {
  const data = z.discriminatedUnion('type', tasks.map(requestOf) as [z.ZodObject, ...z.ZodObject[]]);
  const request = z.object({ ...envelopeSchema.shape, data }).openapi('ProcessRequest');
  const answer = z.union(tasks.map(answerOf));
  return { request, answer, state: taskStateSchema(z.union([answer, refusedAnswerSchema])) };
}

function requestOf({ type, summary, input }: RegisteredTask): z.ZodType {
  return input.openapi(type, { description: summary });
}

function answerOf({ type, summary, answer }: RegisteredTask) {
  const members = { ...endingSchema.shape, ...answer.shape, ...commonAnswerSchema.shape, ...provenSchema.shape };
  return z.object(members).openapi(`${type}_answer`, { description: `Answer of: ${summary}` });
}

export const acceptedSchema = z.object({
  task_id: z.string(),
  status: z.literal('running'),
  receipt_id: z.string(),
  status_url: z.string(),
  events_url: z.string(),
});

const taskStatusSchema = z.enum(['running', 'succeeded', 'failed', 'cancelled', 'interrupted']);

/** State of a task; `result` is its answer. */
function taskStateSchema(answer: z.ZodType) {
  return z
    .object({
      task_id: z.string(),
      type: z.string(),
      receipt_id: z.string(),
      started_at: z.string(),
      step: z.string().optional().describe('newest step, of tasks of this run of the agent'),
      status: taskStatusSchema,
      result: answer.nullish(),
      error: z.string().optional(),
      code: z.string().optional(),
    })
    .openapi('TaskState');
}

export const cancelledSchema = z.object({
  task_id: z.string(),
  status: z.enum(['ended', 'cancelling']),
  receipt_id: z.string(),
});

export const artifactListSchema = z.object({
  artifacts: z.array(z.object({ path: z.string(), mediaType: z.string(), bytes: z.number().int(), sha256: z.string() })),
});
