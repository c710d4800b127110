/** Receipts of what owners ask for; a refusal gets one as well (spec/operator.md §7). */

import { randomUUID } from 'node:crypto';
import { utf8 } from '@assay/encoding/bytes';
import { isCoded } from '@assay/encoding/coded-error';
import type { JsonObject } from '@assay/encoding/json';
import type { Ledger, ReceiptDraft } from '@assay/ledger';
import { digestBytes } from '@assay/receipt';
import type { OperatorRequest } from './operator.ts';

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

/** Seals why a request was refused. A fault without a code leaves no receipt. */
export async function sealRefusal(
  ledger: Ledger,
  draft: ReceiptDraft,
  event: { readonly type: string } & JsonObject,
  error: unknown,
): Promise<void> {
  if (!isCoded(error)) return ledger.discard(draft);
  draft.append({ ...event, code: error.code });
  draft.append({ type: 'task.failed', code: error.code });
  await ledger.seal(draft);
}

/** Notes the body that is going to answer, so that the receipt covers it. */
export function coverAnswer(draft: ReceiptDraft, { answer }: OperatorRequest): void {
  if (answer !== undefined) draft.append({ type: 'response.returned', body_hash: digestBytes(utf8(answer(draft.receiptId))) });
}
