/** Upstreams that are away or have nothing to say: refused before a prompt leaves. */

import { expectRefusal, FAKE_NOW } from '@assay/testing';
import { expect, test } from 'vitest';
import { openUpstream } from './open-upstream.ts';

const BASE = 'https://service.example';
const MODELS = Response.json({ data: [{ id: 'acme/model-1' }] });

test.each<[string, string, (path: string) => Response | Promise<Response>, readonly string[]]>([
  [
    'no server listens',
    'service/unreachable',
    () => Promise.reject(new TypeError('fetch failed')),
    [BASE, 'check the address'],
  ],
  [
    'it has no list of models',
    'service/refused',
    () => new Response('', { status: 404 }),
    ['/v1/models', 'got status 404', '?model='],
  ],
  ['its list of models is empty', 'service/refused', () => Response.json({ data: [] }), ['list of models', '?model=']],
  [
    'it has no report',
    'service/refused',
    (path) => (path === '/v1/models' ? MODELS.clone() : Response.json({ detail: 'no such route' }, { status: 404 })),
    ['no such route', 'check model'],
  ],
  [
    'it dies before its report',
    'service/unreachable',
    (path) => (path === '/v1/models' ? MODELS.clone() : Promise.reject(new TypeError('terminated'))),
    [BASE],
  ],
])('%s: %s', async (_, code, answer, words) => {
  const sent: Request[] = [];
  const carry: typeof fetch = async (input, init) => {
    const request = new Request(input, init);
    sent.push(request);
    return answer(new URL(request.url).pathname);
  };
  const opened = openUpstream(new URL(BASE), { fetch: carry, now: () => FAKE_NOW, apiKey: 'a secret key' }, 'dstack-vllm');
  const message = await expectRefusal(opened, code, words);
  expect(message).not.toContain('secret');
  expect(sent.filter(({ method }) => method !== 'GET')).toEqual([]);
});
