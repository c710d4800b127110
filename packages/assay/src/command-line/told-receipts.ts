/** The receipts of a verdict, ready to be told. */

import { answerPayloads } from '../verification/answer-payloads.ts';
import type { Verdict } from '../verification/verdict.ts';
import type { ToldReceipt } from './story-lines.ts';

/** None for evidence, and for files that are not authentic. */
export async function toldReceipts(verdict: Verdict): Promise<readonly ToldReceipt[]> {
  if (verdict.claims === undefined) return [];
  switch (verdict.type) {
    case 'bundle':
      return verdict.receipts.map(({ receipt, index, payloads }) => {
        const kept = new Map<string, Uint8Array>();
        for (const { hash, content } of payloads) if (content !== null) kept.set(hash, content);
        return { receipt, logIndex: index, payload: (digest) => kept.get(digest) ?? null };
      });
    case 'receipt':
      return [{ receipt: verdict.receipt, logIndex: null, payload: () => null }];
    case 'result':
      return [{ receipt: verdict.receipt, logIndex: null, payload: await answerPayloads(verdict.answer) }];
    default:
      return [];
  }
}
