/**
 * `/api/v1/audits` and `/api/v1/builds`: work on contracts as durable jobs, done also when the agent stops before. They are tasks like any other: `/api/tasks/{id}` knows them too, with
 * events and files. The request is that of `/api/process` without `data.type`; the answer is 202 and an address to ask.
 */

import { z } from 'zod';
import type { RegisteredTask } from '../../tasks/registry.ts';
import type { Api } from '../api.ts';
import { json, route } from '../route.ts';
import { acceptedSchema, cancelledSchema, envelopeSchema, type WorkSchemas } from '../schemas/work.ts';
import type { Services } from './services.ts';
import { acceptedTask, submitJob } from './submit.ts';
import { cancelTask, describeTask } from './tasks.ts';

const KINDS = [
  { path: '/api/v1/audits', type: 'attested_audit', one: 'an audit', verb: 'Audit contracts' },
  { path: '/api/v1/builds', type: 'attested_build', one: 'a build', verb: 'Build contracts' },
] as const;

type Kind = (typeof KINDS)[number];

const byId = z.object({ id: z.string() });
const NOT_FOUND = { 404: 'no such job' };

const startRoute = ({ path, verb }: Kind, { input }: RegisteredTask) =>
  route({
    method: 'post',
    path,
    authority: 'key',
    tag: 'contracts',
    summary: `${verb}; answers at once with the job's address`,
    body: {
      required: true,
      content: { 'application/json': z.object({ ...envelopeSchema.shape, data: input.omit({ type: true }) }) },
    },
    answers: { 202: json(acceptedSchema, 'accepted') },
    errors: { 400: 'malformed JSON', 422: 'bad input', 429: 'too many requests', 503: 'unavailable' },
  });

const stateRoute = ({ path, one }: Kind, { state }: WorkSchemas) =>
  route({
    method: 'get',
    path: `${path}/{id}`,
    authority: 'key',
    tag: 'contracts',
    summary: `State of ${one}, and its answer when it has ended`,
    params: byId,
    answers: { 200: json(state, 'state') },
    errors: NOT_FOUND,
  });

const cancelRoute = ({ path, one }: Kind, { state }: WorkSchemas) =>
  route({
    method: 'delete',
    path: `${path}/{id}`,
    authority: 'key',
    tag: 'contracts',
    summary: `Cancel ${one}`,
    params: byId,
    answers: { 200: json(z.union([cancelledSchema, state]), 'it had ended'), 202: json(cancelledSchema, 'cancelling') },
    errors: NOT_FOUND,
  });

export function contractRoutes(api: Api, services: Services, schemas: WorkSchemas): void {
  for (const kind of KINDS) {
    const task = services.tasks.types.find(({ type }) => type === kind.type);
    if (task === undefined) continue;
    api.on(startRoute(kind, task), async ({ c, reply }) => {
      const { origin, job } = await submitJob(c, services, { endpoint: kind.path, type: kind.type });
      const url = `${origin}${kind.path}/${encodeURIComponent(job.taskId)}`;
      return reply(202, acceptedTask(job, url), { location: url });
    });
    api.on(stateRoute(kind, schemas), (asked) => describeTask({ ...asked, query: { brief: false } }, services));
    api.on(cancelRoute(kind, schemas), (asked) => cancelTask(asked, services));
  }
}
