/**
 * Receipts of what owners ask for (spec/operator.md §7). A refusal gets one as well; those of requests that need no key are limited, so that
 * strangers cannot let the log grow.
 */

import { randomUUID } from 'node:crypto';
import { utf8 } from '@assay/encoding/bytes';
import { isCoded } from '@assay/encoding/coded-error';
import type { JsonObject } from '@assay/encoding/json';
import type { Ledger, ReceiptDraft } from '@assay/ledger';
import { digestBytes } from '@assay/receipt';
import { isMoved, type Operator, type OperatorRequest } from './operator.ts';

/** Opens the receipt of a request. */
export function openDraft(ledger: Ledger, task: string, request: OperatorRequest): ReceiptDraft {
  return ledger.open({
    taskId: randomUUID(),
    task,
    method: request.method,
    endpoint: request.endpoint,
    requestBody: request.bytes,
    nonce: null,
    access: request.access,
  });
}

/**
 * Seals why a request was refused. A fault without a code leaves no receipt.
 * @throws {LedgerError} when it cannot be sealed.
 */
export async function sealRefusal(
  ledger: Ledger,
  draft: ReceiptDraft,
  event: { readonly type: string } & JsonObject,
  error: unknown,
): Promise<void> {
  if (!isCoded(error) || isMoved(error)) return ledger.discard(draft);
  try {
    draft.append({ ...event, code: error.code });
    draft.append({ type: 'task.failed', code: error.code });
  } catch (cause) {
    await ledger.discard(draft);
    throw cause;
  }
  await ledger.seal(draft);
}

/** Seals why a change was refused, as far as the limit lets it; `left_out` counts refusals without a receipt. */
export async function sealChangeRefusal(
  { ledger, refusals, now, agentId }: Operator,
  draft: ReceiptDraft,
  event: { readonly type: string } & JsonObject,
  error: unknown,
): Promise<void> {
  const leftOut = refusals.take(now);
  if (leftOut === null) return ledger.discard(draft);
  await sealRefusal(ledger, draft, { ...event, agent_id: agentId, left_out: leftOut }, error);
}

/** Notes the body that is going to answer, so that the receipt covers it. */
export function coverAnswer(draft: ReceiptDraft, { answer }: OperatorRequest): void {
  if (answer !== undefined) draft.append({ type: 'response.returned', body_hash: digestBytes(utf8(answer(draft.receiptId))) });
}
