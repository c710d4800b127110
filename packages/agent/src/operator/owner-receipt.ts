/** Receipts of what owners ask for; a refusal gets one as well (spec/operator.md §7). */

import { randomUUID } from 'node:crypto';
import { isCoded } from '@assay/encoding/coded-error';
import type { JsonObject } from '@assay/encoding/json';
import type { Ledger, ReceiptDraft } from '@assay/ledger';
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
