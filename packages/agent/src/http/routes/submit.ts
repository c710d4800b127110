/** `POST /api/process`: work comes in, the answer goes out after its receipt is durable. */

import type { Ledger } from '@assay/ledger';
import type { Context } from 'hono';
import { z } from 'zod';
import type { RunningTask } from '../../tasks/run-task.ts';
import type { TaskOutcome } from '../../tasks/task-outcome.ts';
import { storedAnswer } from '../answers.ts';
import type { Api } from '../api.ts';
import type { AppEnv } from '../environment.ts';
import { readProcessBody } from '../request-body.ts';
import { clientOf, originOf } from '../request-facts.ts';
import { json, route } from '../route.ts';
import { flagParameter } from '../schemas/parameters.ts';
import { acceptedSchema, type WorkSchemas } from '../schemas/work.ts';
import { sealedAnswer } from './sealed-answer.ts';
import type { Services } from './services.ts';

/** Answers that are held as a whole until they are read. Bytes. */
const SHORT_BYTES = 64 * 1024;

const processRoute = ({ request, answer }: WorkSchemas) =>
  route({
    method: 'post',
    path: '/api/process',
    authority: 'key',
    tag: 'work',
    summary: 'Do a task: generate and execute code, execute code, read and write files',
    query: z.object({
      async: flagParameter.describe('1 answers at once with 202 and the task id, as Prefer: respond-async does'),
    }),
    body: {
      required: true,
      content: { 'application/json': request, 'multipart/form-data': z.looseObject({ request }) },
    },
    answers: {
      200: json(answer, 'the answer, with its receipt'),
      202: json(acceptedSchema, 'accepted (async)'),
    },
    errors: {
      400: 'malformed JSON',
      422: 'bad input',
      429: 'too many requests',
      502: 'the model misbehaved',
      503: 'unavailable',
      504: 'the model took too long',
    },
  });

export function submitRoutes(api: Api, services: Services, schemas: WorkSchemas): void {
  api.on(processRoute(schemas), async ({ c, query, reply }) => {
    const mayWait = query.async || prefersAsync(c);
    const { task, origin, accepted } = await submit(c, services, { endpoint: '/api/process', type: null, mayWait });
    if (mayWait) {
      const url = `${origin}/api/tasks/${encodeURIComponent(task.id)}`;
      return reply(202, accepted(url), { location: url, 'preference-applied': 'respond-async' });
    }
    const onGone = (): void => task.cancel('task/cancelled');
    c.req.raw.signal.addEventListener('abort', onGone, { once: true });
    try {
      return await answerOf(await task.outcome, services.ledger);
    } finally {
      c.req.raw.signal.removeEventListener('abort', onGone);
    }
  });
}

export interface Submission {
  readonly endpoint: string;
  /** The kind of work; `null` takes the one that the request names. */
  readonly type: string | null;
  /** The client does not wait for the answer, so that the work may wait for its turn. */
  readonly mayWait: boolean;
}

export interface Submitted {
  readonly task: RunningTask;
  readonly origin: string;
  /** The body of a 202 for the task at `url`. */
  readonly accepted: (url: string) => z.infer<typeof acceptedSchema>;
}

/** Reads a request for work and starts it. @throws {ServerError} as the body's reader and the task table. */
export async function submit(
  c: Context<AppEnv>,
  services: Services,
  { endpoint, type, mayWait }: Submission,
): Promise<Submitted> {
  services.rateLimit.take(clientOf(c));
  const body = await readProcessBody(c.req.raw, services.config.limits.bodyBytes);
  const origin = originOf(c, services.config);
  const task = services.tasks.start({
    taskId: body.taskId,
    data: type === null ? body.data : { ...body.data, type },
    mayWait,
    contextText: body.contextText,
    requestBody: body.bytes,
    method: 'POST',
    endpoint,
    nonce: body.nonce,
    access: c.get('access'),
    origin,
    sealed: c.env?.channel !== undefined || services.config.tls === 'enclave',
  });
  task.outcome.catch(() => undefined); // a refused start is thrown here; any other end is reported by observe
  await task.started;
  observe(services, task, c);
  return { task, origin, accepted: (url) => accepted(task, url) };
}

/** The answer of a task that ended, as JSON; a problem as well when the work could not be done. A long one is read from the ledger. */
async function answerOf({ body, refusal, sealed, answerBytes }: TaskOutcome, ledger: Ledger): Promise<Response> {
  const later = refusal?.retryAfterSeconds ?? null;
  const head = {
    status: refusal?.status ?? 200,
    headers: {
      'content-type': refusal === null ? 'application/json' : 'application/problem+json',
      'x-receipt-id': sealed.receiptId,
      'cache-control': 'no-store',
      ...(later === null ? {} : { 'retry-after': String(later) }),
    },
  };
  const stored = answerBytes > SHORT_BYTES ? await sealedAnswer(sealed, ledger) : null;
  return stored === null ? new Response(JSON.stringify(body), head) : storedAnswer(stored, head);
}

function prefersAsync(c: Context<AppEnv>): boolean {
  return /(?:^|[,;\s])respond-async(?:$|[,;\s])/i.test(c.req.header('prefer') ?? '');
}

function accepted(task: RunningTask, url: string): z.infer<typeof acceptedSchema> {
  const events = `${new URL(url).origin}/api/tasks/${encodeURIComponent(task.id)}/events`;
  return { task_id: task.id, status: 'running', receipt_id: task.receiptId, status_url: url, events_url: events };
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
