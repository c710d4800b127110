/**
 * A page on this machine that draws a comparison while it runs: the console's, with what happened so far and what happens next as server-sent
 * events. It shows scores and wealths, never prompts or answers. Answers only requests that name this machine, so that no other site reads it.
 */

import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ConsoleFiles } from '@assay/agent';
import type { ComparisonProgress } from '@assay/models';
import { CliError } from '../../command-line/errors.ts';
import { stopServer } from '../../command-line/stop-server.ts';

/** Events that are kept for a page that is opened later; a longer comparison is drawn up to here. */
const MOST_EVENTS = 10_000;
const PAGE = '/comparison.html';
const EVENTS = '/comparison/events';
const HOST = /^(?:127\.0\.0\.1|localhost)(?::\d+)?$/;

export interface LiveView {
  /** `http://127.0.0.1:49152/comparison.html`. */
  readonly url: string;
  show(progress: ComparisonProgress): void;
  close(): Promise<void>;
}

export interface LiveViewOptions {
  readonly files: ConsoleFiles;
  /** Headers of the console's pages. */
  readonly headers: Readonly<Record<string, string>>;
  /** 0: a free one. */
  readonly port: number;
}

/**
 * @throws {CliError} `cli/bad-option` without a built console, or on a port that is taken.
 * @example const view = await startLiveView({ files, headers, port: 0 }); view.show({ type: 'note', text: 'asking' });
 */
export async function startLiveView({ files, headers, port }: LiveViewOptions): Promise<LiveView> {
  if (!files.has(PAGE)) throw refused('the built console', 'none', 'run npm run build:web');
  const events: string[] = [];
  const readers = new Set<ServerResponse>();
  const server = createServer((request, response) => {
    const path = (request.url ?? '/').split('?')[0] ?? '/';
    const file = files.get(path === '/' ? PAGE : path);
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
    if (!HOST.test(request.headers.host ?? '')) response.writeHead(403).end();
    else if (request.method !== 'GET') response.writeHead(405).end();
    else if (path === EVENTS) {
      response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
      response.write(events.join(''));
      readers.add(response);
      response.on('close', () => readers.delete(response));
    } else if (file === undefined) response.writeHead(404).end();
    else response.writeHead(200, { 'content-type': file.mediaType, 'cache-control': 'no-store' }).end(file.bytes);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', () => reject(refused('a free port', String(port), 'name another one')));
    server.listen(port, '127.0.0.1', resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}${PAGE}`,
    show: (progress) => {
      const event = `data: ${JSON.stringify(progress)}\n\n`;
      // Each round of a watch has a plan, and a drawing, of its own.
      if (progress.type === 'plan') events.length = 0;
      if (events.length < MOST_EVENTS || progress.type === 'ended' || progress.type === 'watched') events.push(event);
      for (const reader of readers) reader.write(event);
    },
    close: async () => {
      for (const reader of readers) reader.end();
      await stopServer(server);
    },
  };
}

function refused(expected: string, got: string, remedy: string): CliError {
  return new CliError('cli/bad-option', `--live: expected ${expected}, got ${got}; ${remedy}`);
}
