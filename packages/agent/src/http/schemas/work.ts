/** Shapes of `POST /api/process` and of tasks. What belongs to one kind of task comes from its definition. */

import { z } from '@hono/zod-openapi';
import { attemptSchema } from '../../tasks/attempts.ts';
import { codeSchema } from '../../tasks/inputs.ts';
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

const TASK_STATUSES = ['queued', 'running', 'review', 'succeeded', 'failed', 'cancelled', 'interrupted'] as const;

export const taskStatusSchema = z.enum(TASK_STATUSES);

/** What a list says of a task. */
const summaryMembers = {
  task_id: z.string(),
  type: z.string(),
  title: z.string().describe('one line from the request'),
  status: taskStatusSchema,
  receipt_id: z.string().describe('reserved when the task was accepted; there is a receipt when it has ended'),
  started_at: z.string().describe('when it was accepted'),
  ended_at: z.string().nullable(),
  elapsed_ms: z.number().int().nullable().describe('until its end, or until now; null for one that a crash interrupted'),
  attempts: z.number().int(),
  code: z.string().nullable().describe('why it did not succeed, in docs/errors.md'),
};

export const taskSummarySchema = z.object(summaryMembers).openapi('TaskSummary');

export const taskListSchema = z.object({
  tasks: z.array(taskSummarySchema),
  next: z.number().int().nullable().describe('cursor of the next page; null on the last one'),
});

export const attemptListSchema = z.object({ attempts: z.array(attemptSchema) });

export const taskRequestSchema = z.object({ data: z.record(z.string(), z.unknown()) });

/** State of a task; `result` is its answer. */
function taskStateSchema(answer: z.ZodType) {
  return z
    .object({
      ...summaryMembers,
      step: z.string().optional().describe('newest step, of tasks that are in memory'),
      result: answer.nullish(),
      error: z.string().optional(),
    })
    .openapi('TaskState');
}

/** A decision on code that waits for a person (spec/receipt.md §3a). */
export const reviewSchema = z
  .object({
    attempt: z.number().int().min(1),
    proposed_hash: z.string().regex(/^sha256:[0-9a-f]{64}$/, 'expected the code_hash of the event "review"'),
    decision: z.enum(['run', 'discard']),
    code: codeSchema.optional().describe('the edited program; left out to run it as it is'),
  })
  .openapi('Review');

export const reviewedSchema = z.object({ task_id: z.string(), receipt_id: z.string(), status: z.literal('decided') });

export const cancelledSchema = z.object({
  task_id: z.string(),
  status: z.enum(['ended', 'cancelling']),
  receipt_id: z.string(),
});

export const artifactListSchema = z.object({
  artifacts: z.array(z.object({ path: z.string(), mediaType: z.string(), bytes: z.number().int(), sha256: z.string() })),
});
