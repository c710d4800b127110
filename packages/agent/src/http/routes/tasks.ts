/** `/api/tasks/{id}`: state, progress as server-sent events, cancelling. Also for tasks of earlier starts. */

import { joinStored, type SealedReceipt } from '@assay/ledger';
import type { Context } from 'hono';
import { z } from 'zod';
import { ServerError } from '../../errors.ts';
import type { TaskRecord } from '../../ports/task-store.ts';
import type { RunningTask } from '../../tasks/run-task.ts';
import { storedAnswer } from '../answers.ts';
import type { Api, Asked } from '../api.ts';
import type { AppEnv } from '../environment.ts';
import { ownRecord, ownTask } from '../own-tasks.ts';
import { wholeNumber } from '../request-facts.ts';
import { json, route } from '../route.ts';
import { eventStreamSchema } from '../schemas/bytes.ts';
import { flagParameter } from '../schemas/parameters.ts';
import { cancelledSchema, type WorkSchemas } from '../schemas/work.ts';
import { eventStream } from '../sse.ts';
import { taskSummary } from '../task-summary.ts';
import { goesOn, watchTask } from '../task-watch.ts';
import { sealedAnswer } from './sealed-answer.ts';
import type { Services } from './services.ts';

/** How long a subscriber may be early. Milliseconds. */
const EARLY_MS = 30_000;
/** How often a subscriber looks for what begins at another agent. Milliseconds. */
const LOOK_MS = 500;
const NO_STORE = { 'cache-control': 'no-store' };

const byId = z.object({ id: z.string() });
const NOT_FOUND = { 404: 'no such task' };

const taskState = ({ state }: WorkSchemas) =>
  route({
    method: 'get',
    path: '/api/tasks/{id}',
    authority: 'key',
    tag: 'tasks',
    summary: 'State of a task, and its answer when it has ended',
    params: byId,
    query: z.object({ brief: flagParameter.describe('1 leaves the answer out') }),
    answers: { 200: json(state, 'state') },
    errors: NOT_FOUND,
  });

const taskEvents = route({
  method: 'get',
  path: '/api/tasks/{id}/events',
  authority: 'key',
  tag: 'tasks',
  summary: 'Progress as server-sent events; resumes after Last-Event-ID; may be opened before the task starts',
  params: byId,
  query: z.object({ after: z.string().optional().describe('number of the last event that was seen') }),
  answers: { 200: { description: 'spec/http-api.md §4', content: { 'text/event-stream': eventStreamSchema } } },
  errors: { 400: 'not the number of an event', ...NOT_FOUND },
});

const taskEnd = ({ state }: WorkSchemas) =>
  route({
    method: 'delete',
    path: '/api/tasks/{id}',
    authority: 'key',
    tag: 'tasks',
    summary: 'Cancel a task',
    params: byId,
    answers: {
      200: json(z.union([cancelledSchema, state]), 'it had ended'),
      202: json(cancelledSchema, 'cancelling'),
    },
    errors: NOT_FOUND,
  });

export function taskRoutes(api: Api, services: Services, schemas: WorkSchemas): void {
  api.on(taskState(schemas), (asked) => describeTask(asked, services));
  api.on(taskEvents, ({ c, params, query }) => events(c, { id: params.id, after: query.after }, services));
  api.on(taskEnd(schemas), (asked) => cancelTask(asked, services));
}

/** Ends a task; one that has ended is described. */
export async function cancelTask(asked: AskedEnd, services: Services): Promise<Response> {
  const { c, params, reply } = asked;
  const task = ownTask(params.id, c, services);
  const known = task === null ? await ownRecord(params.id, c, services) : task.record();
  const ids = { task_id: known.taskId, receipt_id: known.receiptId };
  // A job is told first, so that no other agent begins it again.
  if (goesOn(known) && (await services.jobs.cancel(params.id, c.get('access'))))
    return reply(202, { ...ids, status: 'cancelling' });
  if (task === null && services.elsewhere !== null && goesOn(known)) {
    await services.elsewhere.cancel(known);
    return reply(202, { ...ids, status: 'cancelling' });
  }
  if (task === null) return describeTask({ ...asked, query: { brief: false } }, services);
  const ended = task.progress.ended;
  task.cancel('task/cancelled');
  return ended ? reply(200, { ...ids, status: 'ended' }) : reply(202, { ...ids, status: 'cancelling' });
}

