/** `/api/models`: which models can run on this machine, and fetching one while people watch. */

import { ServerError } from '../../errors.ts';
import type { FetchProgress } from '../../ports/local-models.ts';
import type { Api } from '../api.ts';
import { readBytes } from '../request-body.ts';
import { json, route } from '../route.ts';
import { eventStreamSchema } from '../schemas/bytes.ts';
import { fetchProgressBody, fetchProgressSchema, fetchRequestSchema, localModelsSchema } from '../schemas/local-models.ts';
import { eventStream, type StreamedEvent } from '../sse.ts';
import type { Services } from './services.ts';

const MAX_BODY_BYTES = 1024;
const NO_STORE = { 'cache-control': 'no-store' };

const list = route({
  method: 'get',
  path: '/api/models',
  authority: 'key',
  tag: 'models',
  summary: 'Models that can run on this machine, and whether any model is connected',
  answers: { 200: json(localModelsSchema, 'models') },
});

const start = route({
  method: 'post',
  path: '/api/models/fetch',
  authority: 'key',
  scope: 'operate',
  tag: 'models',
  summary: 'Fetch a model of the catalogue, with the engine that runs it',
  body: { required: true, content: { 'application/json': fetchRequestSchema } },
  answers: { 202: json(fetchProgressSchema, 'it has begun') },
  errors: { 400: 'bad input', 404: 'no such model', 409: 'another fetch is under way' },
});

const events = route({
  method: 'get',
  path: '/api/models/fetch/events',
  authority: 'key',
  tag: 'models',
  summary: 'Progress of the newest fetch as server-sent events, until it ends',
  answers: { 200: { description: 'spec/http-api.md §4a', content: { 'text/event-stream': eventStreamSchema } } },
  errors: { 404: 'none has begun' },
});

const stop = route({
  method: 'delete',
  path: '/api/models/fetch',
  authority: 'key',
  scope: 'operate',
  tag: 'models',
  summary: 'Cancel the fetch; what has come is kept for the next one',
  answers: { 200: json(fetchProgressSchema, 'it has ended') },
  errors: { 404: 'none has begun' },
});

export function localModelRoutes(api: Api, { localModels, model }: Services): void {
  api.on(list, async ({ reply }) => {
    const [engine, models, probe] = await Promise.all([localModels.engine(), localModels.list(), model.probe()]);
    const connected = probe.reachable && model.provider !== 'recorded';
    const fetch = localModels.newest === null ? null : fetchProgressBody(localModels.newest);
    const demos = [...(model.demos ?? [])].map((demo) => ({ ...demo, files: [...demo.files] }));
    return reply(200, { connected, engine, models, demos, fetch }, NO_STORE);
  });
  api.on(start, async ({ c, reply }) => {
    const { name } = requestIn(await readBytes(c.req.raw, MAX_BODY_BYTES));
    return reply(202, fetchProgressBody(localModels.fetch(name)), NO_STORE);
  });
  api.on(events, ({ c }) => {
    begun(localModels.newest);
    const { signal } = c.req.raw;
    return eventStream(numbered(localModels.follow(signal)), signal);
  });
  api.on(stop, async ({ reply }) => reply(200, fetchProgressBody(begun(await localModels.cancel())), NO_STORE));
}

function begun(progress: FetchProgress | null): FetchProgress {
  if (progress !== null) return progress;
  throw new ServerError('http/not-found', 'no model has been fetched since the agent started; POST /api/models/fetch begins');
}

function requestIn(body: Uint8Array): { readonly name: string } {
  try {
    return fetchRequestSchema.parse(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body)));
  } catch {
    throw new ServerError('http/bad-parameter', 'expected {"name": "<a model of /api/models>"}; send one name');
  }
}

/** `progress` while it runs, `done` at the end. */
async function* numbered(standings: AsyncGenerator<FetchProgress>): AsyncGenerator<StreamedEvent> {
  let sequence = 0;
  for await (const standing of standings) {
    sequence += 1;
    yield { type: standing.status === 'running' ? 'progress' : 'done', sequence, ...fetchProgressBody(standing) };
  }
}
