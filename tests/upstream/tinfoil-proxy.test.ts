/** The verifying proxy in front of a Tinfoil-style enclave: an unmodified OpenAI client, sealed prompts, lies, and platforms without pinning. */

import { setTimeout as sleep } from 'node:timers/promises';
import { DEFAULT_POLICY } from '@assay/attestation';
import { createTlsDialer } from '@assay/channel/tls';
import { startTinfoilServer, type TinfoilLie, type TinfoilServerOptions } from '@assay/testing';
import { createVerifyingProxy, openUpstream, type ProxyEvent, type UpstreamOptions } from 'assay';
import OpenAI from 'openai';
import { expect, onTestFinished, test } from 'vitest';

const MODEL = 'llama3-3-70b';
const messages = [{ role: 'user' as const, content: 'my secret question' }];

async function start(options: TinfoilServerOptions = {}, more: Partial<UpstreamOptions> = {}) {
  const server = await startTinfoilServer({ apiKey: 'upstream-key', ...options });
  onTestFinished(server.close);
  const [simulatedRoot] = await server.anchors();
  if (simulatedRoot === undefined) throw new Error('the stand-in has a root');
  const dialer = createTlsDialer({ authorities: server.authorities });
  const trust = {
    trust: { simulatedRoot },
    apiKey: 'upstream-key',
    collateral: { services: { intel: server.origin } },
    dialer,
    ...more,
  };
  const open = () => openUpstream(new URL(server.origin), trust, 'tinfoil');
  return { server, trust, open };
}

async function connected(options: TinfoilServerOptions = {}, more: Partial<UpstreamOptions> = {}) {
  const found = await start(options, more);
  const upstream = await found.open();
  const events: ProxyEvent[] = [];
  const handle = createVerifyingProxy({ upstream, keep: async () => undefined, onEvent: (event) => void events.push(event) });
  const openai = new OpenAI({
    apiKey: 'anything',
    baseURL: 'http://127.0.0.1:1/v1',
    maxRetries: 0,
    fetch: (input, init) => handle(new Request(input as RequestInfo, init)),
  });
  const ask = async (): Promise<string> => {
    let text = '';
    for await (const chunk of await openai.chat.completions.create({ model: MODEL, messages, stream: true }))
      text += chunk.choices[0]?.delta.content ?? '';
    return text;
  };
  return { ...found, upstream, events, openai, ask };
}

test('an unmodified client is answered; between proxy and enclave there is ciphertext', async () => {
  const { server, upstream, openai, ask, events } = await connected();
  expect(await ask()).toBe('Grüße aus dem Enclave: 42.');
  const tools = [{ type: 'function' as const, function: { name: 'secret' } }];
  const whole = await openai.chat.completions.create({ model: MODEL, messages, tools });
  expect(whole.choices[0]?.message.content).toBe('Grüße aus dem Enclave: 42.');
  expect(server.opened.map(({ messages: seen }) => seen)).toEqual([messages, messages]);
  expect(server.plain()).toEqual([]);
  expect(server.requests.map(({ body }) => Buffer.from(body).toString('latin1')).join()).not.toContain('secret');
  const { checks, limits } = upstream.verdict;
  expect(checks.filter(({ id }) => id.startsWith('channel.')).map(({ id, outcome, actual }) => [id, outcome, actual])).toEqual([
    ['channel.tls-key', 'pass', server.tlsKey],
    ['channel.sealed', 'pass', server.hpkeKey],
  ]);
  expect(limits.join()).toContain('answers there are not signed');
  expect((await openai.models.list()).data.map(({ id }) => id)).toEqual([MODEL]);
  await expect.poll(() => events.map(({ type }) => type)).toContain('unproved');
});

