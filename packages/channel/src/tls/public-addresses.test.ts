/**
 * What `public-fetch.ts` lets through: public addresses, and of a name those only that were found to be public. A server on this machine stands
 * in for them: the test takes the place of the platform's `connect`, below the look-up.
 */

import { createServer, type Server } from 'node:http';
import net, { type AddressInfo, Socket, type TcpNetConnectOpts } from 'node:net';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { createPublicFetch } from './public-fetch.ts';

type Addresses = readonly { readonly address: string; readonly family: number }[];

const PUBLIC = { address: '93.184.215.14', family: 4 };
const PUBLIC_6 = { address: '2606:2800:21f:cb07:6820:80da:af6b:8b2c', family: 6 };
const PRIVATE = { address: '192.168.0.1', family: 4 };
const LOOPBACK_6 = { address: '::1', family: 6 };
let server: Server;

beforeAll(async () => {
  server = createServer((request, response) => {
    if (request.url === '/away') response.writeHead(302, { location: '/' });
    response.end('public');
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
});

afterAll(() => {
  server.closeAllConnections();
  server.close();
});

/** Fetches `url`; says which hosts were connected to, and what their look-ups gave to a platform that asks for `all` or for one. */
async function visit({
  url,
  addresses,
  all = true,
  ...init
}: RequestInit & { url: string; addresses?: Addresses; all?: boolean }) {
  const hosts: unknown[] = [];
  const found: unknown[] = [];
  const connect = vi.spyOn(net, 'connect').mockImplementation(((options: TcpNetConnectOpts) => {
    const socket = new Socket();
    const { port } = server.address() as AddressInfo;
    hosts.push(options.host);
    if (net.isIP(options.host ?? '') > 0) return socket.connect(port, '127.0.0.1');
    options.lookup?.(options.host ?? '', { all }, (error, ...answer) => {
      found.push(all ? answer[0] : answer);
      if (error) socket.destroy(error);
      else socket.connect(port, '127.0.0.1');
    });
    return socket;
  }) as typeof net.connect);
  try {
    const send = createPublicFetch({ resolve: async () => addresses ?? [] });
    const answer = await send(url, { signal: AbortSignal.timeout(10_000), ...init });
    return { hosts, found, status: answer.status, text: await answer.text() };
  } finally {
    connect.mockRestore();
  }
}

test.each<[string, string, Addresses, unknown]>([
  ['a public literal', PUBLIC.address, [], undefined],
  ['a public literal of IPv6', `[${PUBLIC_6.address}]`, [], undefined],
  ['a name with one public address', 'agent.example', [PUBLIC], [PUBLIC]],
  ['a name with public ones of both families', 'agent.example', [PUBLIC, PUBLIC_6], [PUBLIC, PUBLIC_6]],
  ['a name with others among them', 'agent.example', [PRIVATE, PUBLIC, LOOPBACK_6, PUBLIC_6], [PUBLIC, PUBLIC_6]],
])('%s is connected to', async (_name, host, addresses, looked) => {
  const { hosts, found, text } = await visit({ url: `http://${host}/`, addresses });
  expect(text).toBe('public');
  expect(hosts).toEqual([host.replace(/^\[|\]$/g, '')]);
  expect(found).toEqual(looked === undefined ? [] : [looked]);
});

test('a platform that asks for one address gets the first public one', async () => {
  const { found, text } = await visit({ url: 'http://agent.example/', addresses: [PRIVATE, PUBLIC_6, PUBLIC], all: false });
  expect(text).toBe('public');
  expect(found).toEqual([[PUBLIC_6.address, 6]]);
});

test.each(['error', 'follow', undefined] as const)('a redirect is not followed, redirect: %s', async (redirect) => {
  const init = redirect === undefined ? {} : { redirect };
  await expect(visit({ url: `http://${PUBLIC.address}/away`, ...init })).rejects.toMatchObject({ message: 'fetch failed' });
});

test('a redirect is handed on to a caller who asks for it', async () => {
  expect(await visit({ url: `http://${PUBLIC.address}/away`, redirect: 'manual' })).toMatchObject({ status: 302 });
});
