/** A server of a command ends whatever its clients do. */

import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { expect, it } from 'vitest';
import { stopServer } from './stop-server.ts';

it.each([
  ['sent nothing', ''],
  ['sent half a request line', 'GET /comp'],
  ['sent a request that gets no answer', 'GET / HTTP/1.1\r\nhost: localhost\r\n\r\n'],
])('ends while a client %s', async (_, sent) => {
  const server = createServer(() => undefined);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const accepted = new Promise((resolve) => server.once('connection', resolve));
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const closed = new Promise((resolve) => socket.once('close', resolve));
  socket.on('error', () => undefined);
  socket.write(sent);
  await accepted;
  await stopServer(server);
  await closed;
  expect(server.listening).toBe(false);
});
