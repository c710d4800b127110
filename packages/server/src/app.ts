/** The HTTP application: middleware and routes over the services it is given. It does not listen; `main.ts` does. */

import { randomUUID } from 'node:crypto';
import { Hono } from 'hono';
import { matchedRoutes } from 'hono/route';
import { ServerError } from './errors.ts';
import { authority } from './http/authority.ts';
import { answerEhbp, isEhbp } from './http/channel/ehbp.ts';
import type { AppEnv } from './http/environment.ts';
import { isOpenAiPath, openAiProblemResponse } from './http/openai-problem.ts';
import { openApiDocument } from './http/openapi.ts';
import { problemOf, problemResponse } from './http/problem.ts';
import { routeNameOf } from './http/route-authority.ts';
import { channelRoutes } from './http/routes/channel.ts';
import { consoleRoutes } from './http/routes/console.ts';
import { inferenceRoutes } from './http/routes/inference.ts';
import { logRoutes } from './http/routes/log.ts';
import { operationRoutes } from './http/routes/operations.ts';
import { operatorRoutes } from './http/routes/operator.ts';
import { receiptRoutes } from './http/routes/receipts.ts';
import type { Services } from './http/routes/services.ts';
import { submitRoutes } from './http/routes/submit.ts';
import { talkRoutes } from './http/routes/talk.ts';
import { taskRoutes } from './http/routes/tasks.ts';
import { securityHeaders } from './http/security-headers.ts';

/** Methods that some route answers to. */
const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const;

/**
 * The application of an agent.
 * @example const response = await createApp(services).request('/health')
 */
export function createApp(services: Services): Hono<AppEnv> {
  const app = new Hono<AppEnv>();
  app.use(async (c, next) => {
    const given = c.req.header('x-request-id') ?? '';
    const requestId = /^[A-Za-z0-9._-]{1,64}$/.test(given) ? given : randomUUID();
    const log = services.log.child({ request: requestId });
    const begun = performance.now();
    c.set('requestId', requestId);
    c.set('log', log);
    c.set('access', null);
    await next();
    // The provider's own id goes on where SDKs look for one; the agent's stands beside it.
    if (!c.res.headers.has('x-request-id')) c.header('x-request-id', requestId);
    c.header('x-agent-request-id', requestId);
    c.header('x-aci-version', 'aci/1');
    c.header('x-aci-keyset-digest', services.identity.keysetDigest);
    const seconds = (performance.now() - begun) / 1000;
    // Method and route come from a closed set: a stranger's words never become labels.
    const route = routeNameOf(matchedRoutes(c)) ?? 'other';
    services.metrics.request(route, c.res.status, seconds);
    log.debug({ route, status: c.res.status, seconds }, 'request');
  });
  app.use(securityHeaders);
  app.use(authority({ ...services.config, rateLimit: services.rateLimit }));

  const document = JSON.stringify(openApiDocument(services.version, services.tasks.types));
  app.get('/openapi.json', () => new Response(document, { headers: { 'content-type': 'application/json' } }));
  app.use(async (c, next) => {
    if (!isEhbp(c.req.raw)) return next();
    return answerEhbp(c.req.raw, {
      keys: services.channelKeys,
      handle: async (request) => app.fetch(request, { ...c.env, channel: 'ehbp' }),
      maxRequestBytes: services.config.limits.bodyBytes,
      now: services.clock.now,
    });
  });
  for (const routes of [
    submitRoutes,
    taskRoutes,
    receiptRoutes,
    logRoutes,
    operationRoutes,
    operatorRoutes,
    inferenceRoutes,
    talkRoutes,
  ])
    app.route('/', routes(services));
  app.route(
    '/',
    channelRoutes(services, async (request, env) => app.fetch(request, env)),
  );
  app.route('/', consoleRoutes(services.console));

  app.notFound((c) => {
    const known = METHODS.some((method) => routeNameOf(app.router.match(method, c.req.path)[0].map(([[, route]]) => route)));
    const error = known
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
  return app;
}
