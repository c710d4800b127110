/** Folds the progress events of a task into its attempts, each with code, output, error and files. */

import { z } from 'zod';
import type { ProgressEvent } from '../ports/task-events.ts';

export const attemptSchema = z.object({
  attempt: z.number().int().describe('from 1'),
  state: z
    .enum(['writing', 'written', 'review', 'running', 'succeeded', 'failed', 'stopped'])
    .describe('stopped: the task was cancelled or ended before'),
  model: z.string().nullable().describe('who wrote the code; null for code of the client'),
  language: z.string().nullable(),
  source: z.enum(['model', 'client']).nullable(),
  code: z.string().nullable(),
  proposed_code: z.string().nullable().describe('what the model wrote, when the code was edited in its review'),
  lane: z.string().nullable(),
  stdout: z.string(),
  stderr: z.string(),
  omitted: z.array(z.enum(['text', 'stdout', 'stderr'])).describe('streams that are longer than what is kept here'),
  error: z.string().nullable(),
  files: z.array(z.object({ path: z.string(), bytes: z.number().int(), media_type: z.string() })),
});

export type Attempt = z.infer<typeof attemptSchema>;

const fresh = (attempt: number): Attempt => ({
  attempt,
  state: 'writing',
  model: null,
  language: null,
  source: null,
  code: null,
  proposed_code: null,
  lane: null,
  stdout: '',
  stderr: '',
  omitted: [],
  error: null,
  files: [],
});

/**
 * The attempts that some events tell of, in order.
 * @example const [first] = await attemptsOf(store.events(record));
 */
export async function attemptsOf(events: AsyncIterable<ProgressEvent> | Iterable<ProgressEvent>): Promise<readonly Attempt[]> {
  const attempts = new Map<number, Attempt>();
  for await (const event of events) {
    if (event.type === 'done') for (const attempt of attempts.values()) stop(attempt);
    if (!('attempt' in event)) continue;
    const attempt = attempts.get(event.attempt) ?? fresh(event.attempt);
    attempts.set(event.attempt, attempt);
    apply(attempt, event);
  }
  return [...attempts.values()];
}

function apply(attempt: Attempt, event: Extract<ProgressEvent, { readonly attempt: number }>): void {
  switch (event.type) {
    case 'writing':
      attempt.model = event.model;
      break;
    case 'code':
      if (attempt.code !== null) attempt.proposed_code = attempt.code;
      attempt.state = 'written';
      attempt.language = event.language;
      attempt.source = event.source;
      attempt.code = event.code;
      break;
    case 'review':
      attempt.state = 'review';
      break;
    case 'reviewed':
      attempt.state = 'written';
      break;
    case 'running':
      attempt.state = 'running';
      attempt.language = event.language;
      attempt.lane = event.lane;
      break;
    case 'stdout':
    case 'stderr':
      attempt[event.type] += event.text;
      break;
    case 'omitted':
      attempt.omitted.push(event.stream);
      break;
    case 'artifact':
      attempt.files.push({ path: event.path, bytes: event.bytes, media_type: event.media_type });
      break;
    case 'executed':
      attempt.state = event.status === 'ok' ? 'succeeded' : event.status === 'killed' ? 'stopped' : 'failed';
      attempt.error = event.error;
      break;
    case 'retry':
      attempt.state = 'failed';
      attempt.error ??= event.reason;
      break;
  }
}

function stop(attempt: Attempt): void {
  if (attempt.state !== 'succeeded' && attempt.state !== 'failed') attempt.state = 'stopped';
}
