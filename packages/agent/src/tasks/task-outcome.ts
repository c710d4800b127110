/** What comes out of a task: for HTTP, for metrics, and for the last events of its receipt. */

import type { ReceiptDraft, SealedReceipt } from '@assay/ledger';
import type { LogProof, Receipt } from '@assay/receipt';
import { statusOf } from '../error-status.ts';
import { retryAfterOf } from '../retry-after.ts';
import type { TaskEnding } from './ending.ts';
import type { Generation } from './task.ts';
import type { TaskAnswer, Work } from './task-answer.ts';
import type { TokenUsage } from './token-usage.ts';

/** Why work could not be done, for HTTP. */
export interface TaskRefusal {
  readonly code: string;
  readonly status: number;
  readonly retryAfterSeconds: number | null;
}

/** What comes out: the answer's body and what was learnt on the way. */
export interface TaskOutcome {
  readonly ending: TaskEnding;
  readonly body: TaskAnswer & { readonly receipt: Receipt; readonly log_proof: LogProof };
  /** `null` when the work was done, whatever came of it. */
  readonly refusal: TaskRefusal | null;
  /** `null` when no model wrote anything that counts. */
  readonly generation: (Generation & { readonly model: string | null; readonly usage: TokenUsage | null }) | null;
  readonly sealed: SealedReceipt;
  /** Length of the answer as it is kept in the ledger. */
  readonly answerBytes: number;
}

/** Appends how the work ended; `hash` is over the answer without receipt and proof. */
export function recordEnding(draft: ReceiptDraft, work: Work, ending: TaskEnding, hash: string): void {
  const generation = work.kind === 'done' ? work.result.generation : undefined;
  const retries = generation === undefined ? {} : { retries: generation.retries };
  if (ending.status === 'succeeded') draft.append({ type: 'task.completed', result_hash: hash, ...retries });
  else draft.append({ type: 'task.failed', code: ending.code, error_hash: hash, ...retries });
  draft.append({ type: 'response.returned', body_hash: hash, form: 'jcs-without-receipt' });
}

/** See {@link TaskRefusal}. */
export function refusalOf(work: Work): TaskRefusal | null {
  if (work.kind === 'done') return null;
  const { code, kind } = work.error;
  return { code, status: statusOf(code, kind), retryAfterSeconds: retryAfterOf(work.error) };
}

/** See {@link TaskOutcome.generation}. */
export function generationOf(work: Work): TaskOutcome['generation'] {
  if (work.kind !== 'done' || work.result.generation === undefined) return null;
  const { generation, inference } = work.result;
  return { ...generation, model: inference?.model ?? null, usage: inference?.usage ?? null };
}
