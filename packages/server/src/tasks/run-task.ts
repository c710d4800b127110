/**
 * The road of every piece of work: request → task → seal → log → respond. Opens the receipt, runs the task, appends how it ended,
 * seals, and only then gives the answer away. A task that fails or is cancelled gets its receipt like any other.
 */

import { randomUUID } from 'node:crypto';
import { canonicalJson } from '@assay/encoding/json';
import { problemMembers, statusOf } from '../error-status.ts';
import { ServerError, type ServerErrorCode } from '../errors.ts';
import type { Clock } from '../ports/clock.ts';
import type { Ledger, ReceiptDraft, SealedReceipt } from '../ports/ledger.ts';
import { Progress, type TaskStatus } from './progress.ts';
import type { RegisteredTask } from './registry.ts';
import type { Artifact, TaskAnswer, TaskPorts } from './task.ts';

/** A request for work, as it came in. */
export interface TaskRequest {
  /** Chosen by the client, or `null` for a fresh one. */
  readonly taskId: string | null;
  /** The `data` object of the request. */
  readonly data: Readonly<Record<string, unknown>>;
  /** Its `context` as JSON text with the digits that the client wrote; left out when there is none. */
  readonly contextText?: string | null | undefined;
  /** Exact bytes of the body. */
  readonly requestBody: Uint8Array;
  readonly method: string;
  readonly endpoint: string;
  /** The client's nonce, 64 lower-case hex characters, or `null`. */
  readonly nonce: string | null;
  /** Hex SHA-256 of the API key, or `null`. */
  readonly access: string | null;
  /** `https://agent.example`, for the URLs in the answer. */
  readonly origin: string;
}

/** What comes out: the answer's body and what was learnt on the way. */
export interface TaskOutcome {
  readonly status: Exclude<TaskStatus, 'running' | 'interrupted'>;
  readonly body: Readonly<Record<string, unknown>>;
  /** Set when the work could not be done; decides the HTTP status. */
  readonly errorCode: ServerErrorCode | null;
  readonly artifacts: readonly Artifact[];
  readonly sealed: SealedReceipt;
  /** Length of the answer as it is kept in the ledger. */
  readonly answerBytes: number;
}

/** Makes the `attestation` member of an answer, bound to this agent's keyset and to the nonce. */
export type Attest = (answer: TaskAnswer, nonce: string | null) => Promise<Readonly<Record<string, unknown>>>;

export interface RunningTask {
  readonly id: string;
  readonly type: string;
  readonly access: string | null;
  readonly receiptId: string;
  /** Epoch milliseconds. */
  readonly startedAt: number;
  readonly progress: Progress;
  /** Rejects only when no receipt could be sealed. */
  readonly outcome: Promise<TaskOutcome>;
  cancel(reason: 'task/cancelled' | 'task/interrupted'): void;
}

export interface RunTaskOptions {
  readonly ledger: Ledger;
  readonly ports: TaskPorts;
  readonly clock: Clock;
  readonly attest: Attest;
  /** Digest of the keyset that seals now. */
  readonly keysetInForce: () => string;
  /** Resolves when code can run; rejects when it never will. */
  readonly sandboxReady: Promise<void>;
  /** Told about errors that have no code; clients only learn that one happened. */
  readonly onUnexpected: (error: unknown, taskId: string) => void;
}

/** Request bodies beyond this are named by their hash but not kept for the bundle. Bytes. */
const MAX_KEPT_REQUEST = 4 * 1024 * 1024;

/**
 * Begins a task whose input was checked. The receipt is open when this returns.
 * @throws the ledger's errors, e.g. `ledger/nonce-reused`.
 */
export function startTask(task: RegisteredTask, input: unknown, request: TaskRequest, options: RunTaskOptions): RunningTask {
  const { ledger, clock } = options;
  const id = request.taskId ?? randomUUID();
  const draft = ledger.open({
    taskId: id,
    task: task.type,
    method: request.method,
    endpoint: request.endpoint,
    requestBody: request.requestBody,
    nonce: request.nonce,
    model: task.type === 'ai_generate_and_execute' ? options.ports.model.model : null,
    access: request.access,
  });
  const progress = new Progress(id, clock.now);
  const abort = new AbortController();
  const begun = { draft, progress, signal: abort.signal, task, input, request };
  return {
    id,
    type: task.type,
    access: request.access,
    receiptId: draft.receiptId,
    startedAt: clock.now(),
    progress,
    outcome: carryOut(begun, id, options),
    cancel: (reason) =>
      abort.abort(new ServerError(reason, reason === 'task/cancelled' ? 'the task was cancelled' : 'the agent is stopping')),
  };
}

interface Begun {
  readonly draft: ReceiptDraft;
  readonly progress: Progress;
  readonly signal: AbortSignal;
  readonly task: RegisteredTask;
  readonly input: unknown;
  readonly request: TaskRequest;
}

