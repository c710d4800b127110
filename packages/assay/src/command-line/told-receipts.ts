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
        const { origin, size, witnesses } = verdict.log;
        const kept = new Map<string, Uint8Array>();
        for (const { hash, content } of payloads) if (content !== null) kept.set(hash, content);
        const log = { index, head: { origin, size, witnesses: witnesses.length } };
        return { receipt, log, payload: (digest) => kept.get(digest) ?? null };
      });
    case 'receipt':
      return [{ receipt: verdict.receipt, log: null, payload: () => null }];
    case 'result':
      return [{ receipt: verdict.receipt, log: null, payload: await answerPayloads(verdict.answer) }];
    default:
      return [];
  }
}
