/** Facts about a request that several routes need. */

import type { Context } from 'hono';
import type { Config } from '../config.ts';
import type { AppEnv } from './environment.ts';

/** The origin under which the client reached the agent, without a trailing slash. `Host` was checked by authority.ts. */
export function originOf(c: Context<AppEnv>, config: Config): string {
  if (config.publicUrl !== null) return config.publicUrl;
  const host = c.req.header('host');
  return host !== undefined && /^[A-Za-z0-9.:[\]_-]+$/.test(host) ? `http://${host}` : `http://${config.host}:${config.port}`;
}

/** Who is counted by the rate limit: the key when there is one, else the address. Forwarding headers are not believed. */
export function clientOf(c: Context<AppEnv>): string {
  const access = c.get('access');
  if (access !== null) return access;
  const { incoming } = (c.env ?? {}) as { incoming?: { socket?: { remoteAddress?: string } } };
  return incoming?.socket?.remoteAddress ?? 'local';
}

/** A whole number in a query parameter, or the fallback; anything else is `null`. */
export function wholeNumber(text: string | undefined, fallback: number, least: number, most: number): number | null {
  if (text === undefined) return fallback;
  const value = /^[0-9]{1,15}$/.test(text) ? Number(text) : Number.NaN;
  return value >= least && value <= most ? value : null;
}
