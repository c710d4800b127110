/** `GET /api/tasks`: every task, newest first; and what each of them was asked for and tried. Also for tasks of earlier starts. */

import { z } from 'zod';
import { ServerError } from '../../errors.ts';
import type { TaskRecord } from '../../ports/task-store.ts';
import { attemptsOf } from '../../tasks/attempts.ts';
import { storedRequest } from '../../tasks/record/stored-request.ts';
import type { Api } from '../api.ts';
import { ownRecord, ownTask } from '../own-tasks.ts';
import { json, route } from '../route.ts';
import { namesParameter, pageParameters } from '../schemas/parameters.ts';
import { attemptListSchema, taskListSchema, taskRequestSchema, taskStatusSchema } from '../schemas/work.ts';
import { taskSummary } from '../task-summary.ts';
import { goesOn } from '../task-watch.ts';
import type { Services } from './services.ts';

const NO_STORE = { 'cache-control': 'no-store' };
const byId = z.object({ id: z.string() });

const taskList = route({
  method: 'get',
  path: '/api/tasks',
  authority: 'key',
  tag: 'tasks',
  summary: 'Tasks, newest first',
  query: z.object({
    ...pageParameters('title, type or ids'),
    status: namesParameter(taskStatusSchema).describe('one or more, joined by commas'),
    type: namesParameter(z.string().max(64)).describe('one or more, joined by commas'),
  }),
  answers: { 200: json(taskListSchema, 'one page; it may be empty while `next` goes on') },
  errors: { 400: 'bad filter, limit or cursor' },
});

const taskAttempts = route({
  method: 'get',
  path: '/api/tasks/{id}/attempts',
  authority: 'key',
  tag: 'tasks',
  summary: 'Attempts of a task so far, each with its code, output and error',
  params: byId,
  answers: { 200: json(attemptListSchema, 'attempts') },
  errors: { 404: 'no such task' },
});

const taskRequest = route({
  method: 'get',
  path: '/api/tasks/{id}/request',
  authority: 'key',
  tag: 'tasks',
  summary: 'What the task was asked for: `data` for another run',
  params: byId,
  answers: { 200: json(taskRequestSchema, 'the request') },
  errors: { 404: 'no such task, or its request was too long to be kept' },
});

/** Of a task that is not in memory: what another agent tells of it while it runs, and its receipt then. */
async function eventsOf(record: TaskRecord, { elsewhere, taskStore }: Services) {
  return elsewhere !== null && goesOn(record) ? elsewhere.events(record) : taskStore.events(record);
}

export function taskListRoutes(api: Api, services: Services): void {
  api.on(taskList, async ({ c, query, reply }) => {
    const { search, status, type, limit = 50, before } = query;
    const page = await services.taskStore.list({
      access: c.get('access'),
      limit,
      before,
      search,
      statuses: status === undefined ? undefined : new Set(status),
      types: type === undefined ? undefined : new Set(type),
    });
    const now = services.clock.now();
    return reply(200, { tasks: page.tasks.map((record) => taskSummary(record, now)), next: page.next }, NO_STORE);
  });

  api.on(taskAttempts, async ({ c, params, reply }) => {
    const running = ownTask(params.id, c, services);
    const events = running?.progress.events ?? (await eventsOf(await ownRecord(params.id, c, services), services));
    return reply(200, { attempts: [...(await attemptsOf(events))] }, NO_STORE);
  });

  api.on(taskRequest, async ({ c, params, reply }) => {
    const { receiptId } = await ownRecord(params.id, c, services);
    const running = services.tasks.requestOf(params.id, c.get('access'));
    const sealed = running === null ? await services.ledger.find(receiptId) : null;
    const data = running?.data ?? (sealed === null ? null : await storedRequest(sealed, services.ledger));
    if (data === null)
      throw new ServerError('http/not-found', 'the request of this task was not kept; send it again from where you have it');
    return reply(200, { data }, NO_STORE);
  });
}
