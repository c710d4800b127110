/** `POST /api/tasks/{id}/review`: a person decides on code that waits (spec/receipt.md §3a). */

import { parseJson } from '@assay/encoding/json';
import { z } from 'zod';
import { ServerError } from '../../errors.ts';
import type { Api } from '../api.ts';
import { ownRecord, ownTask } from '../own-tasks.ts';
import { readBytes } from '../request-body.ts';
import { json, route } from '../route.ts';
import { reviewedSchema, reviewSchema } from '../schemas/work.ts';
import { goesOn } from '../task-watch.ts';
import type { Services } from './services.ts';

/** Code of the greatest length, every character escaped. */
const MAX_BYTES = 8 * 1024 * 1024;

const review = route({
  method: 'post',
  path: '/api/tasks/{id}/review',
  authority: 'key',
  tag: 'tasks',
  summary: 'Decide on code that waits for a review: run it, run it edited, or discard it',
  params: z.object({ id: z.string() }),
  body: { required: true, content: { 'application/json': reviewSchema } },
  answers: { 202: json(reviewedSchema, 'the task goes on') },
  errors: { 400: 'not JSON', 404: 'no such task', 409: 'no such code waits', 422: 'not a decision' },
});

export function reviewRoutes(api: Api, services: Services): void {
  api.on(review, async ({ c, params, reply }) => {
    const bytes = await readBytes(c.req.raw, MAX_BYTES);
    const checked = reviewSchema.safeParse(parsed(bytes));
    if (!checked.success) {
      const [issue] = checked.error.issues;
      throw new ServerError('task/bad-input', `${issue?.path.join('.') || 'review'}: ${issue?.message ?? 'malformed'}`);
    }
    const task = ownTask(params.id, c, services);
    const record = await ownRecord(params.id, c, services);
    const { receiptId, status } = record;
    const { attempt, proposed_hash: proposedHash, decision, code } = checked.data;
    const decided = { attempt, proposedHash, decision, code, requestBody: bytes };
    if (task !== null) task.review.decide(decided);
    else if (services.elsewhere !== null && goesOn(record)) await services.elsewhere.decide(record, decided);
    else throw new ServerError('http/conflict', `expected a task that waits for a review, got one that has ${status}`);
    return reply(202, { task_id: params.id, receipt_id: receiptId, status: 'decided' });
  });
}

function parsed(bytes: Uint8Array): unknown {
  try {
    return parseJson(bytes, { maxBytes: MAX_BYTES });
  } catch (cause) {
    throw new ServerError(
      'http/bad-json',
      `the body is not valid JSON: ${cause instanceof Error ? cause.message : 'malformed'}; send the decision again`,
      { cause },
    );
  }
}
