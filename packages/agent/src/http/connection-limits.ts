/**
 * What connections may take of the agent before anything is known of them. A client that sends its head or its body a byte at a time is
 * answered with 408 and cut off; the first bytes of each body are not counted (held-memory.ts), so the number of connections bounds them.
 */

import type { ServerOptions } from 'node:http';

export interface ConnectionLimits
  extends Pick<
    ServerOptions,
    'maxHeaderSize' | 'headersTimeout' | 'requestTimeout' | 'keepAliveTimeout' | 'connectionsCheckingInterval'
  > {
  /** At once; more are closed as they come. */
  readonly most: number;
}

/** Bytes and milliseconds. */
export const CONNECTION_LIMITS: ConnectionLimits = {
  maxHeaderSize: 16 * 1024,
  headersTimeout: 20_000,
  requestTimeout: 120_000,
  keepAliveTimeout: 10_000,
  connectionsCheckingInterval: 5_000,
  most: 4096,
};
