/** `/api/tasks/{id}`: state, progress as server-sent events, files left behind, cancelling. Also for tasks of earlier starts. */

import { type JsonObject, parseJson } from '@assay/encoding/json';
import { keptPayloads } from '@assay/receipt';
import { type Context, Hono } from 'hono';
import { ServerError } from '../../errors.ts';
import type { ReceiptSummary, SealedReceipt } from '../../ports/ledger.ts';
import { endingIn, type TaskStatus } from '../../tasks/ending.ts';
import type { ProgressEvent } from '../../tasks/progress.ts';
import type { RunningTask } from '../../tasks/run-task.ts';
import type { AppEnv } from '../environment.ts';
import { wholeNumber } from '../request-facts.ts';
import { eventStream } from '../sse.ts';
import type { Services } from './services.ts';

/** How long a subscriber may be early. Milliseconds. */
const EARLY_MS = 30_000;
/** Media types a browser may show in place; everything else is downloaded. */
const SHOWN = new Set(['image/png', 'image/jpeg', 'image/gif', 'image/webp']);

export function taskRoutes(services: Services): Hono<AppEnv> {
  const app = new Hono<AppEnv>();
  app.get('/api/tasks/:id', async (c) => c.json(await describe(c, services), 200, { 'cache-control': 'no-store' }));
  app.get('/api/tasks/:id/events', (c) => events(c, services));
  app.delete('/api/tasks/:id', async (c) => {
    const task = mine(c, services.tasks.find(c.req.param('id')));
    if (task === null) return c.json(await describe(c, services));
    const ended = task.progress.ended;
    task.cancel('task/cancelled');
    return c.json({ task_id: task.id, status: ended ? 'ended' : 'cancelling', receipt_id: task.receiptId }, ended ? 200 : 202);
  });
  app.get('/api/tasks/:id/artifacts', async (c) =>
    c.json({
      artifacts: (await artifactsOf(c, services)).map(({ path, mediaType, bytes, hash }) => ({
        path,
        mediaType,
        bytes,
        sha256: hash.slice(7),
      })),
    }),
  );
  app.get('/api/tasks/:id/artifacts/:path{.+}', (c) => artifact(c, services));
  return app;
}

/** `GET /api/tasks/{id}`. */
type TaskState = {
  readonly task_id: string;
  readonly type: string;
  readonly receipt_id: string;
  readonly started_at: string;
  /** Newest step; only for tasks that are remembered. */
  readonly step?: string;
  readonly status: TaskStatus;
  /** The answer, once there is one. */
  readonly result?: object | null;
  readonly error?: string;
  readonly code?: string;
};

async function describe(c: Context<AppEnv>, services: Services): Promise<TaskState> {
  const task = mine(c, services.tasks.find(c.req.param('id') ?? ''));
  return task === null ? describeStored(await stored(c, services)) : describeRunning(task);
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

async function events(c: Context<AppEnv>, services: Services): Promise<Response> {
  const given = c.req.header('last-event-id') ?? c.req.query('after');
  const after = wholeNumber(given, 0, 0, Number.MAX_SAFE_INTEGER);
  if (after === null)
    throw new ServerError(
      'http/bad-parameter',
      `last-event-id: expected a number, got ${JSON.stringify(given?.slice(0, 40))}; send that of the last event seen, or none`,
    );
  const id = c.req.param('id') ?? '';
  const known = services.tasks.find(id);
  const { signal } = c.req.raw;
  if (known === null && (await services.ledger.findTask(id)) !== null) {
    const { status } = describeStored(await stored(c, services));
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

/** What the receipt says was collected; the last attempt that left a path wins. */
async function artifactsOf(c: Context<AppEnv>, services: Services): Promise<readonly StoredArtifact[]> {
  return artifactsIn(await sealedOf(c, services));
}

/** The sealed receipt of the task, once it has ended; `null` when there is none. */
async function sealedOf(c: Context<AppEnv>, services: Services): Promise<SealedReceipt | null> {
  const running = mine(c, services.tasks.find(c.req.param('id') ?? ''));
  if (running !== null) await running.outcome.catch(() => null);
  const summary = await summaryOf(c, services);
  return summary.state === 'sealed' ? services.ledger.find(summary.receiptId) : null;
}

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

async function artifact(c: Context<AppEnv>, services: Services): Promise<Response> {
  const path = `/${c.req.param('path') ?? ''}`;
  const sealed = await sealedOf(c, services);
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

async function stored(c: Context<AppEnv>, services: Services): Promise<StoredTask> {
  const summary = await summaryOf(c, services);
  const sealed = summary.state === 'sealed' ? await services.ledger.find(summary.receiptId) : null;
  if (sealed === null) return { summary, sealed, answer: null };
  const kept = keptPayloads(sealed.receipt.event_log).find(({ name }) => name === 'answer');
  const bytes = kept === undefined ? null : await services.ledger.payload(sealed, kept.hash);
  return { summary, sealed, answer: bytes === null ? null : (parseJson(bytes) as JsonObject) };
}

async function summaryOf(c: Context<AppEnv>, services: Services): Promise<ReceiptSummary> {
  const summary = await services.ledger.findTask(c.req.param('id') ?? '');
  if (summary !== null && (summary.access === null || summary.access === c.get('access'))) return summary;
  throw new ServerError('http/not-found', 'no task has this id; check it, or start the task first');
}

/** A task is shown to the key that started it, as if it did not exist for others (aci/1 §7.6). */
function mine(c: Context<AppEnv>, task: RunningTask | null): RunningTask | null {
  return task === null || task.access === null || task.access === c.get('access') ? task : null;
}
