/** `/api/tasks/{id}`: state, progress as server-sent events, files left behind, cancelling. Also for tasks of earlier starts. */

import { type JsonObject, parseJson } from '@assay/encoding/json';
import type { ReceiptSummary, SealedReceipt } from '@assay/ledger';
import { keptPayloads } from '@assay/receipt';
import type { Context } from 'hono';
import { z } from 'zod';
import { ServerError } from '../../errors.ts';
import { endingIn, type TaskStatus } from '../../tasks/ending.ts';
import type { ProgressEvent } from '../../tasks/progress.ts';
import type { RunningTask } from '../../tasks/run-task.ts';
import type { Api } from '../api.ts';
import type { AppEnv } from '../environment.ts';
import { wholeNumber } from '../request-facts.ts';
import { json, route, type Sent } from '../route.ts';
import { bytesSchema, eventStreamSchema } from '../schemas/bytes.ts';
import { artifactListSchema, cancelledSchema, type WorkSchemas } from '../schemas/work.ts';
import { eventStream } from '../sse.ts';
import type { Services } from './services.ts';

/** How long a subscriber may be early. Milliseconds. */
const EARLY_MS = 30_000;
/** Media types a browser may show in place; everything else is downloaded. */
const SHOWN = new Set(['image/png', 'image/jpeg', 'image/gif', 'image/webp']);

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

const cancelTask = ({ state }: WorkSchemas) =>
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

const artifactList = route({
  method: 'get',
  path: '/api/tasks/{id}/artifacts',
  authority: 'key',
  tag: 'tasks',
  summary: 'Files the task left behind',
  params: byId,
  answers: { 200: json(artifactListSchema, 'list') },
  errors: NOT_FOUND,
});

const artifactFile = route({
  method: 'get',
  path: '/api/tasks/{id}/artifacts/{path+}',
  authority: 'key',
  tag: 'tasks',
  summary: 'A file the task left behind',
  params: z.object({ id: z.string(), path: z.string() }),
  answers: { 200: { description: 'its bytes, under its own media type', content: { '*/*': bytesSchema } } },
  errors: { 404: 'no such file' },
});

export function taskRoutes(api: Api, services: Services, schemas: WorkSchemas): void {
  api.on(taskState(schemas), async ({ c, params, reply }) =>
    reply(200, await describe(params.id, c, services), { 'cache-control': 'no-store' }),
  );
  api.on(taskEvents, ({ c, params, query }) => events(c, { id: params.id, after: query.after }, services));
  api.on(cancelTask(schemas), async ({ c, params, reply }) => {
    const task = mine(c, services.tasks.find(params.id));
    if (task === null) return reply(200, await describe(params.id, c, services));
    const base = { task_id: task.id, receipt_id: task.receiptId };
    const ended = task.progress.ended;
    task.cancel('task/cancelled');
    return ended ? reply(200, { ...base, status: 'ended' }) : reply(202, { ...base, status: 'cancelling' });
  });
  api.on(artifactList, async ({ c, params, reply }) => {
    const found = artifactsIn(await sealedOf(params.id, c, services));
    const artifacts = found.map(({ path, mediaType, bytes, hash }) => ({ path, mediaType, bytes, sha256: hash.slice(7) }));
    return reply(200, { artifacts });
  });
  api.on(artifactFile, async ({ c, params }) => artifact(`/${params.path}`, await sealedOf(params.id, c, services), services));
}

type TaskState = Sent<z.infer<WorkSchemas['state']>>;

async function describe(id: string, c: Context<AppEnv>, services: Services): Promise<TaskState> {
  const task = mine(c, services.tasks.find(id));
  return task === null ? describeStored(await stored(id, c, services)) : describeRunning(task);
}

async function describeRunning(task: RunningTask): Promise<TaskState> {
  const base = {
    task_id: task.id,
    type: task.type,
    receipt_id: task.receiptId,
    started_at: new Date(task.startedAt).toISOString(),
    step: task.progress.newest?.type ?? 'accepted',
  };
  if (!task.progress.ended) return { ...base, status: 'running' };
  const outcome = await task.outcome.catch(() => null);
  return { ...base, status: outcome?.ending.status ?? 'failed', result: outcome?.body ?? null };
}

function describeStored({ summary, sealed, answer }: StoredTask): TaskState {
  const base = {
    task_id: summary.taskId,
    type: summary.task,
    receipt_id: summary.receiptId,
    started_at: new Date(summary.servedAt * 1000).toISOString(),
  };
  if (sealed === null) {
    const error = 'the agent stopped before this task ended; nothing of it was acknowledged, so send it again';
    return { ...base, status: 'interrupted', error, code: 'task/interrupted' };
  }
  const { status } = endingIn(sealed.receipt.event_log);
  const result = answer === null ? null : { ...answer, receipt: sealed.receipt, log_proof: sealed.proof };
  return { ...base, status, result };
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
  const known = services.tasks.find(id);
  const { signal } = c.req.raw;
  if (known === null && (await services.ledger.findTask(id)) !== null) {
    const { status } = describeStored(await stored(id, c, services));
    return eventStream(once(lastEvent(status, { id, after, now: services.clock.now() })), signal);
  }
  const task = mine(c, known ?? (await services.tasks.await(id, EARLY_MS, signal)));
  if (task === null) throw new ServerError('http/not-found', 'no task has this id; check it, or start the task first');
  return eventStream(task.progress.follow(after, signal), signal);
}

