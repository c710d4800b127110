/** `POST /api/process`: work comes in, the answer goes out after its receipt is durable. */

import { type Context, Hono } from 'hono';
import type { RunningTask, TaskOutcome } from '../../tasks/run-task.ts';
import type { AppEnv } from '../environment.ts';
import { readProcessBody } from '../request-body.ts';
import { clientOf, originOf } from '../request-facts.ts';
import type { Services } from './services.ts';

export function submitRoutes(services: Services): Hono<AppEnv> {
  const app = new Hono<AppEnv>();
  app.post('/api/process', async (c) => {
    services.rateLimit.take(clientOf(c));
    const body = await readProcessBody(c.req.raw, services.config.limits.bodyBytes);
    const data =
      body.data.description === undefined && body.query !== null ? { ...body.data, description: body.query } : body.data;
    const task = services.tasks.start({
      taskId: body.taskId,
      data,
      contextText: body.contextText,
      requestBody: body.bytes,
      method: 'POST',
      endpoint: '/api/process',
      nonce: body.nonce,
      access: c.get('access'),
      origin: originOf(c, services.config),
    });
    observe(services, task, c);
    if (wantsAsync(c)) return accepted(c, services, task);
    const onGone = (): void => task.cancel('task/cancelled');
    c.req.raw.signal.addEventListener('abort', onGone, { once: true });
    try {
      return answer(await task.outcome);
    } finally {
      c.req.raw.signal.removeEventListener('abort', onGone);
    }
  });
  return app;
}

/** The answer of a task that ended, as JSON; a problem as well when the work could not be done. */
export function answer({ body, refusal, sealed }: TaskOutcome): Response {
  const headers = { 'content-type': 'application/json', 'x-receipt-id': sealed.receiptId, 'cache-control': 'no-store' };
  if (refusal === null) return new Response(JSON.stringify(body), { headers });
  const { status, retryAfterSeconds } = refusal;
  const later: Record<string, string> = retryAfterSeconds === null ? {} : { 'retry-after': String(retryAfterSeconds) };
  return new Response(JSON.stringify(body), {
    status,
    headers: { ...headers, 'content-type': 'application/problem+json', ...later },
  });
}

function wantsAsync(c: Context<AppEnv>): boolean {
  const wish = c.req.query('async');
  return wish === '1' || wish === 'true' || /(?:^|[,;\s])respond-async(?:$|[,;\s])/i.test(c.req.header('prefer') ?? '');
}

function accepted(c: Context<AppEnv>, services: Services, task: RunningTask): Response {
  const url = `${originOf(c, services.config)}/api/tasks/${encodeURIComponent(task.id)}`;
  task.outcome.catch(() => undefined); // reported by observe
  const body = {
    task_id: task.id,
    status: 'running',
    receipt_id: task.receiptId,
    status_url: url,
    events_url: `${url}/events`,
  };
  return c.json(body, 202, { location: url, 'preference-applied': 'respond-async' });
}

/** Counts and logs the end of a task; never its content. */
function observe(services: Services, task: RunningTask, c: Context<AppEnv>): void {
  const log = c.get('log');
  const seconds = (): number => (services.clock.now() - task.startedAt) / 1000;
  task.outcome.then(
    (outcome) => {
      services.metrics.task(task, outcome, seconds());
      log.info(
        {
          task: task.id,
          type: task.type,
          status: outcome.ending.status,
          error: outcome.refusal?.code ?? null,
          receipt: task.receiptId,
          seconds: seconds(),
        },
        'task ended',
      );
    },
    (error: unknown) =>
      log.error({ task: task.id, type: task.type, err: error, seconds: seconds() }, 'task ended without a receipt'),
  );
}
