/** The agent's socket: HTTP, or HTTPS under the key of the keyset in force. */

import { createServer, type IncomingMessage, type RequestListener, type ServerOptions } from 'node:http';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import type { Config } from './config.ts';
import { ServerError } from './errors.ts';
import { CONNECTION_LIMITS, type ConnectionLimits } from './http/connection-limits.ts';
import { cameIn } from './http/held-bodies.ts';
import { cutStalledReaders } from './http/stalled-readers.ts';
import type { KeysetRotation } from './identity/rotation.ts';
import type { TlsKey } from './identity/tls-key.ts';

/**
 * Listens where the settings say.
 * @throws {ServerError} `config/bad-value` for an address or port that cannot be used.
 */
export async function listen(
  fetch: (request: Request, env: object) => Response | Promise<Response>,
  config: Config,
  rotation: Pick<KeysetRotation, 'tlsKey' | 'onTlsKey'>,
  limits: ConnectionLimits = CONNECTION_LIMITS,
): Promise<{ readonly url: string; readonly stop: () => Promise<void> }> {
  const answer = getRequestListener((request, env) => {
    cameIn(request, env.incoming as IncomingMessage); // HTTP/1.1: the servers below speak no other
    return fetch(request, env);
  });
  const server = rotation.tlsKey === null ? createServer(limits, answer) : tlsServer(rotation, limits, answer);
  server.maxConnections = limits.most;
  cutStalledReaders(server);
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => reject(listenError(cause, config)));
    server.listen(config.port, config.host, resolve);
  });
  const { address, port, family } = server.address() as AddressInfo;
  const host = family === 'IPv6' ? `[${address}]` : address;
  const stop = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve());
      server.closeIdleConnections();
      setTimeout(() => server.closeAllConnections(), 1000).unref();
    });
  return { url: `${rotation.tlsKey === null ? 'http' : 'https'}://${host}:${port}`, stop };
}

/** HTTPS under the key of the keyset in force. Connections that stand keep theirs; new ones get the new one. */
function tlsServer(
  rotation: Pick<KeysetRotation, 'tlsKey' | 'onTlsKey'>,
  limits: ServerOptions,
  answer: RequestListener,
): TlsServer {
  const context = ({ privateKeyPem, certificatePem }: TlsKey) =>
    ({ key: privateKeyPem, cert: certificatePem, minVersion: 'TLSv1.3' }) as const;
  const server = createTlsServer(limits, answer);
  rotation.onTlsKey = (key) => server.setSecureContext(context(key));
  if (rotation.tlsKey !== null) server.setSecureContext(context(rotation.tlsKey));
  return server;
}

/** Names that a client may reach this agent by. */
export function tlsNames({ host, publicUrl }: Config): readonly string[] {
  const own = publicUrl === null ? [] : [new URL(publicUrl).hostname];
  return [...new Set(['localhost', '127.0.0.1', ...(/^[0-9.]+$|^[a-zA-Z][\w.-]*$/.test(host) ? [host] : []), ...own])];
}

function listenError(cause: NodeJS.ErrnoException, config: Config): unknown {
  const where = `${config.host}:${config.port}`;
  if (cause.code === 'EADDRINUSE') {
    return new ServerError(
      'config/bad-value',
      `AGENT_PORT: ${where} is in use by another program; stop it, or set another AGENT_PORT (0 takes a free one)`,
      { cause },
    );
  }
  if (cause.code === 'EADDRNOTAVAIL' || cause.code === 'ENOTFOUND' || cause.code === 'EACCES') {
    return new ServerError(
      'config/bad-value',
      `AGENT_HOST: ${where} cannot be used on this machine (${cause.code}); set another AGENT_HOST or AGENT_PORT`,
      { cause },
    );
  }
  return cause;
}
