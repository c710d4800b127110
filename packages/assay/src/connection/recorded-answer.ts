/** Whether an answer was played back: an agent without a model answers its own demos from a transcript. */

import type { Receipt } from '@assay/receipt';

/** What people are told of such an answer. */
export const RECORDED_MEANING = 'RECORDED: no AI model ran; this answer comes from a transcript that ships with the agent';

/**
 * True when the receipt says that a model's answer in it was recorded.
 * @example const { receipt } = await agent.chat('What is 6 times 7?'); isRecorded(receipt); // true without a model
 */
export function isRecorded({ event_log: log }: Pick<Receipt, 'event_log'>): boolean {
  return log.some(({ type, provenance }) => type === 'model.called' && provenance === 'recorded');
}
