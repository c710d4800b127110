/** Addresses that somebody else chose: private and special ones are refused before a byte leaves, by literal and by name. */

import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expectRefusal } from '@assay/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createPublicFetch } from './public-fetch.ts';

let server: Server;
let port = 0;
const seen: string[] = [];

beforeAll(async () => {
  server = createServer((request, response) => {
    seen.push(String(request.url));
    response.end('private');
  });
  await new Promise<void>((done) => server.listen(0, done)); // both families where there are two
  port = (server.address() as AddressInfo).port;
});

afterAll(() => void server.close());

/** A refusal says so at once, and not by silence. */
const soon = () => ({ signal: AbortSignal.timeout(10_000) });
const never = () => Promise.reject(new Error('nothing may be looked up'));

test.each([
  '127.0.0.1',
  '[::1]',
  '[::ffff:127.0.0.1]',
  '10.0.0.1',
  '169.254.169.254',
  '0.0.0.0',
  '[fd00::1]',
  '2130706433',
  '0x7f.1',
])('channel/address-refused: %s as a literal', async (host) => {
  const send = createPublicFetch({ resolve: never });
  await expectRefusal(send(`http://${host}:${port}/admin`, soon()), 'channel/address-refused', [
    'public address',
    'name an agent',
  ]);
});

test.each([
  ['one private address', [{ address: '127.0.0.1', family: 4 }]],
  [
    'private ones of both families',
    [
      { address: '::1', family: 6 },
      { address: '192.168.0.1', family: 4 },
    ],
  ],
  ['a cloud service', [{ address: '169.254.169.254', family: 4 }]],
  ['none', []],
])('channel/address-refused: a name with %s', async (_, addresses) => {
  const send = createPublicFetch({ resolve: async () => addresses });
  const refused = send(`http://innocent.example:${port}/admin`, soon());
  await expectRefusal(refused, 'channel/address-refused', ['innocent.example', 'private or special']);
});

test('every connection asks for the name again, and the answer it uses is the one it checked', async () => {
  const answers = ['10.0.0.1', '127.0.0.1'];
  const send = createPublicFetch({ resolve: async () => [{ address: answers.shift() ?? '', family: 4 }] });
  for (let count = 0; count < 2; count++)
    await expectRefusal(send(`http://rebinding.example:${port}/`, soon()), 'channel/address-refused', ['rebinding.example']);
  expect(answers).toEqual([]);
});

afterAll(() => expect(seen).toEqual([]));
