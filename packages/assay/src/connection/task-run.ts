/**
 * One task of a verified agent, from its request to its checked result. Request, steps, files and bundle travel through the sealed channel;
 * the result is given out only when its bundle is accepted under the policy of the connection, and its receipt covers exactly the request
 * that was sent and the answer that came.
 *
 * Not checked: that the answer is right.
 */

import { unlessAborted } from '@assay/encoding/abortable';
import { encodeBase64 } from '@assay/encoding/base64';
import { utf8 } from '@assay/encoding/bytes';
import { encodeHex } from '@assay/encoding/hex';
import { ClientError } from '../errors.ts';
import { refusalOf } from './answer-content.ts';
import type { TaskPort } from './task-port.ts';
import { type RunResult, resultOf } from './task-result.ts';
import { type ReviewCode, Reviewer } from './task-review.ts';
import type { TaskStep } from './task-step.ts';
import { followSteps } from './task-steps.ts';

/** A request as `POST /api/process` takes it in `data`: `execute`, `shell`, `file_read`, `file_write`, `jupyter`, `nodejs` and others. */
export interface TaskRequest {
  readonly type: string;
  readonly [member: string]: unknown;
}

/** Options of `agent.run`. */
export interface RunOptions {
  /** Files for the code, by name; it finds `sales.csv` as `/tmp/sales.csv`. Text is sent as UTF-8. */
  readonly files?: Readonly<Record<string, Uint8Array | string>> | undefined;
  /** `python` by default. */
  readonly language?: 'python' | 'javascript' | undefined;
  /** Facts for the model. */
  readonly context?: Readonly<Record<string, unknown>> | undefined;
  /** Attempts after the first. */
  readonly maxRetries?: number | undefined;
  /** 64 lower-case hex digits, bound into receipt and attestation; fresh random ones by default. */
  readonly nonce?: string | undefined;
  /** Also puts an attestation of its own into the answer. The bundle has one in any case. */
  readonly includeAttestation?: boolean | undefined;
  /**
   * Shows each program of the model before it runs: what it returns runs, `null` discards it. The receipt must then tell of these decisions
   * and of no other code.
   * @example await agent.run('Plot sales', { review: ({ code }) => (code.includes('remove') ? null : code) })
   */
  readonly review?: ReviewCode | undefined;
  /** Cancels the task. */
  readonly signal?: AbortSignal | undefined;
}

/** Options of `agent.attach`: joining a task that already runs. */
export interface AttachOptions {
  /** The nonce that the task was started with, for policies that want it compared. */
  readonly nonce?: string | undefined;
  /** Cancels the task. */
  readonly signal?: AbortSignal | undefined;
}

/** A task under way: its steps from the first, for any number of readers, and its result. */
export interface TaskRun extends Promise<RunResult>, AsyncIterable<TaskStep> {
  /** Takes the task up again with `agent.attach(id)`. */
  readonly id: string;
  /** Ends the task at the agent. Its receipt then says that it was cancelled. */
  cancel(): Promise<void>;
  /** Stops following; the task goes on. The run then rejects with an `AbortError`. */
  leave(): void;
}

/** Starts a task. Errors come out of the run: of its iteration and of its promise. */
export function startRun(port: TaskPort, task: string | TaskRequest, options: RunOptions): TaskRun {
  const id = crypto.randomUUID();
  const nonce = options.nonce ?? encodeHex(crypto.getRandomValues(new Uint8Array(32)));
  const reviewer = options.review === undefined ? null : new Reviewer(port, id, options.review);
  return createRun(port, id, options.signal, async (emit, signal) => {
    const request = utf8(JSON.stringify({ task_id: id, nonce, data: dataOf(task, options) }));
    await submit(port, { id, request }, signal);
    await followSteps(port, id, reviewer === null ? emit : reviewing(reviewer, emit), signal);
    const result = await resultOf(port, { id, request, nonce }, signal);
    reviewer?.assertTold(result.receipt);
    return result;
  });
}

