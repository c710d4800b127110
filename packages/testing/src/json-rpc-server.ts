/** A stand-in for an Ethereum node: JSON-RPC 2.0 over HTTP, single calls and batches, with the balances it is given. */

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface JsonRpcServer {
  readonly url: string;
  /** `host:port` as an allow-list names it. */
  readonly host: string;
  /** Methods called so far, in order. */
  readonly calls: readonly string[];
  close(): Promise<void>;
}

/**
 * Starts a node on a free port of 127.0.0.1.
 *
 * @param balances - address (any case) → wei. Other addresses have none.
 */
export async function startJsonRpcServer(balances: Readonly<Record<string, bigint>>, chainId = 8453): Promise<JsonRpcServer> {
  const wei = new Map(Object.entries(balances).map(([address, value]) => [address.toLowerCase(), value]));
  const calls: string[] = [];
  const answer = (call: { id?: unknown; method?: string; params?: readonly unknown[] }): object => {
    calls.push(String(call.method));
    const reply = { jsonrpc: '2.0', id: call.id ?? null };
    switch (call.method) {
      case 'eth_chainId':
        return { ...reply, result: `0x${chainId.toString(16)}` };
      case 'net_version':
        return { ...reply, result: String(chainId) };
      case 'eth_blockNumber':
        return { ...reply, result: '0x10' };
      case 'eth_getBalance':
        return { ...reply, result: `0x${(wei.get(String(call.params?.[0]).toLowerCase()) ?? 0n).toString(16)}` };
      default:
        return { ...reply, error: { code: -32601, message: 'the method does not exist' } };
    }
  };
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    response.setHeader('content-type', 'application/json');
    try {
      const body = JSON.parse(Buffer.concat(chunks).toString('utf8'));
      response.end(JSON.stringify(Array.isArray(body) ? body.map(answer) : answer(body)));
    } catch {
      response.statusCode = 400;
      response.end(JSON.stringify({ jsonrpc: '2.0', id: null, error: { code: -32700, message: 'parse error' } }));
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/`,
    host: `127.0.0.1:${port}`,
    calls,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