test('where TLS keys cannot be seen the prompt is sealed all the same, and the check says what was not made', async () => {
  const found = await start();
  const { dialer, ...trust } = found.trust;
  const upstream = await openUpstream(new URL(found.server.origin), { ...trust, fetch: dialer.open }, 'tinfoil');
  const body = JSON.stringify({ model: MODEL, messages });
  const { response } = await upstream.forward(new Request('http://127.0.0.1:1/v1/chat/completions', { method: 'POST', body }));
  expect(await response.text()).toContain('42');
  expect(upstream.verdict.checks.find(({ id }) => id === 'channel.tls-key')?.outcome).toBe('not-checked');
  expect(found.server.plain()).toEqual([]);
  found.server.lie = 'wrong-tls-key'; // somebody in the middle relays what he cannot read
  await sleep(50);
  const again = await upstream.forward(new Request('http://127.0.0.1:1/v1/chat/completions', { method: 'POST', body }));
  expect(await again.response.text()).toContain('42');
  expect(found.server.requests.map((seen) => Buffer.from(seen.body).toString('latin1')).join()).not.toContain('secret');
});

test.each<TinfoilLie>([
  'stale',
  'stale-edited',
  'other-tls-key',
  'other-hpke-key',
  'boot-document',
  'dummy-document',
  'tampered-report',
  'debug',
  'no-document',
])('%s: nothing is opened, and no prompt leaves', async (lie) => {
  const { server, open } = await start();
  server.lie = lie;
  await expect(open()).rejects.toMatchObject({
    code: expect.stringMatching(/^(client\/attestation-refused|service\/refused)$/),
  });
  expect(server.opened).toEqual([]);
});

test('a measurement that the policy does not list is refused', async () => {
  const policy = { ...DEFAULT_POLICY, measurements: [{ values: { mrtd: ['ff'.repeat(48)] } }] };
  const { server, open } = await start({}, { policy });
  await expect(open()).rejects.toMatchObject({
    code: 'client/attestation-refused',
    message: expect.stringContaining('measurement'),
  });
  expect(server.opened).toEqual([]);
});

test.each<[TinfoilLie, string]>([
  ['wrong-tls-key', 'channel/tls-key-mismatch'],
  ['answer-in-clear', 'channel/response-unencrypted'],
  ['bad-response-nonce', 'channel/message-malformed'],
  ['tampered-answer', 'channel/decryption-failed'],
  ['truncated-answer', 'channel/truncated'],
  ['foreign-answer', 'channel/decryption-failed'],
  ['rotated-hpke-key', 'channel/key-unknown'],
])('%s: the answer ends in an error', async (lie, code) => {
  const { server, ask, events } = await connected();
  await ask();
  server.lie = lie;
  await sleep(50);
  await expect(ask()).rejects.toThrow();
  await expect.poll(() => events).toContainEqual(expect.objectContaining({ type: 'refused', code }));
  expect(server.plain()).toEqual([]);
  server.lie = null;
  await sleep(50);
  expect(await ask()).toContain('42');
});

test('an enclave that does not know the key any more is verified again, and the prompt is sealed again', async () => {
  const { server, trust } = await start();
  let documents = 0;
  const open: typeof fetch = (...request) => {
    documents += String(request[0]).includes('tinfoil-attestation') ? 1 : 0;
    if (documents === 2) server.lie = null; // from here on the key is the attested one
    return trust.dialer.open(...request);
  };
  const upstream = await openUpstream(new URL(server.origin), { ...trust, dialer: { ...trust.dialer, open } }, 'tinfoil');
  server.lie = 'rotated-hpke-key';
  const body = JSON.stringify({ model: MODEL, messages });
  const { response } = await upstream.forward(new Request('http://127.0.0.1:1/v1/chat/completions', { method: 'POST', body }));
  expect(await response.text()).toContain('42');
  expect([documents, server.opened.length, server.plain()]).toEqual([2, 1, []]);
});

test('a prompt that is no JSON is not sent', async () => {
  const { server, upstream } = await connected();
  const request = new Request('http://127.0.0.1:1/v1/chat/completions', { method: 'POST', body: 'my secret' });
  await expect(upstream.forward(request)).rejects.toMatchObject({ code: 'e2ee/not-sealable' });
  expect(server.opened).toEqual([]);
});
