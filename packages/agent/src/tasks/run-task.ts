/**
 * The road of every piece of work: request → task → seal → log → respond. Opens the receipt, runs the task, appends how it ended,
 * seals, and only then gives the answer away. A task that fails or is cancelled gets its receipt like any other.
 */

import { randomUUID } from 'node:crypto';
import { unlessAborted } from '@assay/encoding/abortable';
import { type CodedError, isCoded } from '@assay/encoding/coded-error';
import { canonicalJson } from '@assay/encoding/json';
import type { Clock, DraftOptions, Ledger, ReceiptDraft, ReservedReceipt, StateChange } from '@assay/ledger';
import { ServerError } from '../errors.ts';
import type { ProgressDraft } from '../ports/task-events.ts';
import type { TaskRecord, TaskStore } from '../ports/task-store.ts';
import type { Workspaces } from '../ports/workspaces.ts';
import { HeldWork } from './held-work.ts';
import { MAX_KEPT_REQUEST } from './kept-request.ts';
import { meteredModel } from './metered-model.ts';
import { Progress } from './progress.ts';
import type { PreparedTask } from './registry.ts';
import { ReviewDesk } from './review.ts';
import type { Inference, TaskContext, TaskNeed, TaskPorts, TaskResult } from './task.ts';
import { taskAnswer, type Work, workEnding } from './task-answer.ts';
import { type AttestationOptions, attestationOf } from './task-attestation.ts';
import { generationOf, recordEnding, refusalOf, type TaskOutcome } from './task-outcome.ts';
import { titleOf } from './title.ts';
import type { Turns } from './turns.ts';

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
  /** Waits for its turn when others have theirs; otherwise it is refused then. */
  readonly mayWait?: boolean | undefined;
  /** `https://agent.example`, for the URLs in the answer. */
  readonly origin: string;
  /** The request came through a channel that ends inside the enclave; default `false`. */
  readonly sealed?: boolean | undefined;
  /** The receipt that the task was promised before it began. */
  readonly reserved?: ReservedReceipt | undefined;
  /** Rows that commit with the receipt or not at all. */
  readonly changes?: readonly StateChange[] | undefined;
}

export interface RunningTask {
  readonly id: string;
  readonly type: string;
  readonly needs: readonly TaskNeed[];
  readonly access: string | null;
  readonly receiptId: string;
  /** Epoch milliseconds. */
  readonly startedAt: number;
  readonly title: string;
  readonly progress: Progress;
  /** Where code of it is approved. */
  readonly review: ReviewDesk;
  /** What is known of it now. */
  record(): TaskRecord;
  /** Resolves when the task's row is durable; rejects when its nonce was used. */
  readonly started: Promise<void>;
  /** Rejects only when no receipt could be sealed. */
  readonly outcome: Promise<TaskOutcome>;
  cancel(reason: 'task/cancelled' | 'task/interrupted'): void;
  /** Ends it here without a receipt: it is begun again elsewhere, or later. */
  abandon(): void;
}

export interface RunTaskOptions extends AttestationOptions {
  readonly ledger: Ledger;
  /** What all tasks share. */
  readonly ports: Omit<TaskPorts, 'workspaces'>;
  /** The workspaces of one API key, `null` for those of none. */
  readonly workspacesOf: (access: string | null) => Workspaces;
  readonly clock: Clock;
  readonly store: TaskStore;
  /** Who may run now. */
  readonly turns: Turns;
  /** How long code may wait for a review, milliseconds; an hour unless given. */
  readonly reviewMs?: number | undefined;
  /** Resolves when code can run; rejects when it never will. */
  readonly sandboxReady: Promise<void>;
  /** Told about errors that have no code; clients only learn that one happened. */
  readonly onUnexpected: (error: unknown, taskId: string) => void;
}

const REVIEW_MS = 60 * 60_000;

/**
 * Begins a task. The receipt is open when this returns.
 * @throws {ServerError} `server/busy` for a large request while tasks hold much; the ledger's errors, e.g. `ledger/nonce-reused`.
 */
export function startTask(task: PreparedTask, request: TaskRequest, options: RunTaskOptions): RunningTask {
  const { ledger, clock, ports } = options;
  const id = request.taskId ?? randomUUID();
  const held = new HeldWork(request.requestBody.length);
  const draft = opened(ledger, held, {
    taskId: id,
    task: task.type,
    method: request.method,
    endpoint: request.endpoint,
    requestBody: request.requestBody,
    nonce: request.nonce,
    model: task.needs.includes('model') ? ports.model.model : null,
    access: request.access,
    reserved: request.reserved,
  });
  const progress = new Progress(id, clock.now);
  const abort = new AbortController();
  const startedAt = clock.now();
  const title = titleOf({ ...request.data, type: task.type });
  const record = (): TaskRecord => ({
    taskId: id,
    receiptId: draft.receiptId,
    type: task.type,
    title,
    status: progress.status,
    acceptedAt: startedAt,
    endedAt: progress.endedAt,
    attempts: progress.attempts,
    code: progress.code,
    access: request.access,
  });
  const emit = (event: ProgressDraft): void => {
    const { status } = progress;
    progress.emit(event);
    if (event.type === 'accepted' || progress.status !== status) options.store.note(record());
  };
  const review = new ReviewDesk();
  let abandoned = false;
  const begun = { id, title, review, draft, held, emit, signal: abort.signal, task, request, abandoned: () => abandoned };
  const cancel: RunningTask['cancel'] = (reason) =>
    abort.abort(new ServerError(reason, reason === 'task/cancelled' ? 'the task was cancelled' : 'the agent is stopping'));
  return {
    id,
    type: task.type,
    needs: task.needs,
    access: request.access,
    receiptId: draft.receiptId,
    startedAt,
    title,
    progress,
    review,
    record,
    started: draft.started,
    outcome: carryOut(begun, options),
    cancel,
    abandon: () => {
      abandoned = true;
      cancel('task/interrupted');
    },
  };
}

