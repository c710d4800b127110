/** What middleware leaves for routes. */

import type { Logger } from 'pino';

export interface AppEnv {
  readonly Variables: {
    requestId: string;
    /** Hex SHA-256 of the API key that was presented and right, else `null`. */
    access: string | null;
    log: Logger;
  };
}
