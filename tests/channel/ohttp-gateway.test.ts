/** The gateway with the client's sealed fetch in front: whole round trips over real Request and Response objects. */
import { encapsulateRequest, encodeRequest, MEDIA_TYPES, parseKeyConfigs, toReadableStream } from '@assay/channel';
import { beforeAll, describe, expect, it } from 'vitest';
import { answerEncapsulated, type OhttpGatewayOptions } from '../../packages/agent/src/http/channel/ohttp-gateway.ts';
import { ChannelKeys } from '../../packages/agent/src/identity/channel-keys.ts';
import { createSealedFetch } from '../../packages/assay/src/channel/sealed-fetch.ts';

const NOW = 1_790_000_000_000;
let options: OhttpGatewayOptions;
let keys: ChannelKeys;
const seen: Request[] = [];

/** Pieces of 1 MiB that were asked for. */
let given = 0;
async function* long(pieces: number): AsyncGenerator<Uint8Array> {
  for (given = 0; given < pieces; given += 1) yield new Uint8Array(1024 * 1024).fill(given);
}

async function application(request: Request): Promise<Response> {
  seen.push(request);
  const { pathname } = new URL(request.url);
  if (pathname === '/stream') {
    return new Response(
      toReadableStream(
        (async function* () {
          for (const word of ['one', 'two', '[DONE]']) yield new TextEncoder().encode(`data: ${word}\n\n`);
        })(),
      ),
      { headers: { 'content-type': 'text/event-stream' } },
    );
  }
  if (pathname === '/long') {
    const [pieces = 0] = new URL(request.url).searchParams.getAll('pieces').map(Number);
    return new Response(toReadableStream(long(pieces)), { headers: { 'content-type': 'application/octet-stream' } });
  }
  if (pathname === '/empty') return new Response(null, { status: 204 });
  return Response.json(
    { path: pathname, body: await request.text(), channel: request.headers.get('assay-channel') },
    { status: 201 },
  );
}

beforeAll(async () => {
  keys = await ChannelKeys.generate(NOW / 1000 + 60);
  options = { keys, handle: application, now: () => NOW, maxRequestBytes: 100_000 };
});

function sealed(
  spoil: (response: Response) => Response | Promise<Response> = (response) => response,
  keyIndex = 0,
): typeof fetch {
  const config = parseKeyConfigs(keys.configuration(NOW / 1000))[keyIndex]!;
  return createSealedFetch({
    config,
    gateway: new URL('http://agent.test/ohttp'),
    fetch: async (input, init) => spoil(await answerEncapsulated(new Request(input as URL, init), options)),
  });
}

describe.each([0, 1])('with key %i', (index) => {
  it('carries a request and a streamed answer', async () => {
    const answer = await sealed(undefined, index)('http://agent.test/v1/echo?a=1', {
      method: 'POST',
      body: 'hello',
      headers: { 'assay-channel': 'forged' },
    });
    expect(answer.status).toBe(201);
    expect(await answer.json()).toEqual({ path: '/v1/echo', body: 'hello', channel: 'ohttp' });
    const stream = await sealed(undefined, index)('http://agent.test/stream');
    expect(stream.headers.get('content-type')).toBe('text/event-stream');
    expect(await stream.text()).toBe('data: one\n\ndata: two\n\ndata: [DONE]\n\n');
  });
});

it.each([
  ['/v1/chat/completions', '/v1/chat/completions'],
  ['/', '/'],
  ['/a/./b/../c', '/a/c'],
  ['/%2e%2e/a%20b', '/a%20b'],
  ['//elsewhere.test/x', '//elsewhere.test/x'],
  ['/v1/', '/v1/'],
  ['/v1/x;y=1,2', '/v1/x;y=1,2'],
])('the application sees path %s as %s', async (path, expected) => {
  const message = encodeRequest({ method: 'POST', scheme: 'http', authority: 'a', path, headers: [], body: new Uint8Array(3) });
  const { bytes } = await encapsulateRequest(parseKeyConfigs(keys.configuration(NOW / 1000))[0]!, message);
  await answerEncapsulated(
    new Request('http://agent.test/ohttp', {
      method: 'POST',
      body: bytes as BodyInit,
      headers: { 'content-type': MEDIA_TYPES.request },
    }),
    options,
  );
  const { pathname, host } = new URL(seen.at(-1)!.url);
  expect([host, pathname]).toEqual(['enclave.invalid', expected]);
  expect(seen.at(-1)!.headers.get('content-length')).toBe('3');
});

it('carries a long answer in several chunks', async () => {
  const long = 'x'.repeat(1_500_000);
  const answer = await sealed()('http://agent.test/v1/echo', { method: 'POST', body: long.slice(0, 90_000) });
  expect(((await answer.json()) as { body: string }).body.length).toBe(90_000);
  const wide = { ...options, maxRequestBytes: 2_000_000 };
  const send = createSealedFetch({
    config: parseKeyConfigs(keys.configuration(NOW / 1000))[0]!,
    gateway: new URL('http://agent.test/ohttp'),
    fetch: async (input, init) => answerEncapsulated(new Request(input as URL, init), wide),
  });
  const large = (await (await send('http://agent.test/v1/echo', { method: 'POST', body: long })).json()) as { body: string };
  expect(large.body === long).toBe(true);
});