/** Takes up a task that was started before. */
export function attachRun(port: TaskPort, id: string, { signal, nonce }: AttachOptions): TaskRun {
  return createRun(port, id, signal, async (emit, until) => {
    await followSteps(port, id, emit, until);
    return resultOf(port, { id, request: null, nonce: nonce ?? null }, until);
  });
}

/**
 * Sends the request. An agent that was started again cannot tell whether it took the request before; the id of the task tells it, so the
 * request is sent once more only when no task has that id.
 */
async function submit(
  port: TaskPort,
  { id, request }: { readonly id: string; readonly request: Uint8Array },
  signal: AbortSignal,
): Promise<void> {
  const send = async (): Promise<void> => {
    const answer = await port.ask('api/process', {
      method: 'POST',
      headers: { 'content-type': 'application/json', prefer: 'respond-async' },
      body: request as BodyInit,
      signal,
    });
    if (answer.status !== 202) throw await refusalOf(answer);
    await answer.body?.cancel();
  };
  try {
    await send();
  } catch (error) {
    if (!ClientError.is(error) || error.code !== 'client/request-unsettled') throw error;
    const known = await port.ask(`api/tasks/${encodeURIComponent(id)}?brief=1`, { signal });
    if (known.status === 404) await send();
    else if (!known.ok) throw await refusalOf(known);
    await known.body?.cancel();
  }
}

/** Tells of a step, then waits for the decision that it may ask for: until then there is no next one. */
function reviewing(reviewer: Reviewer, emit: (step: TaskStep) => void): (step: TaskStep) => Promise<void> {
  return async (step) => {
    emit(step);
    await reviewer.take(step);
  };
}

function dataOf(task: string | TaskRequest, options: RunOptions): TaskRequest {
  const { language, context, maxRetries, includeAttestation } = options;
  const files = Object.entries(options.files ?? {}).map(([name, content]) => ({
    path: name.startsWith('/') ? name : `/tmp/${name}`,
    content_base64: encodeBase64(typeof content === 'string' ? utf8(content) : content),
  }));
  const wanted = typeof task === 'string' ? { type: 'ai_generate_and_execute', description: task } : task;
  return {
    ...wanted,
    ...(language === undefined ? {} : { language }),
    ...(context === undefined ? {} : { context }),
    ...(maxRetries === undefined ? {} : { max_retries: maxRetries }),
    ...(options.review === undefined ? {} : { review: true }),
    ...(includeAttestation === undefined ? {} : { include_attestation: includeAttestation }),
    ...(files.length === 0 ? {} : { files }),
  };
}

type Work = (emit: (step: TaskStep) => void, signal: AbortSignal) => Promise<RunResult>;

function createRun(port: TaskPort, id: string, signal: AbortSignal | undefined, work: Work): TaskRun {
  const steps: TaskStep[] = [];
  const waiting = new Set<() => void>();
  const wake = (): void => {
    for (const resume of waiting) resume();
    waiting.clear();
  };
  let ended = false;
  const cancel = async (): Promise<void> => {
    const answer = await port.ask(`api/tasks/${encodeURIComponent(id)}`, { method: 'DELETE' });
    if (!answer.ok) throw await refusalOf(answer);
    await answer.body?.cancel();
  };
  const onStep = (step: TaskStep): void => {
    steps.push(step);
    wake();
  };
  const stopped = (): void => void cancel().catch(() => undefined);
  const left = new AbortController();
  const until = signal === undefined ? left.signal : AbortSignal.any([signal, left.signal]);
  const leave = (): void => left.abort(new DOMException('the run is not followed any more; the task goes on', 'AbortError'));
  const result = unlessAborted(work(onStep, until), signal, stopped).finally(() => {
    ended = true;
    wake();
  });
  result.catch(() => undefined); // a reader of the steps meets the error there
  async function* iterate(): AsyncGenerator<TaskStep> {
    for (let next = 0; ; ) {
      for (let step = steps[next]; step !== undefined; step = steps[next]) {
        next += 1;
        yield step;
      }
      if (ended) break;
      await new Promise<void>((resume) => waiting.add(resume));
    }
    await result;
  }
  return Object.assign(result, { id, cancel, leave, [Symbol.asyncIterator]: iterate });
}
