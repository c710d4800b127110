/**
 * Progress of a tool call for the assistant that waits for it. Clients give a call up after a minute of silence, so that there is a word at
 * every step and at least every ten seconds.
 */

import type { RequestHandlerExtra } from '@modelcontextprotocol/sdk/shared/protocol.js';
import type { ServerNotification, ServerRequest } from '@modelcontextprotocol/sdk/types.js';

/** One call of a tool, as far as tools need to know about it. */
export interface ToolCall {
  /** Aborts when the assistant cancels. */
  readonly signal: AbortSignal;
  /** One line; nothing happens when the assistant asked for no progress. */
  readonly progress: (message: string) => void;
}

const EVERY_MS = 10_000;

/** The call behind a request of the protocol (MCP 2025-06-18, "Progress"). */
export function toolCallOf(extra: RequestHandlerExtra<ServerRequest, ServerNotification>): ToolCall {
  const token = extra._meta?.progressToken;
  let count = 0;
  const progress = (message: string): void => {
    if (token === undefined || extra.signal.aborted) return;
    count += 1;
    const params = { progressToken: token, progress: count, message };
    extra.sendNotification({ method: 'notifications/progress', params }).catch(() => undefined); // the assistant went away
  };
  return { signal: extra.signal, progress };
}

/**
 * Does `work` with a word every ten seconds.
 * @param what - what to say while nothing happens.
 */
export async function withHeartbeat<Value>(
  { progress }: ToolCall,
  what: () => string,
  work: () => Promise<Value>,
): Promise<Value> {
  const begun = performance.now();
  const timer = setInterval(() => progress(`${what()}, ${Math.round((performance.now() - begun) / 1000)} s so far`), EVERY_MS);
  try {
    return await work();
  } finally {
    clearInterval(timer);
  }
}
