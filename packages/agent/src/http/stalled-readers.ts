/** Readers that stopped reading: their connections hold memory and a part of the budget, so that they end. */

import type { Server } from 'node:http';

/** How long a reader may take nothing of what waits for it. Milliseconds. */
const STALLED_MS = 60_000;

/**
 * Ends connections whose reader takes nothing of an answer for a while. Silence of the server itself, while a task runs, is no reason.
 * @example cutStalledReaders(createServer(answer))
 */
export function cutStalledReaders(server: Server, stalledMs = STALLED_MS): void {
  server.on('request', ({ socket }, answer) =>
    answer.setTimeout(stalledMs, () => {
      if (socket.writableLength > 0) socket.destroy();
      else socket.setTimeout(stalledMs);
    }),
  );
}
