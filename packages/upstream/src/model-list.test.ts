/** The models that a service lists: their ids, and what a list without any is told as. */

import { expectRefusal } from '@assay/testing';
import { describe, expect, test } from 'vitest';
import type { AttestedService } from './attested-service.ts';
import { firstModel, listModels } from './model-list.ts';
import type { AttestedSession } from './session.ts';

const BASE = 'https://service.example';
const LIST = '{"object":"list","data":[{"id":"acme/a"},{"id":7},null,{"id":"acme/b"}]}';
const service = (fetch: typeof globalThis.fetch): AttestedService => ({ base: BASE, apiKey: 'key', fetch }) as AttestedService;
const answering =
  (body: string, status = 200): typeof fetch =>
  async () =>
    new Response(body, { status });

test('the first model is asked for without the key', async () => {
  const first = firstModel(
    service(async (_, init) => {
      expect(new Headers(init?.headers).get('authorization')).toBeNull();
      return new Response(LIST);
    }),
  );
  expect(await first).toBe('acme/a');
});

describe('no first model', () => {
  test.each(['{"data":[]}', '{"data":{}}', '{}', '[]', 'null', '<html>', '{"data":[{"id":7}]}'])('in %s', async (body) => {
    await expectRefusal(firstModel(service(answering(body))), 'service/refused', [BASE, 'name one']);
  });
  test('where the list is refused: its words, and what to do', async () => {
    const refused = firstModel(service(answering('{"detail":"no list here"}', 403)));
    await expectRefusal(refused, 'service/refused', ['status 403', 'no list here', 'name one']);
  });
  test('where no one answers', async () => {
    const refused = firstModel(service(() => Promise.reject(new TypeError('fetch failed'))));
    await expectRefusal(refused, 'service/unreachable', [BASE]);
  });
});

test('a verified service lists its models, or none', async () => {
  const session = (answer: typeof fetch) =>
    ({ origin: BASE, get: (path: string) => answer(`${BASE}${path}`) }) as unknown as AttestedSession;
  expect(await listModels(session(answering(LIST)))).toEqual(['acme/a', 'acme/b']);
  expect(await listModels(session(answering('no', 404)))).toEqual([]);
});
