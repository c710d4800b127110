/** What the proxy on loopback lets in: programs of its user, never a web page, whichever way the page tries. */

import { describe, expect, test } from 'vitest';
import { heldByProxy, requestBody } from './exchange-memory.ts';
import type { VerifiedUpstream } from './upstream.ts';
import { createVerifyingProxy, type ProxyEvent } from './verifying-proxy.ts';

const URL_OF_PROXY = 'http://127.0.0.1:8788';

function line() {
  const forwarded: string[] = [];
  const events: ProxyEvent[] = [];
  const upstream: VerifiedUpstream = {
    kind: 'aci/1',
    url: new URL('https://agent.example'),
    verdict: { outcome: 'accepted' } as VerifiedUpstream['verdict'],
    forward: async (request) => {
      forwarded.push(new URL(request.url).pathname);
      return { response: Response.json({ answer: 42 }), proof: Promise.resolve(null) };
    },
  };
  const handle = createVerifyingProxy({ upstream, keep: async () => {}, onEvent: (event) => void events.push(event) });
  const ask = (path: string, headers: Record<string, string>, method = 'POST') =>
    handle(new Request(URL_OF_PROXY + path, { method, headers, ...(method === 'POST' ? { body: '{}' } : {}) }));
  return { ask, forwarded, events };
}

const JSON_TYPE = { 'content-type': 'application/json' };

test.each<[string, Record<string, string>, string]>([
  ['a program', JSON_TYPE, 'POST'],
  ['a program that names the host', { ...JSON_TYPE, host: 'localhost:8788' }, 'POST'],
  ['a list', {}, 'GET'],
])('%s is forwarded', async (_, headers, method) => {
  const { ask, forwarded } = line();
  expect((await ask('/v1/chat/completions', headers, method)).status).toBe(200);
  expect(forwarded).toEqual(['/v1/chat/completions']);
});

test.each<[string, Record<string, string>, number]>([
  ['DNS rebinding', { ...JSON_TYPE, host: 'evil.example:8788' }, 403],
  ['a page that posts text', { 'content-type': 'text/plain', origin: 'https://evil.example' }, 403],
  ['a page that asked first', { ...JSON_TYPE, origin: 'https://evil.example' }, 403],
  ['a form in a sandboxed frame', { 'content-type': 'application/x-www-form-urlencoded', origin: 'null' }, 403],
  ['a page elsewhere without an origin', { ...JSON_TYPE, 'sec-fetch-site': 'cross-site' }, 403],
  ['a post that pages may send unasked', { 'content-type': 'text/plain' }, 415],
  ['a form with files', { 'content-type': 'multipart/form-data; boundary=x' }, 415],
])('%s gets nothing', async (_, headers, status) => {
  const { ask, forwarded, events } = line();
  for (const path of ['/v1/chat/completions', '/verification', '/other']) {
    const answer = await ask(path, headers);
    expect(answer.status).toBe(status);
    expect(await answer.json()).toMatchObject({ error: { type: 'verification_error' } });
    expect(answer.headers.get('access-control-allow-origin')).toBeNull();
  }
  expect(forwarded).toEqual([]);
  expect(events.map(({ type }) => type)).toEqual(['refused', 'refused', 'refused']);
});

test('a page elsewhere reads no list and no verdict either', async () => {
  const { ask, forwarded } = line();
  for (const headers of [{ host: 'evil.example' }, { origin: 'https://evil.example' }, { 'sec-fetch-site': 'cross-site' }])
    for (const path of ['/v1/models', '/verification']) expect((await ask(path, headers, 'GET')).status).toBe(403);
  expect(forwarded).toEqual([]);
});

describe('large requests', () => {
  const MIB = 1024 * 1024;
  /** `length` bytes in pieces that counts how many were asked for. */
  function body(length: number) {
    let given = 0;
    const stream = new ReadableStream<Uint8Array>({
      pull(controller) {
        if (given >= length) return controller.close();
        given += MIB;
        controller.enqueue(new Uint8Array(MIB));
      },
    });
    return { stream, given: () => given };
  }
  const post = (sent: ReadableStream<Uint8Array> | string, headers: Record<string, string> = {}): Request =>
    new Request(`${URL_OF_PROXY}/v1/chat/completions`, {
      method: 'POST',
      headers: { ...JSON_TYPE, ...headers },
      body: sent,
      duplex: 'half',
    } as RequestInit);
  /** Reads the request, and answers when `go` says so. */
  function reader(go: Promise<unknown> = Promise.resolve()) {
    const lengths: number[] = [];
    const upstream: VerifiedUpstream = {
      kind: 'aci/1',
      url: new URL('https://agent.example'),
      verdict: { outcome: 'accepted' } as VerifiedUpstream['verdict'],
      async forward(request, held) {
        lengths.push((await requestBody(request)).length);
        await go;
        held?.grow(MIB);
        return { response: new Response('the answer'), proof: Promise.resolve(null) };
      },
    };
    return { lengths, handle: createVerifyingProxy({ upstream, keep: async () => {} }) };
  }
  const codeOf = async (answer: Response): Promise<unknown> => [
    answer.status,
    ((await answer.json()) as { error: { code: string } }).error.code,
  ];

  test('client/request-oversize with 413, declared or not; what is too long is not read to its end', async () => {
    const { handle, lengths } = reader();
    expect(await codeOf(await handle(post('{}', { 'content-length': '99000000' })))).toEqual([413, 'client/request-oversize']);
    const endless = body(Number.POSITIVE_INFINITY);
    expect(await codeOf(await handle(post(endless.stream)))).toEqual([413, 'client/request-oversize']);
    expect(endless.given()).toBeLessThan(70 * MIB);
    expect(lengths).toEqual([]);
    expect(heldByProxy()).toBe(0);
  });

  test('client/busy with 503 when many are there at once; short ones still pass, and all is given back', async () => {
    let answer = (): void => undefined;
    const { handle, lengths } = reader(
      new Promise<void>((resolve) => {
        answer = resolve;
      }),
    );
    const waiting = Array.from({ length: 6 }, () =>
      handle(post(body(60 * MIB).stream, { 'content-length': String(60 * MIB) })),
    );
    const refused = await Promise.race(waiting);
    expect(await codeOf(refused)).toEqual([503, 'client/busy']);
    expect(refused.headers.get('retry-after')).toBe('2');
    answer();
    expect(await (await handle(post('{}'))).text()).toBe('the answer');
    const answers = await Promise.all(waiting);
    expect(answers.filter(({ status }) => status === 200).length).toBeGreaterThan(2);
    for (const each of answers) if (!each.bodyUsed) await each.text();
    expect(lengths).toContain(60 * MIB);
    const left = await handle(post('{}'));
    await left.body?.cancel();
    expect(heldByProxy()).toBe(0);
  });
});
