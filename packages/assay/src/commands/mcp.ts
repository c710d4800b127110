/** `assay mcp`: the tools for assistants, over standard input and output or over streamable HTTP on loopback. */

import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import type { Command } from 'commander';
import type { Finish } from '../command-line/command.ts';
import { CliError } from '../command-line/errors.ts';
import { EXIT, type ExitCode } from '../command-line/exit-codes.ts';
import type { Io } from '../command-line/io.ts';
import { serveHttp } from '../mcp/http-server.ts';
import { createMcpServer } from '../mcp/server.ts';
import { createTools, type Tools, toolSettings } from '../mcp/tools.ts';

interface McpFlags {
  readonly http?: string;
  readonly agent?: string;
  readonly simulatedRoot?: string;
  readonly allowFiles?: boolean;
  readonly apiKey?: string;
}

export function configure(command: Command, io: Io, finish: Finish): void {
  command
    .option('--http <port>', 'streamable HTTP on 127.0.0.1 instead of standard input; 0 takes a free port')
    .option('--agent <address>', 'the one agent that gets the key and may be on a private address; ASSAY_URL')
    .option('--simulated-root <file>', "accept a simulator's evidence under this root, marked as simulated")
    .option('--allow-files', 'let assistants name files as evidence, below the working directory only')
    .option('--api-key <key>', 'key of that agent; better in ASSAY_API_KEY')
    .action(async (flags: McpFlags) => finish(await serveMcp(flags, io)));
}

async function serveMcp(flags: McpFlags, io: Io): Promise<ExitCode> {
  const tools = createTools(io, await toolSettings(io, flags));
  if (flags.http === undefined) return serveStdio(tools, io);
  const port = Number(flags.http);
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    throw new CliError('cli/bad-option', `--http: expected 0 to 65535, got ${flags.http}; write 8799`);
  const token = io.env.ASSAY_MCP_TOKEN ?? '';
  if (token !== '' && !/^[!-~]{16,}$/.test(token))
    throw new CliError(
      'cli/bad-option',
      'ASSAY_MCP_TOKEN: expected 16 printable characters or more; leave it out for a fresh token',
    );
  await serveHttp(tools, { port, token: token === '' ? null : token }, io);
  return EXIT.accepted;
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
