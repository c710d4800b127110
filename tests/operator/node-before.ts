/** Nodes of tests: one in front of the local chain, which is another node for a policy and can lie, and servers that are no node at all. */

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';
import type { LocalChain } from './local-chain.ts';

/** Serves until the test ends; resolves with the address. */
export async function serve(
  answer: (request: IncomingMessage, response: ServerResponse, body: string) => void,
): Promise<string> {
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (piece) => {
      body += String(piece);
    });
    request.on('end', () => answer(request, response, body));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** A node in front of the real one; a method that is named here gets this result, or what is made of its first parameter: `undefined` is the real one's. */
export function nodeBefore(chain: LocalChain, results: Readonly<Record<string, unknown>> = {}): Promise<string> {
  return serve((_request, response, body) => {
    const { id, method, params } = JSON.parse(body) as {
      readonly id: number;
      readonly method: string;
      readonly params: unknown[];
    };
    response.setHeader('content-type', 'application/json');
    const given = Object.hasOwn(results, method) ? results[method] : undefined;
    const real = async (): Promise<string> =>
      (await fetch(chain.url, { method: 'POST', headers: { 'content-type': 'application/json' }, body })).text();
    Promise.resolve(typeof given === 'function' ? given(params[0]) : given)
      .then((result: unknown) => (result === undefined ? real() : JSON.stringify({ jsonrpc: '2.0', id, result })))
      .then((text) => response.end(text))
      .catch(() => response.destroy());
  });
}
