/** Answers out of the channel have all members of the platform's, also in a program whose server replaced the global classes by lighter ones. */

import { utf8 } from '@assay/encoding/bytes';
import { getRequestListener } from '@hono/node-server';
import { expect, test } from 'vitest';
import { openedResponse } from './opened-response.ts';

getRequestListener(() => new Response('from here on the globals are the server’s'));

test.each<readonly [string, (response: Response) => Promise<unknown>]>([
  ['bytes', async (response) => [...(await response.bytes())]],
  ['a clone', async (response) => [...(await response.clone().bytes())]],
  ['text', async (response) => [...utf8(await response.text())]],
  ['the body', async (response) => [...utf8(await new Response(response.body).text())]],
])('%s', async (_, read) => {
  expect(await read(openedResponse(utf8('ab'), { status: 200, headers: [] }))).toEqual([0x61, 0x62]);
});