function opened(ledger: Ledger, held: HeldWork, options: DraftOptions): ReceiptDraft {
  try {
    return ledger.open(options);
  } catch (error) {
    held.release();
    throw error;
  }
}

interface Begun {
  readonly id: string;
  readonly draft: ReceiptDraft;
  readonly title: string;
  readonly review: ReviewDesk;
  readonly held: HeldWork;
  readonly emit: (event: ProgressDraft) => void;
  readonly signal: AbortSignal;
  readonly task: PreparedTask;
  readonly request: TaskRequest;
  readonly abandoned: () => boolean;
}

async function carryOut(begun: Begun, options: RunTaskOptions): Promise<TaskOutcome> {
  const { id, draft, emit, request, title } = begun;
  try {
    await draft.started;
    emit({ type: 'accepted', task: begun.task.type, receipt_id: draft.receiptId, title });
    if (request.requestBody.length <= MAX_KEPT_REQUEST) draft.payload('request', 'application/json', request.requestBody);
    const work = await carryInTurn(begun, options);
    if (begun.abandoned()) throw begun.signal.reason;
    const ending = workEnding(work);
    const attestation = begun.task.attested ? await attestationOf(inferenceOf(work), request.nonce, options) : null;
    const answer = taskAnswer(work, { taskId: id, receiptId: draft.receiptId, origin: request.origin, attestation });
    const answerText = new TextEncoder().encode(canonicalJson(answer));
    recordEnding(draft, work, ending, draft.payload('answer', 'application/json', answerText));
    emit({ type: 'sealing' });
    const sealed = await options.ledger.seal(draft, { changes: request.changes ?? [] });
    const refusal = refusalOf(work);
    emit({ type: 'logged', receipt_id: sealed.receiptId, log_index: sealed.proof.index });
    emit({
      type: 'done',
      success: answer.success,
      status: ending.status,
      error: ending.status === 'succeeded' ? null : ending.code,
    });
    const body = { ...answer, receipt: sealed.receipt, log_proof: sealed.proof };
    return { ending, body, refusal, generation: generationOf(work), sealed, answerBytes: answerText.length };
  } catch (error) {
    // Nothing was sealed, so nothing may be acknowledged.
    const code = isCoded(error) ? error.code : 'server/internal';
    emit({ type: 'done', success: false, status: begun.abandoned() ? 'interrupted' : 'failed', error: code });
    await options.ledger.discard(draft).catch(() => undefined);
    throw error;
  } finally {
    begun.held.release();
  }
}

/** The work, in its turn. While its code waits for a person, others have it. */
async function carryInTurn(begun: Begun, options: RunTaskOptions): Promise<Work> {
  const { id, signal, emit } = begun;
  const { turns, reviewMs = REVIEW_MS } = options;
  let end = (): void => undefined;
  const take = async (): Promise<void> => {
    if (turns.taken) emit({ type: 'queued', ahead: turns.waiting });
    end = await turns.take(signal);
  };
  const review: TaskContext['review'] = async (proposal) => {
    const { attempt, language, codeHash } = proposal;
    end();
    emit({ type: 'review', attempt, language, code_hash: codeHash, expires_at: options.clock.now() + reviewMs });
    const decision = await begun.review.ask(proposal, { ms: reviewMs, signal });
    await take();
    return decision;
  };
  try {
    await take();
    return { kind: 'done', result: await carry(begun, review, options) };
  } catch (thrown) {
    return { kind: 'refused', error: codedOf(signal.aborted ? signal.reason : thrown, id, options) };
  } finally {
    end();
  }
}

async function carry(begun: Begun, review: TaskContext['review'], options: RunTaskOptions): Promise<TaskResult> {
  const { id, draft, held, emit, signal, task, request } = begun;
  if (task.needs.includes('sandbox')) await unlessAborted(options.sandboxReady, signal);
  const ports = await portsFor(request, task, options);
  return task.run({
    taskId: id,
    access: request.access,
    nonce: request.nonce,
    sealed: request.sealed === true,
    contextText: request.contextText ?? null,
    draft: held.draft(draft),
    signal,
    ports,
    holdInputs: (bytes) => held.inputs(bytes),
    review,
    emit,
  });
}

/**
 * The ports as one request sees them: its own workspaces, a model that counts its tokens, and one model for all prompts of a task, although
 * another may come up meanwhile.
 */
async function portsFor({ access }: TaskRequest, task: PreparedTask, options: RunTaskOptions): Promise<TaskPorts> {
  const { ports, workspacesOf, ledger } = options;
  const serving = task.needs.includes('model') ? ((await ports.model.serving?.()) ?? ports.model) : ports.model;
  const model = access === null ? serving : meteredModel(serving, (tokens) => ledger.keys.spend(access, { tokens }));
  const own = { model: { value: model }, workspaces: { value: workspacesOf(access) } };
  return Object.create(ports, own) as TaskPorts; // not copied: the sandbox is asked for only by work that needs one
}

function inferenceOf(work: Work): Inference | null {
  return work.kind === 'done' ? (work.result.inference ?? null) : null;
}

function codedOf(error: unknown, id: string, options: RunTaskOptions): CodedError {
  if (isCoded(error)) return error;
  options.onUnexpected(error, id);
  return new ServerError('server/internal', `the agent met an error it did not expect; its log says more under task ${id}`, {
    cause: error,
  });
}