type AskedEnd = Pick<Asked<ReturnType<typeof taskEnd>>, 'c' | 'params' | 'reply'>;

type AskedState = Pick<Asked<ReturnType<typeof taskState>>, 'c' | 'params' | 'reply'> & {
  readonly query: { readonly brief: boolean };
};

/** The state of a task; of one that has ended with its answer, which comes out of the ledger. */
export async function describeTask({ c, params, query, reply }: AskedState, services: Services): Promise<Response> {
  const task = ownTask(params.id, c, services);
  const known = await ownRecord(params.id, c, services);
  if (task !== null && !task.progress.ended) {
    const step = task.progress.newest?.type ?? 'accepted';
    return reply(200, { ...taskSummary(known, services.clock.now()), step }, NO_STORE);
  }
  if (task === null && goesOn(known)) return reply(200, taskSummary(known, services.clock.now()), NO_STORE);
  const outcome = task === null ? null : await task.outcome.catch(() => null);
  const record = task?.record() ?? known;
  const state = { ...taskSummary(record, services.clock.now()), ...(task === null ? {} : { step: 'done' }) };
  const sealed = task === null ? await services.ledger.find(record.receiptId) : (outcome?.sealed ?? null);
  if (query.brief) return reply(200, state, NO_STORE);
  if (sealed !== null) return ended(state, sealed, services);
  const error = 'the agent stopped before this task ended; nothing of it was acknowledged, so send it again';
  return reply(200, { ...state, result: null, ...(record.status === 'interrupted' ? { error } : {}) }, NO_STORE);
}

/** `members`, and the answer as `result`. It can be long, and is not held here. */
async function ended(
  members: Readonly<Record<string, unknown>>,
  sealed: SealedReceipt,
  { ledger }: Services,
): Promise<Response> {
  const result = (await sealedAnswer(sealed, ledger)) ?? 'null';
  const state = joinStored([`${JSON.stringify(members).slice(0, -1)},"result":`, result, '}']);
  return storedAnswer(state, { headers: { 'content-type': 'application/json', ...NO_STORE } });
}

async function events(
  c: Context<AppEnv>,
  { id, after: asked }: { readonly id: string; readonly after: string | undefined },
  services: Services,
): Promise<Response> {
  const given = c.req.header('last-event-id') ?? asked;
  const after = wholeNumber(given, 0, 0, Number.MAX_SAFE_INTEGER);
  if (after === null)
    throw new ServerError(
      'http/bad-parameter',
      `last-event-id: expected a number, got ${JSON.stringify(given?.slice(0, 40))}; send that of the last event seen, or none`,
    );
  const { signal } = c.req.raw;
  const access = c.get('access');
  const known = ownTask(id, c, services);
  const record = known === null ? await services.taskStore.find(id, access) : null;
  if (record !== null) return eventStream(watchTask(record, { after, signal }, services), signal);
  const task = known ?? (await early(id, access, signal, services));
  if (task === null) throw new ServerError('http/not-found', 'no task has this id; check it, or start the task first');
  if ('record' in task) return eventStream(task.progress.follow(after, signal), signal);
  return eventStream(watchTask(task, { after, signal }, services), signal);
}

/** A task that is started only now: here, or elsewhere. */
async function early(
  id: string,
  access: string | null,
  signal: AbortSignal,
  { tasks, taskStore, ledger }: Services,
): Promise<RunningTask | TaskRecord | null> {
  const until = AbortSignal.any([signal, AbortSignal.timeout(EARLY_MS)]);
  if (!ledger.shared) return tasks.await(id, access, until);
  while (!until.aborted) {
    const here = await tasks.await(id, access, AbortSignal.any([until, AbortSignal.timeout(LOOK_MS)]));
    const found = here ?? (await taskStore.find(id, access));
    if (found !== null) return found;
  }
  return null;
}
