/** Reading a `fetch` call directly gives what the platform's `Request` gives. */

import { decodeUtf8, utf8 } from '@assay/encoding/bytes';
import { describe, expect, it } from 'vitest';
import { readOutgoing } from './outgoing-request.ts';

const URL_TEXT = 'http://agent.test/v1/chat/completions?a=1&b=%20#part';

async function byPlatform(input: RequestInfo | URL, init?: RequestInit) {
  const request = new Request(input, init);
  return {
    method: request.method,
    url: new URL(request.url).pathname + new URL(request.url).search,
    headers: [...request.headers],
    body: decodeUtf8(new Uint8Array(await request.arrayBuffer())),
  };
}

describe('a call', () => {
  it.each<[string, RequestInfo | URL, RequestInit | undefined]>([
    ['with an address alone', URL_TEXT, undefined],
    ['with a URL', new URL(URL_TEXT), { method: 'GET' }],
    ['with text', URL_TEXT, { method: 'POST', body: 'grüß dich' }],
    ['with an empty text', URL_TEXT, { method: 'POST', body: '' }],
    ['with bytes', URL_TEXT, { method: 'PUT', body: utf8('bytes') }],
    ['without a body', URL_TEXT, { method: 'DELETE' }],
    ['with a lower-case method', URL_TEXT, { method: 'post', body: 'x' }],
    ['with a method of its own', URL_TEXT, { method: 'purge' }],
    ['with headers', URL_TEXT, { method: 'POST', body: '{}', headers: { 'Content-Type': 'application/json', 'X-A': ' b ' } }],
    [
      'with repeated headers',
      URL_TEXT,
      {
        headers: [
          ['x-a', '1'],
          ['X-A', '2'],
          ['accept', '*/*'],
        ],
      },
    ],
    ['with a Headers object', URL_TEXT, { headers: new Headers({ cookie: 'a=b', host: 'elsewhere' }) }],
    ['with form fields', URL_TEXT, { method: 'POST', body: new URLSearchParams({ a: 'b c' }) }],
    ['with a blob', URL_TEXT, { method: 'POST', body: new Blob(['blob'], { type: 'text/x' }) }],
    ['with an ArrayBuffer', URL_TEXT, { method: 'POST', body: utf8('buffer').buffer }],
    ['with a Request', new Request(URL_TEXT, { method: 'POST', body: 'inside' }), undefined],
    ['with an unusual address', 'HTTP://Agent.TEST:80/a/../b/./c?d#e', undefined],
  ])('%s reads as by the platform', async (_name, input, init) => {
    const copy = input instanceof Request ? input.clone() : input;
    const { method, url, headers, body } = await readOutgoing(input, init);
    const read = { method, url: url.pathname + url.search, headers: [...headers], body: decodeUtf8(body) };
    expect(read).toEqual(await byPlatform(copy, init));
  });

  it.each<[string, string, RequestInit | undefined]>([
    ['a relative address', '/v1/models', undefined],
    ['no address at all', 'http://', undefined],
    ['a password in the address', 'http://a:b@agent.test/', undefined],
    ['a body with GET', URL_TEXT, { body: 'x' }],
    ['a forbidden method', URL_TEXT, { method: 'TRACE' }],
    ['a broken header', URL_TEXT, { headers: { 'x a': 'b' } }],
  ])('%s throws as by the platform', async (_name, input, init) => {
    await expect(byPlatform(input, init)).rejects.toThrow(TypeError);
    await expect(readOutgoing(input, init)).rejects.toThrow(TypeError);
  });

  it('copies bytes, so that the caller may change them', async () => {
    const body = utf8('before');
    const read = await readOutgoing(URL_TEXT, { method: 'POST', body });
    body.fill(0);
    expect(decodeUtf8(read.body)).toBe('before');
  });

  it('keeps the signal', async () => {
    const signal = AbortSignal.abort();
    expect((await readOutgoing(URL_TEXT, { signal })).signal).toBe(signal);
    expect((await readOutgoing(URL_TEXT)).signal).toBeNull();
  });
});