/** Tasks that are not remembered have one event left: how they ended. It follows the last one that the subscriber saw. */
function lastEvent(
  status: TaskStatus,
  { id, after, now }: { readonly id: string; readonly after: number; readonly now: number },
): ProgressEvent {
  const error = status === 'cancelled' || status === 'interrupted' ? (`task/${status}` as const) : null;
  return { type: 'done', success: status === 'succeeded', status, error, sequence: after + 1, task_id: id, at: now };
}

async function* once(event: ProgressEvent): AsyncGenerator<ProgressEvent> {
  yield event;
}

interface StoredArtifact {
  readonly path: string;
  readonly mediaType: string;
  readonly bytes: number;
  /** `sha256:<hex>`. */
  readonly hash: string;
}

/** The sealed receipt of the task, once it has ended; `null` when there is none. */
async function sealedOf(id: string, c: Context<AppEnv>, services: Services): Promise<SealedReceipt | null> {
  const running = mine(c, services.tasks.find(id));
  if (running !== null) await running.outcome.catch(() => null);
  const summary = await summaryOf(id, c, services);
  return summary.state === 'sealed' ? services.ledger.find(summary.receiptId) : null;
}

/** What the receipt says was collected; the last attempt that left a path wins. */
function artifactsIn(sealed: SealedReceipt | null): readonly StoredArtifact[] {
  const found = new Map<string, StoredArtifact>();
  for (const event of sealed?.receipt.event_log ?? []) {
    const { type, path, content_hash, media_type, bytes } = event as Readonly<Record<string, unknown>>;
    if (type !== 'file.collected') continue;
    found.set(String(path), {
      path: String(path),
      mediaType: String(media_type),
      bytes: Number(bytes),
      hash: String(content_hash),
    });
  }
  return [...found.values()];
}

async function artifact(path: string, sealed: SealedReceipt | null, services: Services): Promise<Response> {
  const found = artifactsIn(sealed).find((candidate) => candidate.path === path);
  const bytes = sealed === null || found === undefined ? null : await services.ledger.payload(sealed, found.hash);
  if (found === undefined || bytes === null)
    throw new ServerError('http/not-found', 'the task left no such file; its answer lists the files it left');
  const name = path.slice(path.lastIndexOf('/') + 1);
  const disposition = SHOWN.has(found.mediaType) ? 'inline' : 'attachment';
  return new Response(new Uint8Array(bytes), {
    headers: {
      'content-type': found.mediaType.startsWith('text/') ? `${found.mediaType}; charset=utf-8` : found.mediaType,
      'content-disposition': `${disposition}; filename*=UTF-8''${encodeURIComponent(name)}`,
      'content-security-policy': "default-src 'none'; sandbox",
      'x-content-type-options': 'nosniff',
      etag: `"${found.hash.slice(7)}"`,
      'cache-control': 'private, max-age=31536000, immutable',
    },
  });
}

/** What the ledger has of a task. */
interface StoredTask {
  readonly summary: ReceiptSummary;
  /** `null` when the agent stopped before it was sealed. */
  readonly sealed: SealedReceipt | null;
  /** As it was given, without receipt and proof; `null` for receipts that kept none. */
  readonly answer: JsonObject | null;
}

async function stored(id: string, c: Context<AppEnv>, services: Services): Promise<StoredTask> {
  const summary = await summaryOf(id, c, services);
  const sealed = summary.state === 'sealed' ? await services.ledger.find(summary.receiptId) : null;
  if (sealed === null) return { summary, sealed, answer: null };
  const kept = keptPayloads(sealed.receipt.event_log).find(({ name }) => name === 'answer');
  const bytes = kept === undefined ? null : await services.ledger.payload(sealed, kept.hash);
  return { summary, sealed, answer: bytes === null ? null : (parseJson(bytes) as JsonObject) };
}

async function summaryOf(id: string, c: Context<AppEnv>, services: Services): Promise<ReceiptSummary> {
  const summary = await services.ledger.findTask(id);
  if (summary !== null && (summary.access === null || summary.access === c.get('access'))) return summary;
  throw new ServerError('http/not-found', 'no task has this id; check it, or start the task first');
}

/** A task is shown to the key that started it, as if it did not exist for others (aci/1 §7.6). */
function mine(c: Context<AppEnv>, task: RunningTask | null): RunningTask | null {
  return task === null || task.access === null || task.access === c.get('access') ? task : null;
}
