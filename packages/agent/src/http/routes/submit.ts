/** `POST /api/process`: work comes in, the answer goes out after its receipt is durable. */

import { type Ledger, readStored, type StoredBytes } from '@assay/ledger';
import type { Context } from 'hono';
import { z } from 'zod';
import { ServerError } from '../../errors.ts';
import type { TaskRecord } from '../../ports/task-store.ts';
import { retryAfterHeader } from '../../retry-after.ts';
import type { RunningTask, TaskRequest } from '../../tasks/run-task.ts';
import type { AcceptedJob } from '../../tasks/task-jobs.ts';
import type { TaskOutcome } from '../../tasks/task-outcome.ts';
import { storedAnswer } from '../answers.ts';
import type { Api } from '../api.ts';
import type { AppEnv } from '../environment.ts';
import { observeTask } from '../observe-task.ts';
import { type Repeatable, repeatableOf } from '../repeatable.ts';
import { type ProcessBody, readProcessBody } from '../request-body.ts';
import { clientOf, originOf } from '../request-facts.ts';
import { json, route } from '../route.ts';
import { flagParameter } from '../schemas/parameters.ts';
import { acceptedSchema, type WorkSchemas } from '../schemas/work.ts';
import { goesOn, watchTask } from '../task-watch.ts';
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
    const submitted = await submit(c, services, { endpoint: '/api/process', type: null, mayWait });
    if ('record' in submitted) return repeated(submitted, { mayWait, signal: c.req.raw.signal }, services);
    const { task, origin, accepted } = submitted;
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

/** Accepts a request for work that is done as a job. @throws {ServerError} as the body's reader and the task table; `http/conflict`. */
export async function submitJob(
  c: Context<AppEnv>,
  services: Services,
  { endpoint, type }: { readonly endpoint: string; readonly type: string },
): Promise<{ readonly origin: string; readonly job: AcceptedJob }> {
  await services.rateLimit.take(clientOf(c));
  const body = await readProcessBody(c.req.raw, services.config.limits.bodyBytes);
  const repeatable = await repeatableOf(c, endpoint, body, services);
  if (repeatable.kind === 'again') return { origin: originOf(c, services.config), job: repeatable.record };
  const request = { ...requestOf(c, services, body, { endpoint, type }), taskId: repeatable.taskId };
  const job = await beginning(repeatable, async () => {
    services.tasks.needsOf(request.data); // refuses what is malformed before it waits in a queue
    const known = request.taskId === null ? null : await services.taskStore.find(request.taskId, request.access);
    if (known !== null && goesOn(known))
      throw new ServerError('http/conflict', 'a task with this task_id is running; choose another id, or leave it out');
    await admitTask(c, services, request.data);
    return services.jobs.add(type, request);
  });
  return { origin: request.origin, job };
}

/** Begins work; when it cannot be begun, its request key is free again. */
async function beginning<T>(repeatable: Repeatable & { readonly kind: 'first' }, begin: () => Promise<T>): Promise<T> {
  try {
    return await begin();
  } catch (error) {
    await repeatable.release();
    throw error;
  }
}

/** The answer to a request that came before: when its task has ended, and of that task. */
async function repeated(
  { record, origin }: Repeated,
  { mayWait, signal }: { readonly mayWait: boolean; readonly signal: AbortSignal },
  services: Services,
): Promise<Response> {
  const replayed = { 'idempotency-replayed': 'true', 'cache-control': 'no-store' };
  if (mayWait) {
    const url = `${origin}/api/tasks/${encodeURIComponent(record.taskId)}`;
    const body = JSON.stringify(acceptedTask(record, url));
    return new Response(body, { status: 202, headers: { ...replayed, location: url, 'content-type': 'application/json' } });
  }
  for await (const _ of watchTask(record, { after: 0, signal }, services)); // until its end
  const sealed = await services.ledger.find(record.receiptId);
  const answer = sealed === null ? null : await sealedAnswer(sealed, services.ledger);
  if (sealed === null || answer === null)
    throw new ServerError('task/interrupted', 'the task of this Idempotency-Key ended without a receipt; take a new key');
  const status = await statusIn(answer);
  const type = status === 200 ? 'application/json' : 'application/problem+json';
  return storedAnswer(answer, { status, headers: { ...replayed, 'content-type': type, 'x-receipt-id': sealed.receiptId } });
}

