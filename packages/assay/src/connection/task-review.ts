/**
 * Code that waits for the caller of a run before it runs (spec/receipt.md §3a). The caller sees each program, and what it decides is
 * compared with the receipt: nothing else may have run.
 */

import { utf8 } from '@assay/encoding/bytes';
import type { Receipt } from '@assay/receipt';
import { ClientError } from '../errors.ts';
import { bytesDigest } from '../verification/answer-digest.ts';
import { refusalOf } from './answer-content.ts';
import type { TaskPort } from './task-port.ts';
import type { TaskStep } from './task-step.ts';
import { wholeEvents } from './whole-events.ts';

/** A program that waits. */
export interface ProposedCode {
  readonly code: string;
  readonly language: string;
  /** From 1. */
  readonly attempt: number;
}

/** The program that is to run, edited or as it came; `null` discards it and ends the task. */
export type ReviewCode = (proposed: ProposedCode) => string | null | Promise<string | null>;

/** A decision as `POST /api/tasks/{id}/review` takes it. */
export interface ReviewDecision {
  readonly attempt: number;
  /** `code_hash` of the step `review`. */
  readonly proposed_hash: string;
  readonly decision: 'run' | 'discard';
  /** The edited program; left out to run it as it is. */
  readonly code?: string | undefined;
}

/** Sends a decision; gives the bytes that were sent. @throws {ClientError} `client/agent-refused`. */
export async function sendReview(port: TaskPort, id: string, decision: ReviewDecision): Promise<Uint8Array> {
  const body = utf8(JSON.stringify(decision));
  const answer = await port.ask(`api/tasks/${encodeURIComponent(id)}/review`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: body as BodyInit,
  });
  if (!answer.ok) throw await refusalOf(answer);
  await answer.body?.cancel();
  return body;
}

/** The reviews of one run. */
export class Reviewer {
  readonly #port: TaskPort;
  readonly #id: string;
  readonly #review: ReviewCode;
  /** Attempt → the newest program of it. */
  readonly #code = new Map<number, string>();
  /** Attempt → digests of the decision that was sent, and of the code that may run after it. */
  readonly #sent = new Map<number, { readonly decision: string; readonly code: string | null }>();

  constructor(port: TaskPort, id: string, review: ReviewCode) {
    this.#port = port;
    this.#id = id;
    this.#review = review;
  }

  /** Takes note of a step; asks and decides when it is a program that waits. */
  async take(step: TaskStep): Promise<void> {
    if (step.type === 'code') this.#code.set(step.attempt, step.code);
    if (step.type !== 'review') return;
    const { attempt, code_hash: hash, language } = step;
    const proposed = this.#code.get(attempt) ?? '';
    if ((await bytesDigest(utf8(proposed))) !== hash)
      throw new ClientError(
        'client/receipt-mismatch',
        `expected the program of attempt ${attempt} with ${hash}, got another one to look at; it was not approved, cancel the task`,
      );
    const wanted = await this.#review({ code: proposed, language, attempt });
    const decision: ReviewDecision = {
      attempt,
      proposed_hash: hash,
      decision: wanted === null ? 'discard' : 'run',
      code: wanted === null || wanted === proposed ? undefined : wanted,
    };
    const sent = await sendReview(this.#port, this.#id, decision);
    const approved = wanted === null ? null : await bytesDigest(utf8(wanted));
    this.#sent.set(attempt, { decision: await bytesDigest(sent), code: approved });
  }

  /**
   * That the receipt tells of these decisions, and of no other code that ran.
   * @throws {ClientError} `client/receipt-mismatch`.
   */
  assertTold(receipt: Receipt): void {
    const { receipt_id: id } = receipt;
    for (const { attempt, review_hash: hash } of wholeEvents(receipt, 'code.reviewed'))
      if (hash !== null && hash !== undefined && hash !== this.#sent.get(attempt)?.decision)
        throw mismatch(id, `the decision on attempt ${attempt} that was sent`, hash);
    for (const { attempt, code_hash: hash } of wholeEvents(receipt, 'code.generated'))
      if (hash !== this.#sent.get(attempt ?? 1)?.code) throw mismatch(id, `approved code in attempt ${attempt ?? 1}`, hash);
    for (const { attempt, code_hash: hash } of wholeEvents(receipt, 'code.executed'))
      if (hash !== this.#sent.get(attempt ?? 1)?.code)
        throw mismatch(id, `runs of approved code in attempt ${attempt ?? 1}`, hash);
  }
}

function mismatch(receiptId: string, what: string, got: string): ClientError {
  return new ClientError(
    'client/receipt-mismatch',
    `expected receipt ${receiptId} over ${what}, got one over ${got}; do not rely on the answer`,
  );
}
