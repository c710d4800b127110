/** A reader that stopped is cut off; one that is slow, one whose answer takes long, and one that keeps its connection are not. */

import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { cutStalledReaders } from './stalled-readers.ts';

const STALLED_MS = 200;

async function ask(answer: RequestListener): Promise<Socket> {
  const server = createServer(answer);
  cutStalledReaders(server, STALLED_MS);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  socket.pause();
  socket.on('error', () => undefined);
  onTestFinished(() => {
    socket.destroy();
    server.close();
    server.closeAllConnections();
  });
  socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  return socket;
}

test('a reader that stopped', async () => {
  let ended = false;
  await ask((_, response) => {
    response.on('close', () => {
      ended = true;
    });
    response.end(new Uint8Array(64 * 1024 * 1024));
  });
  await expect.poll(() => ended, { timeout: 5000 }).toBe(true);
});

test('a slow reader gets all of it', async () => {
  const length = 24 * 1024 * 1024;
  const socket = await ask((_, response) => response.end(new Uint8Array(length)));
  let read = 0;
  socket.on('data', (piece) => {
    read += piece.length;
    socket.pause();
    setTimeout(() => socket.resume(), 3);
  });
  socket.resume();
  await expect.poll(() => read, { timeout: 20_000 }).toBeGreaterThan(length);
});

test('an answer that takes long', async () => {
  const socket = await ask((_, response) => void sleep(STALLED_MS * 4).then(() => response.end('late')));
  socket.resume();
  const [piece] = (await once(socket, 'data')) as [Buffer];
  expect(piece.toString()).toContain('late');
});
