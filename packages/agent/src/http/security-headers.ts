/** Headers on every response. The console needs nothing from elsewhere, so nothing from elsewhere is allowed. */

import type { MiddlewareHandler } from 'hono';
import type { AppEnv } from './environment.ts';

/** Content security policy of the console's pages. */
export const CONSOLE_POLICY: string = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data: blob:",
  "font-src 'self'",
  "connect-src 'self'",
  "worker-src 'self' blob:",
  "manifest-src 'self'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
].join('; ');

/** Says only that an agent is there, so that a page which may not use it learns that it was blocked, and by whom it can be allowed. */
const PRESENCE_PATH = '/health';

export const securityHeaders: MiddlewareHandler<AppEnv> = async (c, next) => {
  await next();
  const { headers } = c.res; // `c.header` would make the answer again for each
  const set = (name: string, value: string): void => {
    if (!headers.has(name)) headers.set(name, value);
  };
  set('content-security-policy', CONSOLE_POLICY);
  set('x-content-type-options', 'nosniff');
  set('referrer-policy', 'no-referrer');
  set('cross-origin-opener-policy', 'same-origin');
  set('cross-origin-resource-policy', c.req.path === PRESENCE_PATH ? 'cross-origin' : 'same-origin');
  set('permissions-policy', 'camera=(), microphone=(), geolocation=()');
  set('x-frame-options', 'DENY');
};
