/** Channels to signing services that end in the TEE: pinned TLS keys and sealed fields, and everybody who stands in between. */

import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { utf8 } from '@assay/encoding/bytes';
import { FAKE_NOW, type RedpillLie } from '@assay/testing';
import { describe, expect, test } from 'vitest';
import { ask, bodyOf, type Line, line, MODEL } from './redpill-line.ts';

const everything = ({ server }: Line): string =>
  server.requests.map(({ url, headers, body }) => url + JSON.stringify(headers) + Buffer.from(body).toString()).join();

describe('a pinned TLS key', () => {
  test.each(['flat', 'two-layer'] as const)('%s: is in the session, and every prompt goes to it', async (shape) => {
    const found = await line({ tls: true, shape, now: () => FAKE_NOW }, { genuine: true, channel: 'bound' });
    const { standing, proof } = await ask(found);
    if (standing.result === 'failed') return expect.unreachable(standing.reason);
    const { document } = standing.session;
    expect(document.channel_binding).toEqual([
      { type: 'tls_spki_sha256', origin: found.server.origin, spki_sha256: expect.stringMatching(/^[0-9a-f]{64}$/) },
    ]);
    expect(document.claims).toMatchObject({
      tee_attested: { status: 'asserted', source: 'hardware_proven', reason: expect.stringContaining('TLS key') },
    });
    expect(proof?.event).toMatchObject({ type: 'upstream.signed' });
    expect(proof?.event).not.toHaveProperty('sealed');
  });

  test("a simulator's key is pinned as well, and never reads as a TEE's", async () => {
    const { standing } = await ask(await line({ tls: true }));
    expect(standing).toMatchObject({
      session: {
        document: { channel_binding: [{ type: 'tls_spki_sha256' }], claims: { tee_attested: { status: 'unknown' } } },
      },
    });
  });

  test('somebody else at that address gets no byte of a prompt, and the service is verified again', async () => {
    const found = await line({ tls: true });
    const first = await ask(found);
    found.server.lie = 'wrong-tls-key';
    await sleep(50); // until connections that were kept open are known to be closed
    const before = found.server.requests.length;
    await expect(ask(found)).rejects.toMatchObject({ code: 'upstream/channel-mismatch' });
    expect(found.server.requests).toHaveLength(before);
    await expect(ask(found), 'a fresh report does not vouch for that key either').rejects.toMatchObject({
      code: 'upstream/channel-mismatch',
    });
    expect(found.server.requests.slice(before).map(({ url }) => url.replace(/\?.*/, ''))).toEqual(
      expect.arrayContaining(['/v1/attestation/report']),
    );
    expect(found.server.prompts()).toHaveLength(1);
    found.server.lie = null;
    await sleep(50);
    const again = await ask(found);
    expect(again.standing).not.toEqual(first.standing);
    expect(again.proof).not.toBeNull();
  });

  test('a fingerprint that the report data does not commit to is refused', async () => {
    const found = await line({ tls: true });
    found.server.lie = 'other-fingerprint';
    expect(await found.upstream.standing(MODEL)).toMatchObject({
      result: 'failed',
      reason: expect.stringContaining('combined/'),
    });
    expect(found.server.prompts()).toEqual([]);
  });

  test.each([{}, { tls: false, tlsFingerprint: new Uint8Array(32).fill(7) }])(
    'demanded where there is none: %j',
    async (options) => {
      const found = await line(options, { channel: 'bound' });
      expect(await found.upstream.standing(MODEL)).toMatchObject({
        result: 'failed',
        reason: expect.stringContaining('TLS key'),
      });
      await expect(ask(found)).rejects.toMatchObject({ code: 'upstream/not-verified' });
      expect(found.server.prompts()).toEqual([]);
    },
  );
});

