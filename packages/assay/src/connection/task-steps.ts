/**
 * The steps of a task as the agent tells them (`GET /api/tasks/{id}/events`), through the sealed channel. A connection that breaks is taken up
 * again behind the last step seen. Steps are for people to watch: what counts is the receipt.
 */

import { ChannelError, readPieces } from '@assay/channel';
import { EventStreamReader } from '@assay/encoding/event-stream';
import { ClientError } from '../errors.ts';
import { refusalOf } from './answer-content.ts';
import type { TaskPort } from './task-port.ts';
import { parseStep, type TaskStep } from './task-step.ts';

const MAX_STEP_BYTES = 8 * 1024 * 1024;
/** Of all steps of one task. */
const MAX_BYTES = 64 * 1024 * 1024;
const MOST_FAILURES = 6;
const FIRST_PAUSE_MS = 100;

/**
 * Calls `emit` with each step until the task has ended, and waits for it.
 * @throws {ClientError} `client/agent-refused`, `client/answer-incomplete`, `client/answer-malformed`, `client/answer-oversize`;
 * `client/agent-unreachable` and `client/connection-broken` after six failures in a row.
 */
export async function followSteps(
  port: TaskPort,
  id: string,
  emit: (step: TaskStep) => void | Promise<void>,
  signal: AbortSignal | undefined,
): Promise<void> {
  const seen = { sequence: 0, bytes: 0 };
  for (let failures = 0; ; ) {
    const before = seen.sequence;
    let failure: unknown = incomplete(id);
    try {
      if (await followOnce(port, { id, seen, emit, signal })) return;
    } catch (error) {
      if (error instanceof ListenerFailure) throw error.cause;
      if (!mayPass(error)) throw error;
      failure = error;
    }
    failures = seen.sequence > before ? 1 : failures + 1;
    if (failures >= MOST_FAILURES) throw failure;
    await pause(FIRST_PAUSE_MS * 2 ** failures, signal);
  }
}

interface Following {
  readonly id: string;
  readonly seen: { sequence: number; bytes: number };
  readonly emit: (step: TaskStep) => void | Promise<void>;
  readonly signal: AbortSignal | undefined;
}

/** One connection. True when the task has ended. */
async function followOnce(port: TaskPort, { id, seen, emit, signal }: Following): Promise<boolean> {
  const answer = await port.ask(`api/tasks/${encodeURIComponent(id)}/events`, {
    headers: { accept: 'text/event-stream', ...(seen.sequence === 0 ? {} : { 'last-event-id': String(seen.sequence) }) },
    signal: signal ?? null,
  });
  if (!answer.ok) throw await refusalOf(answer);
  if (answer.body === null) return false;
  const reader = new EventStreamReader(MAX_STEP_BYTES);
  for await (const piece of readPieces(answer.body, signal)) {
    seen.bytes += piece.length;
    if (seen.bytes > MAX_BYTES)
      throw new ClientError(
        'client/answer-oversize',
        `expected at most ${MAX_BYTES} bytes of steps, got more; cancel the task`,
      );
    for (const { event } of reader.push(piece)) {
      const step = event === null ? null : parseStep(event.lines.join('\n'));
      if (step === null || step.sequence <= seen.sequence) continue;
      seen.sequence = step.sequence;
      await told(emit, step);
      if (step.type === 'done') return true;
    }
  }
  return false;
}

/** What a listener threw: no failure of the line, whatever its code says. */
class ListenerFailure extends Error {}

async function told(emit: Following['emit'], step: TaskStep): Promise<void> {
  try {
    await emit(step);
  } catch (cause) {
    throw new ListenerFailure('a listener failed', { cause });
  }
}

/** Failures of the line: the task goes on meanwhile. */
function mayPass(error: unknown): boolean {
  if (ChannelError.is(error)) return error.code === 'channel/truncated';
  return ClientError.is(error) && (error.code === 'client/agent-unreachable' || error.code === 'client/connection-broken');
}

function incomplete(id: string): ClientError {
  return new ClientError(
    'client/answer-incomplete',
    `the steps of task ${id} ended before the task; attach to it again, or look for its receipt`,
  );
}

function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop);
      resolve();
    }, ms);
    if (signal?.aborted === true) stop();
    signal?.addEventListener('abort', stop, { once: true });
  });
}
