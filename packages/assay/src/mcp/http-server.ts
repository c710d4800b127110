/**
 * The tools over streamable HTTP on loopback, for programs of this user: web pages are kept out by the guard that every local server here
 * has, and other users of the machine by a token.
 */

import { randomBytes, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { LOCAL_REFUSALS, localRefusal } from '@assay/channel';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import { CliError } from '../command-line/errors.ts';
import type { Io } from '../command-line/io.ts';
import { stopServer } from '../command-line/stop-server.ts';
import { createMcpServer } from './server.ts';
import type { Tools } from './tools.ts';

export interface HttpSettings {
  /** 0 takes a free one. */
  readonly port: number;
  /** What clients must show; a fresh one is made and printed when the operator set none. */
  readonly token: string | null;
}

/** Serves until interrupted. Prints the address, with the token when it was made here. @throws {CliError} `cli/bad-option`. */
export async function serveHttp(tools: Tools, { port, token }: HttpSettings, io: Io): Promise<void> {
  const secret = token ?? randomBytes(32).toString('hex');
  const query = token === null ? `?token=${secret}` : '';
  await new Promise<void>((resolve, reject) => {
    const server = createServer((request, response) => void answer(request, response, tools, secret));
    server.once('error', (cause: NodeJS.ErrnoException) =>
      reject(new CliError('cli/bad-option', `cannot listen on port ${port}: ${cause.code}; take another`, { cause })),
    );
    server.listen(port, '127.0.0.1', () =>
      io.stdout(`http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp${query}\n`),
    );
    io.signal.addEventListener('abort', () => void stopServer(server).then(resolve), { once: true });
  });
}

/** One stateless exchange. */
async function answer(request: IncomingMessage, response: ServerResponse, tools: Tools, secret: string): Promise<void> {
  const url = URL.canParse(request.url ?? '', 'http://localhost') ? new URL(request.url ?? '', 'http://localhost') : null;
  if (url?.pathname !== '/mcp') return refuse(response, 404, 'nothing is here; the tools are at /mcp');
  const foreign = localRefusal({
    method: request.method ?? 'GET',
    host: request.headers.host ?? null,
    origin: request.headers.origin ?? null,
    contentType: request.headers['content-type'] ?? null,
    fetchSite: single(request.headers['sec-fetch-site']),
  });
  if (foreign !== null) return refuse(response, foreign === 'foreign-content-type' ? 415 : 403, LOCAL_REFUSALS[foreign]);
  const bearer = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? '')?.[1];
  if (!sameSecret(bearer ?? url.searchParams.get('token') ?? '', secret)) {
    response.setHeader('www-authenticate', 'Bearer');
    return refuse(response, 401, 'a token is needed; use the address that assay mcp printed, or Authorization: Bearer <token>');
  }
  const server = createMcpServer(tools);
  // Answers as event streams, which carry progress while a call runs.
  const transport = new StreamableHTTPServerTransport({});
  response.once('close', () => {
    void transport.close();
    void server.close();
  });
  await server.connect(transport as Transport);
  await transport.handleRequest(request, response);
}

function refuse(response: ServerResponse, status: number, error: string): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify({ error }));
}

function single(value: string | readonly string[] | undefined): string | null {
  return typeof value === 'string' ? value : (value?.[0] ?? null);
}

function sameSecret(given: string, expected: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(expected)];
  return a.length === b.length && timingSafeEqual(a, b);
}
