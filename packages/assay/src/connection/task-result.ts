/** The result of a task that ended: its answer, checked against a bundle that is verified here, and the files its receipt names. */

import { utf8 } from '@assay/encoding/bytes';
import { canonicalJson, type Json, type JsonObject, parseJson } from '@assay/encoding/json';
import { MAX_BUNDLE_BYTES, type Receipt } from '@assay/receipt';
import { ClientError } from '../errors.ts';
import { bytesDigest } from '../verification/answer-digest.ts';
import { bundleVerdict } from '../verification/bundle.ts';
import { type AcceptedSubject, reasonOf } from '../verification/verdict.ts';
import { contentOf, MAX_ANSWER_BYTES, refusalOf } from './answer-content.ts';
import { oneLine } from './one-line.ts';
import { assertCovers } from './receipt-coverage.ts';
import type { TaskPort } from './task-port.ts';
import { wholeEvents } from './whole-events.ts';

/** The result of a task that ended; `outcome` says how. */
export type RunResult = SucceededRun | FailedRun;

/** A task that ended with a result. */
export interface SucceededRun extends EndedRun {
  readonly outcome: 'succeeded';
}

/** A task that ended without a result. */
export interface FailedRun extends EndedRun {
  readonly outcome: 'failed' | 'cancelled' | 'interrupted';
  /** Why: its code in docs/errors.md, and the agent's words. */
  readonly error: { readonly code: string; readonly message: string };
  /** What an agent without a model does answer; empty for every other failure. */
  readonly recordedDemos: readonly RecordedDemo[];
}

/** A task that is answered from a transcript. */
export interface RecordedDemo {
  readonly description: string;
  readonly language: string;
  /** The context that it must be asked with; `null` without one. */
  readonly context: JsonObject | null;
  /** Files that its program reads; samples are used where the task brings none. */
  readonly files: readonly string[];
}

interface EndedRun {
  /** One line about how it ended. */
  readonly message: string;
  /** What the agent did not do as it was asked, e.g. a host that it kept closed. */
  readonly warnings: readonly string[];
  readonly stdout: string;
  readonly stderr: string;
  /** The value of the last expression, as text; `null` without one. */
  readonly value: string | null;
  /** Code that the model wrote; `null` for tasks of other types. */
  readonly code: string | null;
  /** What ran, when the code was reviewed before; else `null`. */
  readonly executedCode: string | null;
  /** Files that the code left, by name below `/tmp`. Each has the hash that the receipt names. */
  readonly files: Readonly<Record<string, Uint8Array>>;
  readonly receipt: Receipt;
  /** Everything needed to check the work offline: a file for `assay verify`. */
  readonly bundle: Uint8Array;
  /** The decision on the bundle; accepted, or the run ends in an error. */
  readonly verdict: AcceptedSubject<'bundle'>;
  /** The whole answer as it came, for a file; what is known of it is in the members above. */
  readonly answer: JsonObject;
}

/** What was asked for. `null` members are not known to the party that attached later, and are not compared. */
export interface AskedTask {
  readonly id: string;
  readonly request: Uint8Array | null;
  readonly nonce: string | null;
}

/** Of all files of one task. */
const MAX_FILES_BYTES = 512 * 1024 * 1024;

/**
 * @throws {ClientError} `client/task-lost`, `client/agent-refused`, `client/proof-refused` with the verdict in `details`,
 * `client/receipt-mismatch`, `client/answer-oversize`.
 */
export async function resultOf(port: TaskPort, asked: AskedTask, signal: AbortSignal | undefined): Promise<RunResult> {
  const answer = await answerOf(port, asked.id, signal);
  const receiptId = String(answer.receipt_id);
  const bundle = await read(port, `bundles/${encodeURIComponent(receiptId)}`, MAX_BUNDLE_BYTES, signal);
  const verdict = await accepted(port, bundle, asked.nonce);
  const found = verdict.receipts.find(({ receipt }) => receipt.receipt_id === receiptId);
  if (found === undefined || verdict.receipts.length !== 1)
    throw new ClientError(
      'client/receipt-missing',
      `expected the bundle of receipt ${receiptId}, got another one; do not rely on the answer`,
    );
  const { receipt, payloads } = found;
  await assertCovers(receipt, { request: asked.request, answer: utf8(canonicalJson(answer)) });
  const kept = new Map(payloads.flatMap(({ hash, content }) => (content === null ? [] : [[hash as string, content] as const])));
  return {
    ...endingOf(answer),
    ...membersOf(answer),
    files: await filesOf(port, { id: asked.id, receipt, kept }, signal),
    receipt,
    bundle,
    verdict,
    answer,
  };
}

