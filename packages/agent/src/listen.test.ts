/** Clients that send their heads and bodies slowly, or many connections at once: each is cut off, holds little, and others are served meanwhile. */

import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { parseConfig } from './config.ts';
import { CONNECTION_LIMITS, type ConnectionLimits } from './http/connection-limits.ts';
import { HELD } from './http/held-memory.ts';
import { readBytes } from './http/request-body.ts';
import { listen } from './listen.ts';

const MIB = 1024 * 1024;
const SHORT: ConnectionLimits = {
  ...CONNECTION_LIMITS,
  headersTimeout: 800,
  requestTimeout: 1_200,
  connectionsCheckingInterval: 50,
};
const HEAD = 'POST / HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n';

/** A server as the agent's, that answers with the length of what it read. */
async function serve(limits: ConnectionLimits = SHORT, most = 64 * MIB) {
  const failures: unknown[] = [];
  const answer = async (request: Request): Promise<Response> => {
    try {
      return new Response(String((await readBytes(request, most)).length));
    } catch (error) {
      failures.push(error);
      return new Response(null, { status: 500 });
    }
  };
  const config = parseConfig({ AGENT_PORT: '0', AI_PROVIDER: 'recorded' });
  const { url, stop } = await listen(answer, config, { tlsKey: null, onTlsKey: () => undefined }, limits);
  onTestFinished(stop);
  return { url, failures };
}

interface Sender {
  readonly socket: Socket;
  readonly closed: Promise<unknown>;
  readonly said: () => string;
}

/** Sends `first`, then `piece` again and again until it is cut off. */
async function trickle(url: string, first: string, piece: string | Uint8Array, everyMs = 40): Promise<Sender> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  let said = '';
  socket.on('error', () => undefined);
  socket.on('data', (chunk) => {
    said += String(chunk);
  });
  const closed = new Promise((resolve) => socket.once('close', resolve));
  await once(socket, 'connect');
  socket.write(first);
  const timer = setInterval(() => socket.write(piece), everyMs);
  socket.once('close', () => clearInterval(timer));
  onTestFinished(() => void socket.destroy());
  return { socket, closed, said: () => said };
}

/** What the server answers; once more when this process, which runs server and clients, stood still for longer than the server waits. */
async function ask(url: string): Promise<string> {
  for (;;) {
    const answer = await fetch(url, { method: 'POST', body: 'four' });
    const text = await answer.text();
    if (answer.status !== 408) return text;
  }
}

test.each<[string, string, string]>([
  ['a head', HEAD, 'x'],
  ['a head without an end of line', 'POST / HTTP/1.1\r\nx-long: ', 'x'],
  ['a body of a declared length', `${HEAD}Content-Length: 100000\r\n\r\n`, 'x'],
  ['a body in chunks', `${HEAD}Transfer-Encoding: chunked\r\n\r\n`, '1\r\nx\r\n'],
])('%s a byte at a time is cut off with 408, and nothing of it is kept', async (_, first, piece) => {
  const { url } = await serve();
  const { closed, said } = await trickle(url, first, piece);
  await closed;
  expect(said()).toMatch(/^HTTP\/1\.1 408 /);
  await expect.poll(() => HELD.request.used).toBe(0);
  expect(await ask(url)).toBe('4');
});

test('a hundred slow bodies at once hold no more than their bytes, others are served, and all is given back', async () => {
  const { url, failures } = await serve({ ...SHORT, headersTimeout: 3_000, requestTimeout: 3_000 });
  const first = `${HEAD}Content-Length: ${60 * MIB}\r\n\r\n`;
  const senders = await Promise.all(Array.from({ length: 100 }, () => trickle(url, first, 'x')));
  let most = 0;
  const watch = setInterval(() => {
    most = Math.max(most, HELD.request.used);
  }, 10);
  onTestFinished(() => clearInterval(watch));
  expect(await ask(url)).toBe('4');
  await Promise.all(senders.map(({ closed }) => closed));
  expect(most).toBe(0); // a declared length reserves nothing, and the first 64 KiB are free
  expect(HELD.request.used).toBe(0);
  await expect.poll(() => failures.length).toBe(100);
});

test('large bodies that stop in the middle give back what they held when they are cut off', async () => {
  const { url } = await serve({ ...SHORT, headersTimeout: 3_000, requestTimeout: 4_000 });
  const first = `${HEAD}Content-Length: ${60 * MIB}\r\n\r\n`;
  const senders = await Promise.all(Array.from({ length: 4 }, () => trickle(url, first, 'x')));
  for (const { socket } of senders) socket.write(new Uint8Array(2 * MIB));
  await expect.poll(() => HELD.request.used, { interval: 5, timeout: 5_000 }).toBeGreaterThan(2 * MIB);
  await Promise.all(senders.map(({ closed }) => closed));
  await expect.poll(() => HELD.request.used).toBe(0);
});

test('a body in chunks that grows too long is refused with an answer, and nothing of it is kept', async () => {
  const { url, failures } = await serve(CONNECTION_LIMITS, MIB);
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      for (let n = 0; n < 3; n += 1) controller.enqueue(new Uint8Array(MIB));
      controller.close();
    },
  });
  const answer = await fetch(url, { method: 'POST', body, duplex: 'half' } as RequestInit);
  expect(answer.status).toBe(500);
  expect(failures).toMatchObject([{ code: 'http/body-too-large' }]);
  expect(HELD.request.used).toBe(0);
});

test('connections above the bound are closed at once, and one that ends makes room', async () => {
  const { url } = await serve({ ...SHORT, most: 3, headersTimeout: 20_000, requestTimeout: 20_000 });
  const open = await Promise.all([1, 2, 3].map(() => trickle(url, HEAD, 'x')));
  const more = await trickle(url, HEAD, 'x');
  await more.closed;
  expect(more.said()).toBe('');
  for (const { socket } of open) expect(socket.destroyed).toBe(false);
  open[0]?.socket.destroy();
  await expect.poll(() => ask(url).catch(() => 'refused')).toBe('4');
});

test('the bounds in force', () => {
  expect(CONNECTION_LIMITS).toMatchObject({ headersTimeout: 20_000, requestTimeout: 120_000, most: 4096 });
});
