/**
 * The progress of a task that is not in memory any more, told again from its receipt: which model wrote, which code, how it ran, what it
 * printed. The model's words before the code are not told again; output is cut as it is for those who watched.
 */

import type { Ledger, SealedReceipt } from '@assay/ledger';
import { type ReceiptEvent, type TypedEvent, typedEvent } from '@assay/receipt';
import type { ProgressDraft, ProgressEvent, ReviewOutcome } from '../../ports/task-events.ts';
import type { TaskRecord } from '../../ports/task-store.ts';
import { endingIn } from '../ending.ts';
import { MAX_STREAM_TEXT } from '../progress.ts';
import { keptStill } from './stored-request.ts';

/** Events of a sealed task, from the first to `done`. Payloads are read one at a time. */
export async function* storedEvents(record: TaskRecord, sealed: SealedReceipt, ledger: Ledger): AsyncGenerator<ProgressEvent> {
  const { taskId, acceptedAt, endedAt } = record;
  let sequence = 0;
  for await (const draft of draftsOf(record, sealed, ledger)) {
    sequence += 1;
    const at = draft.type === 'logged' || draft.type === 'done' ? (endedAt ?? acceptedAt) : acceptedAt;
    yield { ...draft, sequence, task_id: taskId, at };
  }
}

async function* draftsOf(record: TaskRecord, sealed: SealedReceipt, ledger: Ledger): AsyncGenerator<ProgressDraft> {
  yield { type: 'accepted', task: record.type, receipt_id: record.receiptId, title: record.title };
  const read = (hash: string | null | undefined, most: number): Promise<Read> => readText(sealed, ledger, { hash, most });
  /** Files of a run come before its end, as they did for those who watched. */
  let executed: ProgressDraft | null = null;
  let failed: { readonly attempt: number; readonly reason: string } | null = null;
  /** Code that was shown when it was proposed is not shown again when it runs. */
  let shown: string | null = null;
  for (const event of sealed.receipt.event_log) {
    const typed = typedEvent(event);
    if (executed !== null && typed.type !== 'file.collected' && typed.type !== 'network.fetched') {
      yield executed;
      executed = null;
    }
    if (typed.type === 'model.called' && failed !== null) {
      yield { type: 'retry', ...failed };
      failed = null;
    }
    if (typed.type === 'code.executed') {
      const { attempt = 1, language, lane, status } = numbered(typed);
      yield { type: 'running', attempt, language, lane };
      yield* output('stdout', attempt, await read(typed.stdout_hash, MAX_STREAM_TEXT));
      yield* output('stderr', attempt, await read(typed.stderr_hash, MAX_STREAM_TEXT));
      const { text } = await read(typed.error_hash, MAX_ERROR);
      const error = status === 'ok' ? null : text || `the program ended with status ${status}`;
      executed = { type: 'executed', attempt, status, error };
      failed = error === null ? null : { attempt, reason: error };
    } else if (typed.type === 'code.missing') {
      failed = { attempt: typed.attempt, reason: (await read(typed.error_hash, MAX_ERROR)).text };
    } else if (typed.type === 'code.proposed') {
      const { attempt, language, code_hash } = typed;
      shown = code_hash;
      yield { type: 'code', attempt, language, code: (await read(code_hash, MAX_CODE)).text, source: 'model' };
      yield { type: 'review', attempt, language, code_hash, expires_at: null };
    } else if (typed.type !== 'code.generated' || typed.code_hash !== shown) {
      const draft = await draftOf(typed, read);
      if (draft !== null) yield draft;
    }
  }
  const ending = endingIn(sealed.receipt.event_log);
  yield { type: 'sealing' };
  yield { type: 'logged', receipt_id: record.receiptId, log_index: sealed.proof.index };
  const error = ending.status === 'succeeded' ? null : ending.code;
  yield { type: 'done', success: error === null, status: ending.status, error };
}

/** Characters. */
const MAX_ERROR = 16 * 1024;
const MAX_CODE = 1024 * 1024;

interface Read {
  readonly text: string;
  readonly cut: boolean;
}

async function draftOf(
  event: TypedEvent,
  read: (hash: string | null | undefined, most: number) => Promise<Read>,
): Promise<ProgressDraft | null> {
  switch (event.type) {
    case 'model.called': {
      const { attempt, model, provider } = numbered(event);
      return { type: 'writing', attempt, model, provider, recorded: event.provenance === 'recorded' };
    }
    case 'code.generated': {
      const { attempt, language } = numbered(event);
      const source = event.source === 'model' ? 'model' : 'client';
      return { type: 'code', attempt, language, code: (await read(event.code_hash, MAX_CODE)).text, source };
    }
    case 'code.reviewed':
      return { type: 'reviewed', attempt: event.attempt, decision: event.decision as ReviewOutcome };
    case 'file.collected': {
      const { attempt, path, bytes, media_type } = numbered(event);
      return { type: 'artifact', attempt, path, bytes, media_type };
    }
    default:
      return null;
  }
}

function numbered<Event extends object>(event: Event): Event & { readonly attempt: number } {
  const { attempt } = event as { readonly attempt?: unknown };
  return { ...event, attempt: typeof attempt === 'number' ? attempt : 1 };
}

function* output(type: 'stdout' | 'stderr', attempt: number, { text, cut }: Read): Generator<ProgressDraft> {
  if (text !== '') yield { type, attempt, text };
  if (cut) yield { type: 'omitted', attempt, stream: type };
}

interface Wanted {
  readonly hash: string | null | undefined;
  /** Bytes. */
  readonly most: number;
}

/** The beginning of a kept text; empty when it was not kept. */
async function readText(sealed: SealedReceipt, ledger: Ledger, { hash, most }: Wanted): Promise<Read> {
  const stored = typeof hash === 'string' ? await keptStill(sealed, ledger, hash) : null;
  if (stored === null) return { text: '', cut: false };
  const decoder = new TextDecoder();
  let text = '';
  let left = most;
  for await (const piece of stored.pieces()) {
    text += decoder.decode(piece.subarray(0, left), { stream: true });
    left -= piece.length;
    if (left <= 0) break;
  }
  return { text, cut: stored.length > most };
}

/** How many attempts the events of a receipt tell of. */
export function attemptsIn(events: readonly ReceiptEvent[]): number {
  return events.reduce((most, { attempt }) => Math.max(most, typeof attempt === 'number' ? attempt : 0), 0);
}
