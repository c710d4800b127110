/**
 * Who may talk to the agent. With an API key configured, everything that starts work or shows what others did demands it. Without
 * one the agent listens on loopback only, and then two more guards stand: the `Host` must be this machine's (DNS rebinding), and
 * an `Origin`, which browsers send, must be the agent's own (a web page elsewhere must not drive it).
 */

import { createHash, timingSafeEqual } from 'node:crypto';
import type { MiddlewareHandler } from 'hono';
import { isLoopback } from '../config.ts';
import { ServerError } from '../errors.ts';
import type { AppEnv } from './environment.ts';

export interface AuthorityOptions {
  readonly apiKey: string | null;
  readonly host: string;
  readonly publicUrl: string | null;
}

/** Open to everybody: what proves the agent, the log, documents and the console's own files. The operator's routes ask for their own key. */
const PUBLIC =
  /^\/(?:$|developer$|chat$|verify$|receipts$|status$|assets\/|favicon\.|robots\.txt$|health$|openapi\.json$|ohttp$|v1\/aci\/(?:attestation$|sessions)|simulated-root\.pem$|ohttp-keys$|\.well-known\/hpke-keys$|attestation$|ping$|log\/|api\/operator\/)/;

/** Checks every request and notes the caller's access, the hex SHA-256 of the key. */
export function authority(options: AuthorityOptions): MiddlewareHandler<AppEnv> {
  const expected = options.apiKey === null ? null : sha256(options.apiKey);
  const publicHost = options.publicUrl === null ? null : new URL(options.publicUrl).host.toLowerCase();
  return async (c, next) => {
    // Requests from inside the encrypted channel passed these two checks as its envelope did.
    const plain = c.env?.channel === undefined;
    const host = (c.req.header('host') ?? '').toLowerCase();
    if (plain && isLoopback(options.host) && !isOwnHost(host, publicHost)) {
      throw new ServerError(
        'http/bad-origin',
        'the Host header does not name this machine; use http://127.0.0.1 or set ASSAY_PUBLIC_URL',
      );
    }
    const origin = c.req.header('origin');
    if (plain && origin !== undefined && !isSameOrigin(origin, host, publicHost)) {
      throw new ServerError(
        'http/bad-origin',
        'requests from other web origins are refused; use the console of this agent, or a program',
      );
    }
    const key = presentedKey(c.req.header('authorization'), c.req.header('x-api-key'));
    const right = expected !== null && key !== null && timingSafeEqual(sha256(key), expected);
    if (expected !== null && !right && !PUBLIC.test(c.req.path)) {
      throw new ServerError(
        'http/unauthorized',
        key === null
          ? 'an API key is needed; send Authorization: Bearer <key> or X-API-Key'
          : 'the API key is wrong; send the one that the agent has as ASSAY_API_KEY',
      );
    }
    c.set('access', right && key !== null ? sha256(key).toString('hex') : null);
    await next();
  };
}

function presentedKey(authorization: string | undefined, apiKey: string | undefined): string | null {
  const bearer = /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1];
  return bearer ?? apiKey ?? null;
}

function isOwnHost(host: string, publicHost: string | null): boolean {
  if (host === publicHost) return true;
  const name = host.startsWith('[') ? host.slice(1, host.indexOf(']')) : host.replace(/:[0-9]+$/, '');
  return isLoopback(name);
}

function isSameOrigin(origin: string, host: string, publicHost: string | null): boolean {
  if (!URL.canParse(origin)) return false; // also the opaque origin "null"
  const from = new URL(origin).host.toLowerCase();
  return from === host || from === publicHost;
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text, 'utf8').digest();
}
