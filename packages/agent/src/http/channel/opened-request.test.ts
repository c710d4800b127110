/** A request out of the channel behaves as the platform's own. */

import { utf8 } from '@assay/encoding/bytes';
import { platformClass } from '@assay/encoding/platform-class';
import { describe, expect, it } from 'vitest';
import { openedRequest } from './opened-request.ts';

const signal = new AbortController().signal;
const parts = { method: 'POST', url: 'http://enclave.invalid/v1/x?a=1', signal: () => signal };
const headers = [
  ['content-type', 'application/json'],
  ['x-a', '1'],
  ['x-a', '2'],
] as const;
const opened = (method = 'POST', text = '{"a":"grüß"}'): Request =>
  openedRequest({ ...parts, method, headers, body: utf8(text) });
const platform = (method = 'POST', text = '{"a":"grüß"}'): Request =>
  new (platformClass(Request))(parts.url, {
    method,
    headers: headers as unknown as [string, string][],
    ...(method === 'GET' ? {} : { body: utf8(text) }),
  });

const READS: readonly (readonly [string, (request: Request) => unknown])[] = [
  ['text', (request) => request.text()],
  ['json', (request) => request.json()],
  ['arrayBuffer', async (request) => new Uint8Array(await request.arrayBuffer())],
  ['blob', async (request) => (await request.blob()).text()],
  ['the body', async (request) => new Response(request.body).text()],
  ['a clone', async (request) => [await request.clone().text(), await request.text()]],
];

describe.each(['POST', 'GET'])('with %s', (method) => {
  it.each(READS.flatMap(([a, first]) => READS.map(([b, second]) => [a, b, first, second] as const)))(
    '%s, then %s',
    async (_a, _b, first, second) => {
      const attempt = async (request: Request): Promise<unknown[]> => {
        const outcome = async (read: (request: Request) => unknown): Promise<unknown> => {
          try {
            return await read(request);
          } catch (error) {
            return (error as Error).constructor.name;
          }
        };
        return [await outcome(first), request.bodyUsed, await outcome(second), request.bodyUsed];
      };
      expect(await attempt(opened(method))).toEqual(await attempt(platform(method)));
    },
  );
});

it('has the members of the platform’s', () => {
  const [ours, theirs] = [opened(), platform()];
  for (const name of ['method', 'url', 'mode', 'credentials', 'cache', 'redirect', 'bodyUsed', 'keepalive'] as const)
    expect(ours[name], name).toBe(theirs[name]);
  expect([...ours.headers]).toEqual([...theirs.headers]);
  expect(ours.headers).toBe(ours.headers);
  expect(ours.signal).toBe(signal);
  expect(ours instanceof platformClass(Request)).toBe(true);
});