async function carryOut(begun: Begun, id: string, options: RunTaskOptions): Promise<TaskOutcome> {
  const { draft, progress, request, signal } = begun;
  try {
    await draft.started;
    progress.emit({ type: 'accepted', task: begun.task.type, receipt_id: draft.receiptId });
    if (request.requestBody.length <= MAX_KEPT_REQUEST) draft.payload('request', 'application/json', request.requestBody);
    const answer = await work(begun, id, options);
    const status = answer.success ? 'succeeded' : signal.aborted ? 'cancelled' : 'failed';
    let body = await bodyOf(answer, id, begun, options);
    // The keyset may be replaced while the TEE answers: the report in the answer must be of the keyset that seals it.
    while (reportedKeyset(body) !== null && reportedKeyset(body) !== options.keysetInForce())
      body = await bodyOf(answer, id, begun, options);
    const answerText = new TextEncoder().encode(canonicalJson(body));
    const answerBytes = answerText.length;
    const bodyHash = draft.payload('answer', 'application/json', answerText);
    const retries = typeof body.retries_used === 'number' ? { retries: body.retries_used } : {};
    if (answer.success) draft.append({ type: 'task.completed', result_hash: bodyHash, ...retries });
    else
      draft.append({
        type: 'task.failed',
        code: answer.errorCode ?? String(answer.members.error_code ?? 'task/code-failed'),
        error_hash: bodyHash,
        ...retries,
      });
    draft.append({ type: 'response.returned', body_hash: bodyHash, form: 'jcs-without-receipt' });
    progress.emit({ type: 'sealing' });
    const sealed = await options.ledger.seal(draft);
    progress.emit({ type: 'logged', receipt_id: sealed.receiptId, log_index: sealed.proof.index });
    progress.emit({ type: 'done', success: answer.success, status, error: answer.errorCode });
    const full = { ...body, receipt: sealed.receipt, log_proof: sealed.proof };
    return { status, body: full, errorCode: answer.errorCode, artifacts: answer.artifacts, sealed, answerBytes };
  } catch (error) {
    // Nothing was sealed, so nothing may be acknowledged.
    progress.emit({ type: 'done', success: false, status: 'failed', error: codeOf(error) });
    await options.ledger.discard(draft).catch(() => undefined);
    throw error;
  }
}

async function work(begun: Begun, id: string, options: RunTaskOptions): Promise<TaskAnswer> {
  const { draft, progress, signal, request } = begun;
  try {
    signal.throwIfAborted();
    if (!begun.task.withoutSandbox) await unlessAborted(options.sandboxReady, signal);
    return await begun.task.run(begun.input, {
      taskId: id,
      access: request.access,
      contextText: request.contextText ?? null,
      draft,
      signal,
      ports: options.ports,
      emit: (event) => progress.emit(event),
    });
  } catch (thrown) {
    const error = asServerError(signal.aborted ? signal.reason : thrown, id, options);
    const { message } = error;
    const problem = problemMembers(error.code, message, statusOf(error.code, error.kind));
    const members = { success: false, error: message, error_code: error.code, message, ...problem, ...detailsOf(error) };
    return { success: false, members, artifacts: [], inference: null, errorCode: error.code };
  }
}

async function bodyOf(
  answer: TaskAnswer,
  id: string,
  begun: Begun,
  options: RunTaskOptions,
): Promise<Readonly<Record<string, unknown>>> {
  const { origin, nonce, data } = begun.request;
  const { receiptId } = begun.draft;
  const wanted = data.include_attestation === true;
  return {
    ...answer.members,
    attestation: wanted ? await attestOrSay(answer, nonce, options) : null,
    verification_instructions: {
      message: wanted
        ? 'This result includes TEE attestation and a signed, logged receipt. Save this response as attestation.json and verify it.'
        : 'This result has a signed, logged receipt. Fetch the bundle and verify it, on any machine, without this agent.',
      verification_script: wanted ? 'npx assay verify attestation.json' : `npx assay verify ${receiptId}.bundle.json`,
      docs_url: `${origin}/verify`,
    },
    verification_url: `${origin}/verify?receipt=${receiptId}`,
    task_id: id,
    receipt_id: receiptId,
    bundle_url: `${origin}/bundles/${receiptId}`,
    artifacts: answer.artifacts.map((artifact) => ({
      path: artifact.path,
      mediaType: artifact.mediaType,
      media_type: artifact.mediaType,
      bytes: artifact.bytes,
      sha256: artifact.sha256,
      url: `${origin}/api/tasks/${encodeURIComponent(id)}/artifacts${artifact.path.split('/').map(encodeURIComponent).join('/')}`,
    })),
  };
}

/** The keyset that the answer's own report attests; `null` when it has none. */
function reportedKeyset(body: Readonly<Record<string, unknown>>): string | null {
  const attestation = body.attestation as { readonly report?: { readonly workload_keyset_digest?: string } } | null;
  return attestation?.report?.workload_keyset_digest ?? null;
}

function asServerError(error: unknown, id: string, options: RunTaskOptions): ServerError {
  if (ServerError.is(error)) return error;
  options.onUnexpected(error, id);
  return new ServerError('server/internal', `the agent met an error it did not expect; its log says more under task ${id}`, {
    cause: error,
  });
}

function unlessAborted(promise: Promise<void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(signal.reason);
    signal.addEventListener('abort', stop, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
  });
}

/** Work that is done is not lost because the TEE did not answer; the member then says why it is empty, as the origin's did. */
async function attestOrSay(
  answer: TaskAnswer,
  nonce: string | null,
  options: RunTaskOptions,
): Promise<Readonly<Record<string, unknown>>> {
  try {
    return await options.attest(answer, nonce);
  } catch (error) {
    if (!ServerError.is(error)) throw error;
    return { error: error.message, code: error.code };
  }
}

function detailsOf(error: ServerError): Readonly<Record<string, unknown>> {
  const { retryAfterSeconds, recordedDemos } = error.details;
  return {
    ...(typeof retryAfterSeconds === 'number' ? { retry_after_seconds: retryAfterSeconds } : {}),
    ...(Array.isArray(recordedDemos) ? { recorded_demos: recordedDemos } : {}),
  };
}

function codeOf(error: unknown): string {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : null;
  return typeof code === 'string' ? code : 'server/internal';
}
