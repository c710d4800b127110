/** How a task ended. The receipt says it in its last event of the work, so that a stored task needs no other record of it. */

import type { ReceiptEvent } from '@assay/receipt';

/** The end of a task; `code` is in docs/errors.md. `interrupted`: the agent stopped before the work was done. */
export type TaskEnding =
  | { readonly status: 'succeeded' }
  | { readonly status: 'failed' | 'cancelled' | 'interrupted'; readonly code: string };

/**
 * The ending that goes with an error code; `null` is success.
 * @example endingOf('task/cancelled').status // 'cancelled'
 */
export function endingOf(code: string | null): TaskEnding {
  if (code === null) return { status: 'succeeded' };
  if (code === 'task/cancelled') return { status: 'cancelled', code };
  return { status: code === 'task/interrupted' ? 'interrupted' : 'failed', code };
}

/** The ending in the events of a sealed receipt. Work that is no task, e.g. a chat completion, says only when it failed. */
export function endingIn(events: readonly ReceiptEvent[]): TaskEnding {
  const failed = events.find(({ type }) => type === 'task.failed');
  return endingOf(failed === undefined ? null : String(failed.code));
}
