/**
 * Who may talk to the agent: what each route declares (`route.ts`), enforced on the route that the router matched. Without an API key the
 * agent listens on loopback only, and then two more guards stand: the `Host` must be this machine's (DNS rebinding), and an `Origin`,
 * which browsers send, must be the agent's own or one that the operator allowed (no other web page may drive it).
 */

import { createHash, timingSafeEqual } from 'node:crypto';
import { isOwnHost, isSameOrigin } from '@assay/channel';
import type { Context, MiddlewareHandler } from 'hono';
import { matchedRoutes } from 'hono/route';
import { isLoopback } from '../config.ts';
import { ServerError } from '../errors.ts';
import type { Api } from './api.ts';
import { isAllowedOrigin } from './cross-origin.ts';
import type { AppEnv } from './environment.ts';
import type { RateLimit } from './rate-limit.ts';
import { clientOf } from './request-facts.ts';

export interface AuthorityOptions {
  readonly apiKey: string | null;
  readonly operatorKey: string | null;
  readonly host: string;
  readonly publicUrl: string | null;
  /** Web pages elsewhere that may use the agent. */
  readonly allowedOrigins: readonly string[];
  /** Who may make a request that the router matched so. */
  readonly authorityOf: Api['authorityOf'];
  /** Counts tries of the operator's key. */
  readonly rateLimit: Pick<RateLimit, 'take'>;
}

/** Checks every request and notes the caller's access, the hex SHA-256 of the API key. */
export function authority(options: AuthorityOptions): MiddlewareHandler<AppEnv> {
  const { apiKey } = options;
  const publicHost = options.publicUrl === null ? null : new URL(options.publicUrl).host.toLowerCase();
  return async (c, next) => {
    // Requests from inside the encrypted channel passed these two checks as its envelope did.
    if (c.env?.channel === undefined) refuseForeign(c, publicHost, options);
    const key = presentedKey(c.req.header('authorization'), c.req.header('x-api-key'));
    const right = apiKey !== null && key !== null && sameKey(key, apiKey);
    c.set('access', right ? sha256(key).toString('hex') : null);
    const wanted = options.authorityOf(matchedRoutes(c));
    if (wanted === 'operator') refuseUnlessOperator(c, options);
    if (wanted === 'key' && apiKey !== null && !right) {
      throw new ServerError(
        'http/unauthorized',
        key === null
          ? 'an API key is needed; send Authorization: Bearer <key> or X-API-Key'
          : 'the API key is wrong; send the one that the agent has as ASSAY_API_KEY',
      );
    }
    await next();
  };
}

function refuseForeign(
  c: Context<AppEnv>,
  publicHost: string | null,
  { host: listening, allowedOrigins }: AuthorityOptions,
): void {
  const host = (c.req.header('host') ?? '').toLowerCase();
  if (isLoopback(listening) && !isOwnHost(host, publicHost)) {
    throw new ServerError(
      'http/bad-origin',
      'the Host header does not name this machine; use http://127.0.0.1 or set ASSAY_PUBLIC_URL',
    );
  }
  const origin = c.req.header('origin');
  if (origin !== undefined && !isSameOrigin(origin, host, publicHost) && !isAllowedOrigin(origin, allowedOrigins)) {
    throw new ServerError(
      'http/bad-origin',
      'requests from other web origins are refused; use the console of this agent or a program, or have the operator name the page in ASSAY_ALLOWED_ORIGINS',
    );
  }
}

function refuseUnlessOperator(c: Context<AppEnv>, { operatorKey, rateLimit }: AuthorityOptions): void {
  rateLimit.take(`operator ${clientOf(c)}`);
  if (operatorKey === null)
    throw new ServerError('http/unauthorized', 'this agent has no operator key; set ASSAY_OPERATOR_KEY and start it again');
  const given = c.req.header('x-operator-key');
  if (given === undefined || !sameKey(given, operatorKey))
    throw new ServerError('http/unauthorized', 'expected the operator key in X-Operator-Key');
}

function presentedKey(authorization: string | undefined, apiKey: string | undefined): string | null {
  const bearer = /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1];
  return bearer ?? apiKey ?? null;
}

/** Equal, in time that does not depend on where they differ. */
const sameKey = (given: string, expected: string): boolean => timingSafeEqual(sha256(given), sha256(expected));

function sha256(text: string): Buffer {
  return createHash('sha256').update(text, 'utf8').digest();
}
