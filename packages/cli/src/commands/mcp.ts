/** `assay mcp`: the tools for assistants, over standard input and output or over streamable HTTP on loopback. */

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import type { Command } from 'commander';
import type { Finish } from '../command.ts';
import { CliError } from '../errors.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import type { Io } from '../io.ts';
import { createMcpServer } from '../mcp/server.ts';
import { createTools, type Tools, toolSettings } from '../mcp/tools.ts';

interface McpFlags {
  readonly http?: string;
  readonly simulatedRoot?: string;
  readonly allowFiles?: boolean;
  readonly apiKey?: string;
}

export function configure(command: Command, io: Io, finish: Finish): void {
  command
    .option('--http <port>', 'streamable HTTP on 127.0.0.1 instead of standard input; 0 takes a free port')
    .option('--simulated-root <file>', "accept a simulator's evidence under this root, marked as simulated")
    .option('--allow-files', 'let assistants name files below the working directory as evidence')
    .option('--api-key <key>', 'key of the agents; better in ASSAY_API_KEY')
    .action(async (flags: McpFlags) => finish(await serveMcp(flags, io)));
}

async function serveMcp(flags: McpFlags, io: Io): Promise<ExitCode> {
  const tools = createTools(io, await toolSettings(io, flags));
  if (flags.http === undefined) return serveStdio(tools, io);
  const port = Number(flags.http);
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    throw new CliError('cli/bad-option', `--http: expected 0 to 65535, got ${flags.http}; write 8799`);
  return serveHttp(tools, port, io);
}

async function serveStdio(tools: Tools, io: Io): Promise<ExitCode> {
  const server = createMcpServer(tools);
  const closed = new Promise<void>((resolve) => {
    server.server.onclose = resolve;
    io.signal.addEventListener('abort', () => resolve(), { once: true });
    process.stdin.once('end', resolve);
  });
  await server.connect(new StdioServerTransport());
  await closed;
  await server.close();
  return EXIT.accepted;
}

async function serveHttp(tools: Tools, port: number, io: Io): Promise<ExitCode> {
  await new Promise<void>((resolve, reject) => {
    const server = createServer((request, response) => void answer(request, response, tools));
    server.once('error', (cause: NodeJS.ErrnoException) =>
      reject(new CliError('cli/bad-option', `cannot listen on port ${port}: ${cause.code}; take another`, { cause })),
    );
    server.listen(port, '127.0.0.1', () => io.stdout(`http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp\n`));
    io.signal.addEventListener('abort', () => server.close(() => resolve()), { once: true });
  });
  return EXIT.accepted;
}

/** One stateless exchange; browsers of other origins and other hosts' names are refused (DNS rebinding). */
async function answer(request: IncomingMessage, response: ServerResponse, tools: Tools): Promise<void> {
  const host = (request.headers.host ?? '').replace(/:\d+$/, '');
  if (request.url !== '/mcp' || request.headers.origin !== undefined || (host !== '127.0.0.1' && host !== 'localhost')) {
    response.writeHead(request.url === '/mcp' ? 403 : 404).end();
    return;
  }
  const server = createMcpServer(tools);
  const transport = new StreamableHTTPServerTransport({ enableJsonResponse: true });
  response.once('close', () => {
    void transport.close();
    void server.close();
  });
  await server.connect(transport as Transport);
  await transport.handleRequest(request, response);
}
