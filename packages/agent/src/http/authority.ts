/**
 * Who may talk to the agent: what each route declares (`route.ts`), enforced on the route that the router matched. Without an API key the
 * agent listens on loopback only, and then two more guards stand: the `Host` must be this machine's (DNS rebinding), and an `Origin`,
 * which browsers send, must be the agent's own or one that the operator allowed (no other web page may drive it). Under
 * `ASSAY_ENCLAVE_NETWORK=vsock` loopback is where clients from outside arrive: an API key is mandatory there, and any `Host` is taken.
 */

import { createHash, timingSafeEqual } from 'node:crypto';
import { isOwnHost, isSameOrigin } from '@assay/channel';
import type { Context, MiddlewareHandler } from 'hono';
import { matchedRoutes } from 'hono/route';
import { type Config, isLoopback } from '../config.ts';
import { ServerError } from '../errors.ts';
import type { Api } from './api.ts';
import { type Callers, mayCall, scopeOf } from './callers.ts';
import { isAllowedOrigin } from './cross-origin.ts';
import type { AppEnv } from './environment.ts';
import type { RateLimit } from './rate-limit.ts';
import { clientOf } from './request-facts.ts';

export interface AuthorityOptions {
  readonly callers: Pick<Callers, 'find' | 'needed'>;
  readonly operatorKey: string | null;
  readonly host: string;
  readonly enclaveNetwork: Config['enclaveNetwork'];
  readonly publicUrl: string | null;
  /** Web pages elsewhere that may use the agent. */
  readonly allowedOrigins: readonly string[];
  /** The route that the router matched. */
  readonly routeOf: Api['find'];
  /** Counts wrong tries of the operator's key. */
  readonly rateLimit: Pick<RateLimit, 'take'>;
}

/** Checks every request and notes the caller, with the hex SHA-256 of the API key. */
export function authority(options: AuthorityOptions): MiddlewareHandler<AppEnv> {
  const { callers } = options;
  const publicHost = options.publicUrl === null ? null : new URL(options.publicUrl).host.toLowerCase();
  return async (c, next) => {
    // Requests from inside the encrypted channel passed these two checks as its envelope did.
    if (c.env?.channel === undefined) refuseForeign(c, publicHost, options);
    const key = presentedKey(c.req.header('authorization'), c.req.header('x-api-key'));
    const caller = key === null ? null : await callers.find(key);
    const route = options.routeOf(matchedRoutes(c));
    const wanted = route?.authority ?? 'key'; // what no route covers needs the key
    const allowed = caller === null || route === null || mayCall(caller, route);
    c.set('caller', allowed ? caller : null);
    c.set('access', allowed ? (caller?.access ?? null) : null);
    if (wanted === 'operator') await refuseUnlessOperator(c, options);
    if (wanted === 'key' && caller === null && (await callers.needed())) {
      throw new ServerError(
        'http/unauthorized',
        key === null
          ? 'an API key is needed; send Authorization: Bearer <key> or X-API-Key'
          : 'the API key is wrong or was revoked; send the one that the agent has as ASSAY_API_KEY, or one that its operator added',
      );
    }
    if (wanted === 'key' && !allowed && caller !== null && route !== null) {
      throw new ServerError(
        'http/scope-missing',
        `expected a key that may ${scopeOf(route)}, got ${caller.name}, which may ${caller.scopes.join(', ')}; ask the operator for another key`,
      );
    }
    await next();
  };
}

function refuseForeign(
  c: Context<AppEnv>,
  publicHost: string | null,
  { host: listening, enclaveNetwork, allowedOrigins }: AuthorityOptions,
): void {
  const host = (c.req.header('host') ?? '').toLowerCase();
  if (isLoopback(listening) && enclaveNetwork !== 'vsock' && !isOwnHost(host, publicHost)) {
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

/** Only failures are counted: in an enclave every peer has one address, and a flood of strangers must not lock the operator out. */
async function refuseUnlessOperator(c: Context<AppEnv>, { operatorKey, rateLimit }: AuthorityOptions): Promise<void> {
  const given = c.req.header('x-operator-key');
  if (operatorKey !== null && given !== undefined && sameKey(given, operatorKey)) return;
  await rateLimit.take(`operator ${clientOf(c)}`);
  if (operatorKey === null)
    throw new ServerError('http/unauthorized', 'this agent has no operator key; set ASSAY_OPERATOR_KEY and start it again');
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