async function answerOf(port: TaskPort, id: string, signal: AbortSignal | undefined): Promise<JsonObject> {
  const bytes = await read(port, `api/tasks/${encodeURIComponent(id)}`, MAX_ANSWER_BYTES, signal);
  const { status, result } = objectOf(parseJson(bytes));
  const answer = objectOf(result ?? null);
  if (typeof answer.receipt_id !== 'string')
    throw new ClientError(
      'client/task-lost',
      `expected the answer of task ${id}, got none: it is ${oneLine(String(status))}; nothing of it was acknowledged, start it again`,
    );
  return answer;
}

function objectOf(value: Json): JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : {};
}

async function accepted(port: TaskPort, bundle: Uint8Array, nonce: string | null): Promise<AcceptedSubject<'bundle'>> {
  const options = port.options();
  const verdict = await bundleVerdict(bundle, nonce === null ? options : { ...options, expected: { nonce } });
  if (verdict.outcome === 'accepted') return verdict;
  throw new ClientError(
    'client/proof-refused',
    `the bundle of this task is ${verdict.outcome} (${reasonOf(verdict)}); do not rely on the answer`,
    { details: { verdict } },
  );
}

type Ending = { readonly outcome: 'succeeded' } | Pick<FailedRun, 'outcome' | 'error' | 'recordedDemos'>;

function endingOf(answer: JsonObject): Ending {
  if (answer.success === true) return { outcome: 'succeeded' };
  const code = text(answer.error_code) ?? 'server/internal';
  const message = text(answer.error) ?? text(answer.message) ?? 'the task failed';
  const outcome = code === 'task/cancelled' ? 'cancelled' : code === 'task/interrupted' ? 'interrupted' : 'failed';
  return { outcome, error: { code, message }, recordedDemos: listOf(answer.recorded_demos).flatMap(demoIn) };
}

function demoIn(value: Json): readonly RecordedDemo[] {
  const { description, language, context, files } = objectOf(value);
  if (typeof description !== 'string' || typeof language !== 'string') return [];
  const asked = context === undefined || context === null ? null : objectOf(context);
  return [{ description, language, context: asked, files: listOf(files).flatMap((path) => text(path) ?? []) }];
}

function text(value: Json | undefined): string | null {
  return typeof value === 'string' ? value : null;
}

function listOf(value: Json | undefined): readonly Json[] {
  return Array.isArray(value) ? (value as readonly Json[]) : [];
}

function membersOf(
  answer: JsonObject,
): Pick<EndedRun, 'message' | 'warnings' | 'stdout' | 'stderr' | 'value' | 'code' | 'executedCode'> {
  const run = objectOf(answer.execution_result ?? null);
  return {
    message: text(answer.message) ?? '',
    warnings: listOf(answer.warnings).flatMap((warning) => text(warning) ?? []),
    stdout: text(run.stdout) ?? text(answer.output) ?? '',
    stderr: text(run.stderr) ?? '',
    value: text(run.result) ?? text(answer.result),
    code: text(answer.generated_code),
    executedCode: text(answer.executed_code),
  };
}

interface NamedFiles {
  readonly id: string;
  readonly receipt: Receipt;
  /** Payloads of the bundle by hash. */
  readonly kept: ReadonlyMap<string, Uint8Array>;
}

/** The files that the receipt says were collected; the last attempt that left a path wins. Bytes that the bundle lacks are fetched. */
async function filesOf(
  port: TaskPort,
  { id, receipt, kept }: NamedFiles,
  signal: AbortSignal | undefined,
): Promise<Readonly<Record<string, Uint8Array>>> {
  const named = new Map<string, string>();
  for (const { path, content_hash: hash } of wholeEvents(receipt, 'file.collected')) named.set(path, hash);
  const files: Record<string, Uint8Array> = Object.create(null);
  let left = MAX_FILES_BYTES;
  for (const [path, hash] of named) {
    const bytes = kept.get(hash) ?? (await fetchFile(port, { id, path, hash, most: left }, signal));
    left -= bytes.length;
    files[path.replace(/^\/tmp\//, '')] = bytes;
  }
  return files;
}

async function fetchFile(
  port: TaskPort,
  { id, path, hash, most }: { readonly id: string; readonly path: string; readonly hash: string; readonly most: number },
  signal: AbortSignal | undefined,
): Promise<Uint8Array> {
  const below = path.split('/').map(encodeURIComponent).join('/');
  const bytes = await read(port, `api/tasks/${encodeURIComponent(id)}/artifacts${below}`, most, signal);
  const actual = await bytesDigest(bytes);
  if (actual === hash) return bytes;
  throw new ClientError(
    'client/receipt-mismatch',
    `expected file ${JSON.stringify(path.slice(0, 100))} with ${hash}, got ${actual}; do not rely on the answer`,
  );
}

async function read(port: TaskPort, path: string, most: number, signal: AbortSignal | undefined): Promise<Uint8Array> {
  const answer = await port.ask(path, { signal: signal ?? null });
  if (!answer.ok) throw await refusalOf(answer);
  return contentOf(answer, most);
}