it('carries an answer without a body', async () => {
  expect((await sealed()('http://agent.test/empty')).status).toBe(204);
});

it.each([
  ['an answer in clear', () => Response.json({ fake: true }), 'channel/response-unencrypted'],
  ['an error in clear', () => new Response('bad gateway', { status: 502 }), 'channel/response-unencrypted'],
])('the client refuses %s', async (_name, spoil, code) => {
  await expect(sealed(spoil)('http://agent.test/x')).rejects.toMatchObject({ code });
});

it('the client refuses a stream that was cut anywhere', async () => {
  for (const cut of [1, 20, 40, 60]) {
    const spoil = async (response: Response): Promise<Response> => {
      const bytes = new Uint8Array(await response.arrayBuffer());
      return new Response(bytes.subarray(0, bytes.length - cut), response);
    };
    await expect(sealed(spoil)('http://agent.test/stream').then((answer) => answer.text())).rejects.toHaveProperty('code');
  }
});

describe('the gateway refuses', () => {
  const message = encodeRequest({
    method: 'GET',
    scheme: 'http',
    authority: 'a',
    path: '/x',
    headers: [],
    body: new Uint8Array(0),
  });
  const post = (bytes: Uint8Array, type: string = MEDIA_TYPES.request): Promise<Response> =>
    answerEncapsulated(
      new Request('http://agent.test/ohttp', { method: 'POST', body: bytes as BodyInit, headers: { 'content-type': type } }),
      options,
    );
  const code = async (answer: Response): Promise<string> => ((await answer.json()) as { code: string }).code;

  it('a replay', async () => {
    const { bytes } = await encapsulateRequest(parseKeyConfigs(keys.configuration(NOW / 1000))[0]!, message);
    expect((await post(bytes)).status).toBe(200);
    const count = seen.length;
    const again = await post(bytes);
    expect(again.status).toBe(409);
    expect(await code(again)).toBe('channel/replayed');
    expect(seen.length).toBe(count);
  });

  it.each([
    ['CONNECT', '/x', []],
    ['TRACE', '/x', []],
    ['TRACK', '/x', []],
    ['GET', 'x', []],
    ['POST', '/x', [['x-a', '\u20ac']]],
  ] as const)('%s %s with headers %j', async (method, path, headers) => {
    const bad = encodeRequest({ method, scheme: 'http', authority: 'a', path, headers, body: new Uint8Array(0) });
    const count = seen.length;
    const answer = await post((await encapsulateRequest(parseKeyConfigs(keys.configuration(NOW / 1000))[0]!, bad)).bytes);
    expect(answer.status).toBe(400);
    expect(await code(answer)).toBe('channel/message-malformed');
    expect(seen.length).toBe(count);
  });

  it('another content type, an oversize body, garbage, and an expired key', async () => {
    expect((await post(new Uint8Array(9), 'application/json')).status).toBe(415);
    expect(await code(await post(new Uint8Array(200_000)))).toBe('channel/oversize');
    expect(await code(await post(new Uint8Array(3)))).toBe('channel/truncated');
    expect(await code(await post(new Uint8Array(90)))).toBe('channel/key-unknown');
    const { bytes } = await encapsulateRequest(parseKeyConfigs(keys.configuration(NOW / 1000))[0]!, message);
    const late = await answerEncapsulated(
      new Request('http://agent.test/ohttp', {
        method: 'POST',
        body: bytes as BodyInit,
        headers: { 'content-type': MEDIA_TYPES.request },
      }),
      { ...options, now: () => NOW + 3_600_000 },
    );
    expect(await code(late)).toBe('channel/key-unknown');
  });
});

describe('a long answer', () => {
  it('goes out as it is read, and stops with its reader', async () => {
    const answer = await sealed()('http://agent.test/long?pieces=200');
    const reader = answer.body!.getReader();
    expect((await reader.read()).value?.[0]).toBe(0);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(given).toBeLessThan(8);
    await reader.cancel();
    const whole = await (await sealed()('http://agent.test/long?pieces=5')).arrayBuffer();
    expect(whole.byteLength).toBe(5 * 1024 * 1024);
  });

  it('http/answer-too-large in the form of one message, without reading on', async () => {
    const config = parseKeyConfigs(keys.configuration(NOW / 1000))[0]!;
    const ask = async (pieces: number): Promise<Response> => {
      const message = encodeRequest({
        method: 'GET',
        scheme: 'http',
        authority: 'agent.test',
        path: `/long?pieces=${pieces}`,
        headers: [],
        body: new Uint8Array(),
      });
      const { bytes } = await encapsulateRequest(config, message);
      const headers = { 'content-type': MEDIA_TYPES.request };
      return answerEncapsulated(
        new Request('http://agent.test/ohttp', { method: 'POST', headers, body: bytes as BodyInit }),
        options,
      );
    };
    expect((await (await ask(3)).arrayBuffer()).byteLength).toBeGreaterThan(3 * 1024 * 1024);
    await expect(ask(300)).rejects.toMatchObject({ code: 'http/answer-too-large' });
    expect(given).toBeLessThan(70);
  });
});
