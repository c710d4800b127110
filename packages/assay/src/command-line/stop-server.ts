/** Stops a server of a command on this machine. */

import type { Server } from 'node:http';

/** Answers that are under way have this long to end. */
const MOST_MS = 1000;

/**
 * Takes no more connections, and cuts those that are still open after a second: also those that sent nothing, or half a request.
 * @example await stopServer(server);
 */
export function stopServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    const cut = setTimeout(() => server.closeAllConnections(), MOST_MS);
    server.close(() => {
      clearTimeout(cut);
      resolve();
    });
    server.closeIdleConnections();
  });
}
