/** What middleware leaves for routes. */

import type { Logger } from 'pino';
import type { Caller } from './callers.ts';

export interface AppEnv {
  readonly Bindings: {
    /** How the request came in: absent for plain HTTP, `ohttp` or `ehbp` through an encrypted channel. Never taken from a header. */
    readonly channel?: 'ohttp' | 'ehbp';
  };
  readonly Variables: {
    requestId: string;
    /** Hex SHA-256 of the API key that was presented and right, else `null`. */
    access: string | null;
    /** The key behind `access`. */
    caller: Caller | null;
    log: Logger;
  };
}
