/**
 * Web pages of other addresses that the operator allowed (`ASSAY_ALLOWED_ORIGINS`): answers their preflights and marks their answers, after
 * the Fetch standard's CORS protocol. No cookies, and nothing of the operator's: its header is not among those that may be sent.
 */

import type { MiddlewareHandler } from 'hono';
import { cors } from 'hono/cors';
import type { AppEnv } from './environment.ts';

/** What clients of the agent send, `connect()` the first alone. */
const REQUEST_HEADERS = [
  ...['content-type', 'authorization', 'x-api-key', 'accept', 'prefer', 'last-event-id', 'idempotency-key'],
  'assay-checkpoint',
  ...['ehbp-encapsulated-key', 'ehbp-fallback'],
];
/** What they read in addition to the body. */
const RESPONSE_HEADERS = [
  ...['x-receipt-id', 'x-request-id', 'x-agent-request-id', 'x-aci-version', 'x-aci-keyset-digest', 'retry-after', 'location'],
  ...['ehbp-response-nonce', 'www-authenticate'],
];
const PREFLIGHT_SECONDS = 600;

/** True for an `Origin` header that the operator allowed. */
export function isAllowedOrigin(origin: string | undefined, allowed: readonly string[]): origin is string {
  return origin !== undefined && allowed.includes(origin);
}

/** Does nothing for pages that were not allowed: authority.ts refuses those. */
export function crossOrigin(allowed: readonly string[]): MiddlewareHandler<AppEnv> {
  const marks = cors({
    origin: (origin) => (allowed.includes(origin) ? origin : null),
    allowMethods: ['GET', 'HEAD', 'POST', 'DELETE'],
    allowHeaders: REQUEST_HEADERS,
    exposeHeaders: RESPONSE_HEADERS,
    maxAge: PREFLIGHT_SECONDS,
  });
  return (c, next) => (isAllowedOrigin(c.req.header('origin'), allowed) ? marks(c, next) : next());
}
