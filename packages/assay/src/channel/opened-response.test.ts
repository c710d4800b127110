/** An opened response behaves as the platform's own. */

import { utf8 } from '@assay/encoding/bytes';
import { platformClass } from '@assay/encoding/platform-class';
import { describe, expect, it } from 'vitest';
import { openedResponse } from './opened-response.ts';

const TEXT = '\ufeff{"a":"grüß"}';
const headers = [
  ['content-type', 'application/json'],
  ['x-a', '1'],
] as const;
const opened = (text = TEXT, status = 201): Response => openedResponse(utf8(text), { status, headers });
const platform = (text = TEXT, status = 201): Response =>
  new (platformClass(Response))(utf8(text), { status, headers: headers as unknown as [string, string][] });

const READS: readonly (readonly [string, (response: Response) => unknown])[] = [
  ['text', (response) => response.text()],
  ['json', (response) => response.json()],
  ['arrayBuffer', async (response) => new Uint8Array(await response.arrayBuffer())],
  ['bytes', (response) => response.bytes()],
  [
    'blob',
    async (response) => {
      const blob = await response.blob();
      return [blob.type, await blob.text()];
    },
  ],
  ['the body', async (response) => new Response(response.body).text()],
  ['a clone', async (response) => [await response.clone().text(), await response.text()]],
  ['a copy', async (response) => new (platformClass(Response))(response.body, response).json()],
];

describe('it is read as the platform reads', () => {
  it.each(READS)('%s', async (_name, read) => {
    const [ours, theirs] = [opened(), platform()];
    expect(await read(ours)).toEqual(await read(theirs));
    expect(ours.bodyUsed).toBe(theirs.bodyUsed);
  });

  it.each(READS.flatMap(([a, first]) => READS.map(([b, second]) => [a, b, first, second] as const)))(
    '%s, then %s',
    async (_a, _b, first, second) => {
      const attempt = async (response: Response): Promise<unknown> => {
        await first(response);
        return Promise.resolve(second(response)).then(
          (value) => value,
          (error: Error) => error.constructor.name,
        );
      };
      const theirs = await attempt(platform()).catch((error: Error) => error.constructor.name);
      expect(await attempt(opened()).catch((error: Error) => error.constructor.name)).toEqual(theirs);
    },
  );
});

it.each([200, 201, 299, 300, 404, 599])('status %i, its headers and its other members are the platform’s', (status) => {
  const [ours, theirs] = [opened('x', status), platform('x', status)];
  for (const name of ['status', 'ok', 'statusText', 'type', 'url', 'redirected', 'bodyUsed'] as const)
    expect(ours[name], name).toBe(theirs[name]);
  expect([...ours.headers]).toEqual([...theirs.headers]);
  expect(ours instanceof platformClass(Response)).toBe(true);
  expect(ours.headers).toBe(ours.headers);
});

it('throws for JSON that is none', async () => {
  await expect(opened('{').json()).rejects.toThrow(SyntaxError);
});

it('gives an empty body', async () => {
  expect(await opened('').text()).toBe('');
  expect(opened('').body).not.toBeNull();
});
