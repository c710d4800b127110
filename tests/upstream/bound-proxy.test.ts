/** The verifying proxy over channels that end in the TEE: pinned TLS keys, sealed fields, and a party in between. */

import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { fakeTls, type RedpillLie } from '@assay/testing';
import { openUpstream } from 'assay';
import { describe, expect, onTestFinished, test } from 'vitest';
import { MODEL, messages, start, streamed, verifyOffline } from './proxy-line.ts';

const outcome = (checks: readonly { readonly id: string; readonly outcome: string }[], id: string): string | undefined =>
  checks.find((check) => check.id === id)?.outcome;

test('a pinned TLS key is a check that passed; without one the verdict says what is open', async () => {
  const { upstream, openai, kept } = await start({ tls: true }, 'bound', 'near-ai');
  expect(await streamed(openai)).toContain('42');
  await expect.poll(() => kept.length).toBe(1);
  const { checks, limits } = upstream.verdict;
  expect([outcome(checks, 'channel.tls-key'), outcome(checks, 'channel.sealed')]).toEqual(['pass', 'not-checked']);
  expect(limits.join()).not.toContain('not for the connection');
  const open = (await start({ tls: true })).upstream.verdict;
  expect(outcome(open.checks, 'channel.tls-key')).toBe('not-checked');
  expect(open.limits.join()).toContain('not for the connection');
});

test('somebody else at that address gets no byte of the question', async () => {
  const { openai, server, events } = await start({ tls: true }, 'any', 'dstack-vllm');
  await streamed(openai);
  server.lie = 'wrong-tls-key';
  await sleep(50);
  const before = server.requests.length;
  await expect(streamed(openai)).rejects.toMatchObject({ status: 502, code: 'channel/tls-key-mismatch' });
  expect(server.requests).toHaveLength(before);
  await expect(streamed(openai)).rejects.toMatchObject({ code: 'channel/tls-key-mismatch' });
  expect(server.prompts()).toHaveLength(1);
  expect(events).toContainEqual(expect.objectContaining({ type: 'refused', code: 'channel/tls-key-mismatch' }));
  server.lie = null;
  await sleep(50);
  expect(await streamed(openai)).toContain('42');
});

test('somebody who relays the genuine, fresh report reads nothing but what verification sends', async () => {
  const { server, opening } = await start({ tls: true });
  const { keyPem, certificatePem } = await fakeTls('in the middle');
  const read: string[] = [];
  const middle = createServer({ key: keyPem, cert: certificatePem }, async (request, response) => {
    const body: Buffer[] = [];
    for await (const piece of request) body.push(piece as Buffer);
    read.push(`${request.method} ${request.url} ${Buffer.concat(body).toString()}`);
    const headers = { authorization: String(request.headers.authorization) };
    const init = body.length === 0 ? { headers } : { method: 'POST', headers, body: Buffer.concat(body) };
    const answer = await opening.dialer.open(`${server.origin}${request.url}`, init);
    response.writeHead(answer.status).end(Buffer.from(await answer.arrayBuffer()));
  });
  await new Promise<void>((resolve) => middle.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void middle.close());
  const url = new URL(`https://127.0.0.1:${(middle.address() as AddressInfo).port}`);
  const ask = (pinning: 'near-ai' | 'redpill') =>
    openUpstream(url, opening, pinning).then((upstream) =>
      upstream.forward(
        new Request('http://127.0.0.1:1/v1/chat/completions', {
          method: 'POST',
          body: JSON.stringify({ model: MODEL, messages }),
        }),
      ),
    );
  await expect(ask('near-ai')).rejects.toMatchObject({ code: 'channel/tls-key-mismatch' });
  expect(read.some((line) => line.includes('/v1/attestation/report'))).toBe(true);
  expect(read.join()).not.toContain('secret');
  await ask('redpill'); // without the TLS form it is not noticed: the table can fail
  expect(read.join()).toContain('secret');
});

test('a bound channel where the service offers none: refused before any prompt', async () => {
  const { server, opening } = await start();
  await expect(openUpstream(new URL(server.origin), { ...opening, channel: 'bound' }, 'redpill')).rejects.toMatchObject({
    code: 'service/channel-unbound',
    message: expect.stringContaining('no prompt was sent'),
  });
  expect(server.prompts()).toEqual([]);
});

describe.each(['ecdsa', 'ed25519'] as const)('sealed, %s', (algorithm) => {
  test('an unmodified client asks in clear and is answered in clear; between proxy and TEE there is ciphertext', async () => {
    const { openai, server, kept, opening, upstream } = await start({ e2ee: true, algorithm }, 'sealed');
    expect(await streamed(openai)).toBe('Grüße aus dem Enclave: 42.');
    const whole = await openai.chat.completions.create({ model: MODEL, messages });
    expect(whole.choices[0]?.message.content).toBe('Grüße aus dem Enclave: 42.');
    expect(server.opened.map(({ messages: seen }) => seen)).toEqual([messages, messages]);
    expect(server.requests.map(({ body }) => Buffer.from(body).toString()).join()).not.toContain('secret');
    expect(outcome(upstream.verdict.checks, 'channel.sealed')).toBe('pass');
    await expect.poll(() => kept.length).toBe(2);
    for (const { bytes, summary } of kept) {
      expect(summary).toContain('sealed answer');
      expect(Buffer.from(bytes).toString()).not.toContain('secret');
      expect(await verifyOffline(bytes, opening)).toMatchObject({ outcome: 'accepted' });
    }
  });

  test.each<[RedpillLie, string]>([
    ['answer-in-clear', 'e2ee/answer-in-clear'],
    ['unsealed-field', 'e2ee/open-failed'],
    ['tool-call-in-clear', 'e2ee/answer-in-clear'],
    ['foreign-fields', 'e2ee/open-failed'],
    ['resealed-answer', 'answer/response-mismatch'],
  ])('%s: the answer ends in an error and leaves no proof', async (lie, code) => {
    const { server, openai, kept, events } = await start({ e2ee: true, algorithm }, 'sealed');
    server.lie = lie;
    await expect(streamed(openai)).rejects.toThrow();
    await expect(openai.chat.completions.create({ model: MODEL, messages })).rejects.toMatchObject({ status: 502 });
    await expect.poll(() => JSON.stringify(events)).toContain(code);
    expect(kept).toEqual([]);
  });

  test('what cannot be sealed is not sent', async () => {
    const { server, openai } = await start({ e2ee: true, algorithm }, 'sealed');
    const tools = [{ type: 'function' as const, function: { name: 'secret' } }];
    await expect(openai.chat.completions.create({ model: MODEL, messages, tools })).rejects.toMatchObject({
      status: 502,
      code: 'e2ee/not-sealable',
    });
    expect(server.prompts()).toEqual([]);
  });
});