describe.each(['ecdsa', 'ed25519'] as const)('sealed fields, %s', (algorithm) => {
  const start = (): Promise<Line> => line({ e2ee: true, algorithm }, { channel: 'sealed' });

  test.each([true, false])('prompts leave encrypted, answers come back in clear, streamed: %s', async (stream) => {
    const found = await start();
    const { standing, received, proof } = await ask(found, stream);
    if (standing.result === 'failed') return expect.unreachable(standing.reason);
    const text = new TextDecoder().decode(received);
    expect(
      text
        .match(/"content":"([^"]*)"/g)
        ?.join('')
        .replace(/"content":"|"/g, ''),
    ).toBe('Grüße aus dem Enclave: 42.');
    expect(found.server.opened).toMatchObject([{ model: MODEL, messages: [{ role: 'user', content: 'my secret' }], stream }]);
    expect(everything(found)).not.toContain('secret');
    const [prompt] = found.server.prompts();
    expect(standing.session.document.channel_binding).toEqual([
      {
        type: 'e2ee_public_key_sha256',
        provider: 'redpill',
        algorithm,
        public_key_sha256: createHash('sha256')
          .update(Buffer.from(String(prompt?.headers['x-model-pub-key']), 'hex'))
          .digest('hex'),
      },
    ]);
    expect(proof?.event).toMatchObject({
      type: 'upstream.signed',
      sealed: 'vllm-proxy-e2ee/2',
      request_hash: `sha256:${createHash('sha256')
        .update(prompt?.body ?? '')
        .digest('hex')}`,
    });
  });

  test.each<[string, unknown, unknown]>([
    ['text that is a JSON list', '["a"]', [{ type: 'text', text: '["a"]' }]],
    ['an empty text', '', ''],
    [
      'text parts',
      [
        { type: 'text', text: 'one' },
        { type: 'text', text: '' },
      ],
      [
        { type: 'text', text: 'one' },
        { type: 'text', text: '' },
      ],
    ],
    [
      'an image',
      [
        { type: 'text', text: 'see' },
        { type: 'image_url', image_url: { url: 'data:secret' } },
      ],
      [
        { type: 'text', text: 'see' },
        { type: 'image_url', image_url: { url: 'data:secret' } },
      ],
    ],
    ['nothing', null, null],
  ])('%s arrives as it was written', async (_name, content, seen) => {
    const found = await start();
    const messages = [
      { role: 'system', content: 'be kind' },
      { role: 'user', content },
    ];
    await ask(
      found,
      false,
      utf8(JSON.stringify({ model: MODEL, messages, temperature: 0.3, response_format: { type: 'json_object' } })),
    );
    expect(found.server.opened.at(-1).messages).toEqual([
      { role: 'system', content: 'be kind' },
      { role: 'user', content: seen },
    ]);
    expect(everything(found)).not.toMatch(/secret|kind/);
  });

  test.each<[string, object]>([
    ['tools', { tools: [{ type: 'function', function: { name: 'secret' } }] }],
    ['a stop word', { stop: ['secret'] }],
    ['a schema', { response_format: { type: 'json_schema', json_schema: { name: 'secret' } } }],
    ['a user', { user: 'secret' }],
    ['logprobs', { logprobs: true }],
    ['a tool call', { messages: [{ role: 'assistant', content: null, tool_calls: [{ function: { arguments: 'secret' } }] }] }],
    ['a name', { messages: [{ role: 'user', name: 'secret', content: 'x' }] }],
    ['content of another form', { messages: [{ role: 'user', content: { secret: 1 } }] }],
    ['no messages', { messages: [] }],
  ])('%s cannot be sealed, and nothing leaves', async (_name, change) => {
    const found = await start();
    const body = { model: MODEL, messages: [{ role: 'user', content: 'my secret' }], ...change };
    await expect(ask(found, false, utf8(JSON.stringify(body)))).rejects.toMatchObject({
      code: 'upstream/not-sealable',
      message: expect.stringContaining('e2ee/not-sealable'),
    });
    expect(found.server.prompts()).toEqual([]);
  });

  test('other routes than chat cannot be sealed', async () => {
    const found = await start();
    const standing = await found.upstream.standing(MODEL);
    const request = { path: '/v1/completions', body: bodyOf(false), signal: AbortSignal.timeout(5000) };
    await expect(found.upstream.forward(request, standing)).rejects.toMatchObject({ code: 'upstream/not-sealable' });
    expect(found.server.prompts()).toEqual([]);
  });

  test.each<[RedpillLie, string]>([
    ['answer-in-clear', 'e2ee/answer-in-clear'],
    ['unsealed-field', 'e2ee/open-failed'],
    ['tool-call-in-clear', 'e2ee/answer-in-clear'],
    ['foreign-fields', 'e2ee/open-failed'],
    ['resealed-answer', 'answer/response-mismatch'],
  ])('%s is refused', async (lie, reason) => {
    for (const stream of [true, false]) {
      const found = await start();
      found.server.lie = lie;
      await expect(ask(found, stream)).rejects.toMatchObject({
        code: 'upstream/proof-invalid',
        message: expect.stringContaining(reason),
      });
      expect(everything(found)).not.toContain('secret');
    }
  });

  test('a key beside the quote is not sealed to', async () => {
    const found = await start();
    found.server.lie = 'other-public-key';
    await expect(ask(found)).rejects.toMatchObject({
      code: 'upstream/not-verified',
      message: expect.stringContaining('combined/public-key-mismatch'),
    });
    expect(found.server.prompts()).toEqual([]);
  });

  test('a service that knows no encryption gets ciphertext, and its answer is refused', async () => {
    const found = await line({ algorithm }, { channel: 'sealed' });
    await expect(ask(found)).rejects.toMatchObject({ message: expect.stringContaining('e2ee/answer-in-clear') });
    expect(everything(found)).not.toContain('secret');
  });

  test('requests are single-use: the service notices a repeated one', async () => {
    const found = await start();
    await ask(found, false);
    const [prompt] = found.server.prompts();
    const again = await fetch(`${found.server.origin}/v1/chat/completions`, {
      method: 'POST',
      headers: Object.entries(prompt?.headers ?? {}).flatMap(([name, value]): [string, string][] =>
        /^x-|^auth|^content-type/.test(name) ? [[name, String(value)]] : [],
      ),
      body: prompt?.body as BodyInit,
    });
    expect([again.status, await again.json()]).toMatchObject([400, { error: { type: 'e2ee_replay_detected' } }]);
  });
});

test('sealed over a pinned connection: both are in the session', async () => {
  const found = await line({ tls: true, e2ee: true }, { channel: 'sealed' });
  const { standing } = await ask(found);
  expect(standing).toMatchObject({
    session: { document: { channel_binding: [{ type: 'tls_spki_sha256' }, { type: 'e2ee_public_key_sha256' }] } },
  });
});
