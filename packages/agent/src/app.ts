/** The HTTP application: middleware and routes over the services it is given. It does not listen; `main.ts` does. */

import { randomUUID } from 'node:crypto';
import type { Hono } from 'hono';
import { matchedRoutes } from 'hono/route';
import { ServerError } from './errors.ts';
import { Api } from './http/api.ts';
import { authority } from './http/authority.ts';
import { answerEhbp, isEhbp } from './http/channel/ehbp.ts';
import { crossOrigin } from './http/cross-origin.ts';
import type { AppEnv } from './http/environment.ts';
import { metering } from './http/metering.ts';
import { isOpenAiPath, openAiProblemResponse } from './http/openai-problem.ts';
import { problemOf, problemResponse } from './http/problem.ts';
import type { Route } from './http/route.ts';
import { artifactRoutes } from './http/routes/artifacts.ts';
import { channelRoutes } from './http/routes/channel.ts';
import { consolePage, consoleRoutes } from './http/routes/console.ts';
import { contractRoutes } from './http/routes/contracts.ts';
import { documentRoutes } from './http/routes/document.ts';
import { enclaveRoutes } from './http/routes/enclave.ts';
import { evidenceRoutes } from './http/routes/evidence.ts';
import { inferenceRoutes } from './http/routes/inference.ts';
import { keyRoutes } from './http/routes/keys.ts';
import { localModelRoutes } from './http/routes/local-models.ts';
import { logRoutes } from './http/routes/log.ts';
import { operationRoutes } from './http/routes/operations.ts';
import { operatorRoutes } from './http/routes/operator.ts';
import { operatorApiRoutes } from './http/routes/operator-api.ts';
import { receiptRoutes } from './http/routes/receipts.ts';
import { reviewRoutes } from './http/routes/review.ts';
import type { Services } from './http/routes/services.ts';
import { submitRoutes } from './http/routes/submit.ts';
import { talkRoutes } from './http/routes/talk.ts';
import { taskListRoutes } from './http/routes/task-list.ts';
import { taskRoutes } from './http/routes/tasks.ts';
import { workSchemas } from './http/schemas/work.ts';
import { securityHeaders } from './http/security-headers.ts';

/** An agent's application, and what it is made of. */
export interface AgentApp {
  readonly app: Hono<AppEnv>;
  readonly routes: readonly Route[];
}

/**
 * The application of an agent.
 * @example const response = await createApp(services).app.request('/health')
 */
export function createApp(services: Services): AgentApp {
  const api = new Api();
  const { app } = api;
  app.use(async (c, next) => {
    const given = c.req.header('x-request-id') ?? '';
    const requestId = /^[A-Za-z0-9._-]{1,64}$/.test(given) ? given : randomUUID();
    const log = services.log.child({ request: requestId });
    const begun = performance.now();
    c.set('requestId', requestId);
    c.set('log', log);
    c.set('access', null);
    c.set('caller', null);
    await next();
    // A stream that is not read would hold its memory.
    if (c.req.raw.method === 'HEAD') await c.res.body?.cancel();
    const { headers } = c.res; // `c.header` would make the answer again for each
    // The provider's own id goes on where SDKs look for one; the agent's stands beside it.
    if (!headers.has('x-request-id')) headers.set('x-request-id', requestId);
    headers.set('x-agent-request-id', requestId);
    headers.set('x-aci-version', 'aci/1');
    headers.set('x-aci-keyset-digest', services.identity.keysetDigest);
    const seconds = (performance.now() - begun) / 1000;
    const route = api.labelOf(matchedRoutes(c));
    services.metrics.request(route, c.res.status, seconds);
    log.debug({ route, status: c.res.status, seconds }, 'request');
  });
  app.use(securityHeaders);
  if (services.config.allowedOrigins.length > 0) app.use(crossOrigin(services.config.allowedOrigins));
  const routeOf: Api['find'] = (matched) => api.find(matched);
  app.use(authority({ ...services.config, callers: services.callers, routeOf, rateLimit: services.rateLimit }));

  app.use(async (c, next) => {
    if (!isEhbp(c.req.raw)) return next();
    return answerEhbp(c.req.raw, {
      keys: services.channelKeys,
      handle: async (request) => app.fetch(request, { ...c.env, channel: 'ehbp' }),
      maxRequestBytes: services.config.limits.bodyBytes,
      sender: c.get('access') !== null || !(await services.callers.needed()) ? 'known' : 'stranger',
      now: services.clock.now,
    });
  });
  app.use(metering({ routeOf, keys: services.ledger.keys }));
  const schemas = workSchemas(services.tasks.types);
  submitRoutes(api, services, schemas);
  taskListRoutes(api, services);
  taskRoutes(api, services, schemas);
  contractRoutes(api, services, schemas);
  reviewRoutes(api, services);
  artifactRoutes(api, services);
  receiptRoutes(api, services);
  logRoutes(api, services);
  operationRoutes(api, services);
  operatorRoutes(api, services);
  keyRoutes(api, services);
  operatorApiRoutes(api, services);
  localModelRoutes(api, services);
  inferenceRoutes(api, services);
  talkRoutes(api, services);
  evidenceRoutes(api, services);
  enclaveRoutes(api, services);
  channelRoutes(api, services, async (request, env) => app.fetch(request, env));
  consoleRoutes(api, services.console);
  documentRoutes(api, services.version);
  app.notFound((c) => {
    if (isPageVisit(c.req.raw) && !api.knows(c.req.path)) return consolePage(services.console, c.req.path, 404);
    const error = api.knows(c.req.path)
      ? new ServerError('http/method-not-allowed', `${c.req.method} is not possible here; see /openapi.json`)
      : new ServerError('http/not-found', 'nothing is here; see /openapi.json');
    const problem = problemOf(error, c.get('requestId'));
    return c.req.path.startsWith('/v1/') ? openAiProblemResponse(problem) : problemResponse(problem);
  });
  app.onError((error, c) => {
    const requestId = c.get('requestId');
    const problem = problemOf(error, requestId);
    if (problem.status === 500) services.log.error({ request: requestId, err: error }, 'unexpected error');
    return isOpenAiPath(c.req.path) ? openAiProblemResponse(problem) : problemResponse(problem);
  });
  return { app, routes: api.routes };
}

/** A person's browser asks for a page; programs ask for anything, or for JSON. */
function isPageVisit(request: Request): boolean {
  return request.method === 'GET' && /\btext\/html\b/.test(request.headers.get('accept') ?? '');
}
