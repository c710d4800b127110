/** The code of an attempt after a person looked at it, with both steps in the receipt (spec/receipt.md §3a). */

import { createHash } from 'node:crypto';
import { utf8 } from '@assay/encoding/bytes';
import { ServerError } from '../../errors.ts';
import type { ReviewOutcome } from '../../ports/task-events.ts';
import { CODE_SUFFIX, CODE_TYPE } from '../run-code.ts';
import type { TaskContext } from '../task.ts';
import type { GeneratedLanguage } from './reply/language.ts';

export interface ProposedCode {
  readonly attempt: number;
  readonly language: GeneratedLanguage;
  readonly code: string;
}

/** What is to run. */
export interface ReviewedCode {
  readonly code: string;
  readonly outcome: 'run' | 'edited';
}

/**
 * Waits until the code is approved.
 * @throws {ServerError} `task/cancelled` when it is discarded, `task/review-expired`.
 */
export async function reviewedCode(context: TaskContext, proposed: ProposedCode): Promise<ReviewedCode> {
  const { draft, emit } = context;
  const { attempt, language, code } = proposed;
  const name = `attempt-${attempt}/proposed.${CODE_SUFFIX[language]}`;
  const proposedHash = draft.payload(name, CODE_TYPE[language], utf8(code));
  draft.append({ type: 'code.proposed', attempt, language, code_hash: proposedHash });
  const decision = await context.review({ attempt, language, codeHash: proposedHash });
  const wanted = decision?.decision === 'run' ? (decision.code ?? code) : null;
  const outcome = outcomeOf(decision === null, wanted, code);
  draft.append({
    type: 'code.reviewed',
    attempt,
    decision: outcome,
    proposed_hash: proposedHash,
    ...(wanted === null ? {} : { code_hash: hashOf(wanted) }),
    ...(decision === null
      ? {}
      : { review_hash: draft.payload(`attempt-${attempt}/review.json`, 'application/json', decision.requestBody) }),
  });
  emit({ type: 'reviewed', attempt, decision: outcome });
  if (wanted !== null && (outcome === 'run' || outcome === 'edited')) return { code: wanted, outcome };
  if (outcome === 'discarded')
    throw new ServerError('task/cancelled', 'the code was discarded in its review; nothing of it ran');
  throw new ServerError(
    'task/review-expired',
    'expected a decision on the code in time, got none, so it did not run; start the task again',
  );
}

function outcomeOf(expired: boolean, wanted: string | null, proposed: string): ReviewOutcome {
  if (expired) return 'expired';
  if (wanted === null) return 'discarded';
  return wanted === proposed ? 'run' : 'edited';
}

function hashOf(code: string): string {
  return `sha256:${createHash('sha256').update(code, 'utf8').digest('hex')}`;
}
