/** The list of `host:port` pairs that code may reach. Exact, lower-case, no wildcards: what is not written is refused. */

import { isIP } from 'node:net';
import { SandboxError } from '../errors.ts';

const HOST = /^(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*$/;

/** A checked list; `has` takes the `host:port` of a URL. */
export interface AllowList {
  has(host: string, port: number): boolean;
}

/**
 * Checks every entry. IPv6 hosts stand in brackets.
 *
 * @throws {SandboxError} `sandbox/allow-invalid`.
 *
 * @example
 * parseAllowList(['base.llamarpc.com:443', '127.0.0.1:8545']).has('127.0.0.1', 8545); // true
 */
export function parseAllowList(entries: readonly string[]): AllowList {
  const allowed = new Set<string>();
  for (const entry of entries) {
    const match = /^(\[[0-9a-f:.]+\]|[^:[\]]+):([1-9][0-9]{0,4})$/.exec(entry);
    const host = match?.[1] ?? '';
    const port = Number(match?.[2]);
    const bare = host.startsWith('[') ? host.slice(1, -1) : host;
    const named = host.startsWith('[') ? isIP(bare) === 6 : isIP(bare) === 4 || (HOST.test(bare) && !/^[0-9.]+$/.test(bare));
    if (!named || !(port >= 1 && port <= 65_535)) {
      throw new SandboxError(
        'sandbox/allow-invalid',
        `expected host:port in lower case, got ${JSON.stringify(entry.slice(0, 80))}`,
      );
    }
    allowed.add(`${bare}:${port}`);
  }
  return { has: (host, port) => allowed.has(`${host}:${port}`) };
}