/** The status of an answer: what a problem says of itself. Problems are short. */
async function statusIn(answer: StoredBytes): Promise<number> {
  if (answer.length > SHORT_BYTES) return 200;
  const { status } = JSON.parse(new TextDecoder().decode(await readStored(answer, SHORT_BYTES))) as {
    readonly status?: unknown;
  };
  return typeof status === 'number' ? status : 200;
}

function requestOf(
  c: Context<AppEnv>,
  { config }: Services,
  body: ProcessBody,
  { endpoint, type }: Pick<Submission, 'endpoint' | 'type'>,
): TaskRequest {
  return {
    taskId: body.taskId,
    data: type === null ? body.data : { ...body.data, type },
    contextText: body.contextText,
    requestBody: body.bytes,
    method: 'POST',
    endpoint,
    nonce: body.nonce,
    access: c.get('access'),
    origin: originOf(c, config),
    sealed: c.env?.channel !== undefined || config.tls === 'enclave',
  };
}

/** A request that came before under its key. */
export interface Repeated {
  readonly record: TaskRecord;
  readonly origin: string;
}

export interface Submitted {
  readonly task: RunningTask;
  readonly origin: string;
  /** The body of a 202 for the task at `url`. */
  readonly accepted: (url: string) => z.infer<typeof acceptedSchema>;
}

/** Reads a request for work and starts it. @throws {ServerError} those of the reader of the body and of the task table. */
export async function submit(
  c: Context<AppEnv>,
  services: Services,
  { endpoint, type, mayWait }: Submission,
): Promise<Submitted | Repeated> {
  await services.rateLimit.take(clientOf(c));
  const body = await readProcessBody(c.req.raw, services.config.limits.bodyBytes);
  const repeatable = await repeatableOf(c, endpoint, body, services);
  const origin = originOf(c, services.config);
  if (repeatable.kind === 'again') return { record: repeatable.record, origin };
  const request = { ...requestOf(c, services, body, { endpoint, type }), taskId: repeatable.taskId };
  const task = await beginning(repeatable, async () => {
    await admitTask(c, services, request.data);
    const begun = services.tasks.start({ ...request, mayWait });
    begun.outcome.catch(() => undefined); // a refused start is thrown here; any other end is reported by observeTask
    await begun.started;
    return begun;
  });
  observeTask(task, { ...services, log: c.get('log') });
  return { task, origin, accepted: (url) => acceptedTask({ taskId: task.id, receiptId: task.receiptId }, url) };
}

/** Counts a task for its key, before it begins. @throws {LedgerError} `key/quota-spent`; what is wrong with `data`. */
async function admitTask(
  c: Context<AppEnv>,
  { ledger, tasks }: Services,
  data: Readonly<Record<string, unknown>>,
): Promise<void> {
  const caller = c.get('caller');
  if (caller === null) return;
  await ledger.keys.admit(caller, { tasks: 1 }, tasks.needsOf(data).includes('model') ? ['tokens'] : []);
}

/** The answer of a task that ended, as JSON; a problem as well when the work could not be done. A long one is read from the ledger. */
async function answerOf({ body, refusal, sealed, answerBytes }: TaskOutcome, ledger: Ledger): Promise<Response> {
  const head = {
    status: refusal?.status ?? 200,
    headers: {
      'content-type': refusal === null ? 'application/json' : 'application/problem+json',
      'x-receipt-id': sealed.receiptId,
      'cache-control': 'no-store',
      ...retryAfterHeader(refusal?.retryAfterSeconds ?? null),
    },
  };
  const stored = answerBytes > SHORT_BYTES ? await sealedAnswer(sealed, ledger) : null;
  if (stored !== null) return storedAnswer(stored, head);
  const text = JSON.stringify(body);
  const length = String(Buffer.byteLength(text)); // an answer that says its length is metered without being read
  return new Response(text, { ...head, headers: { ...head.headers, 'content-length': length } });
}

function prefersAsync(c: Context<AppEnv>): boolean {
  return /(?:^|[,;\s])respond-async(?:$|[,;\s])/i.test(c.req.header('prefer') ?? '');
}

/** The body of a 202 for the task at `url`. */
export function acceptedTask({ taskId, receiptId }: AcceptedJob, url: string): z.infer<typeof acceptedSchema> {
  const events = `${new URL(url).origin}/api/tasks/${encodeURIComponent(taskId)}/events`;
  return { task_id: taskId, status: 'running', receipt_id: receiptId, status_url: url, events_url: events };
}
