import { type OpenAiServerOptions, type ScriptedAnswer, startOpenAiServer } from '@assay/testing';
import { afterEach, expect, test } from 'vitest';
import { ServerError } from '../../errors.ts';
import type { Model } from '../../ports/model.ts';
import { createOpenAiCompatible, type OpenAiCompatibleOptions } from './openai-compatible.ts';

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

async function start(
  answers: OpenAiServerOptions['answers'],
  more: Partial<OpenAiServerOptions> = {},
  options: Partial<OpenAiCompatibleOptions> = {},
) {
  const server = await startOpenAiServer({ answers, ...more });
  closing.push(server.close);
  return { server, model: modelAt(server.base, options) };
}

function modelAt(base: string, options: Partial<OpenAiCompatibleOptions> = {}): Model {
  return createOpenAiCompatible({
    provider: 'ollama',
    base,
    apiKey: null,
    model: 'gemma3:4b',
    temperature: 0.3,
    maxTokens: 2000,
    maxTokensName: 'max_tokens',
    timeoutMs: 5000,
    pauseMs: 5,
    ...options,
  });
}

const ask = { messages: [{ role: 'user', content: 'Größe?' }] } as const;
const good: ScriptedAnswer = { kind: 'text', text: 'Grüße, 世界 🌍' };

test('a streamed reply: text in order, usage, and the exact bytes of both directions', async () => {
  const { server, model } = await start([good], { pieceLength: 3 });
  const pieces: string[] = [];
  const reply = await model.complete({ ...ask, onText: (text) => pieces.push(text) });
  expect(reply.text).toBe('Grüße, 世界 🌍');
  expect(pieces.join('')).toBe(reply.text);
  expect(pieces.length).toBeGreaterThan(2);
  expect(reply.requestBytes).toEqual(server.requests[0]?.bodyBytes);
  expect(reply.responseBytes).toEqual(server.replies[0]);
  expect(reply).toMatchObject({
    model: 'gemma3:4b',
    finishReason: 'stop',
    provenance: { kind: 'unverified', provider: 'ollama' },
  });
  expect(reply.usage.totalTokens).toBeGreaterThan(0);
  expect(server.requests[0]?.body).toMatchObject({ model: 'gemma3:4b', temperature: 0.3, max_tokens: 2000, stream: true });
});

test('an endpoint that never streams', async () => {
  const { model } = await start([good], { neverStream: true });
  const pieces: string[] = [];
  expect((await model.complete({ ...ask, onText: (text) => pieces.push(text) })).text).toBe('Grüße, 世界 🌍');
  expect(pieces).toEqual(['Grüße, 世界 🌍']);
});

test('an endpoint that does not know stream_options', async () => {
  const { server, model } = await start((request) =>
    'stream_options' in request.body ? { kind: 'error', status: 400, message: 'unknown field stream_options' } : good,
  );
  expect((await model.complete(ask)).text).toBe('Grüße, 世界 🌍');
  expect(server.requests).toHaveLength(2);
});

test('the name of the token limit follows the provider', async () => {
  const { server, model } = await start([good], {}, { maxTokensName: 'max_completion_tokens', maxTokens: 7 });
  await model.complete(ask);
  expect(server.requests[0]?.body).toMatchObject({ max_completion_tokens: 7 });
  expect(server.requests[0]?.body).not.toHaveProperty('max_tokens');
});

test.each([429, 500, 502, 503, 504])('HTTP %i is tried again', async (status) => {
  const { server, model } = await start([{ kind: 'error', status }, good]);
  expect((await model.complete(ask)).text).toBe('Grüße, 世界 🌍');
  expect(server.requests).toHaveLength(2);
});

test('Retry-After is waited for', async () => {
  const { model } = await start([{ kind: 'error', status: 429, headers: { 'retry-after': '0.3' } }, good]);
  const begun = performance.now();
  await model.complete(ask);
  expect(performance.now() - begun).toBeGreaterThan(280);
});

const failures: readonly { name: string; answer: ScriptedAnswer; code: string; requests?: number; message?: RegExp }[] = [
  {
    name: 'rate-limited for an hour',
    answer: { kind: 'error', status: 429, headers: { 'retry-after': '3600' } },
    code: 'model/rate-limited',
    requests: 1,
  },
  {
    name: 'out of order',
    answer: { kind: 'error', status: 500, message: 'llama runner process has terminated' },
    code: 'model/unreachable',
    requests: 4,
    message: /runner process/,
  },
  {
    name: 'no such model',
    answer: { kind: 'error', status: 404, message: 'model not found, try pulling it first' },
    code: 'model/bad-reply',
    requests: 1,
    message: /AI_MODEL/,
  },
  {
    name: 'a bad request',
    answer: { kind: 'error', status: 400, message: 'bad prompt' },
    code: 'model/bad-reply',
    requests: 1,
  },
  { name: 'cut in the middle', answer: { kind: 'cut', text: 'half of it' }, code: 'model/bad-reply' },
  {
    name: 'a stream that just ends',
    answer: { kind: 'unfinished', text: 'half of it' },
    code: 'model/bad-reply',
    message: /middle/,
  },
  { name: 'a 5 MB line', answer: { kind: 'long-line', bytes: 5_000_000 }, code: 'model/too-large' },
  {
    name: 'a 40 MB document',
    answer: { kind: 'raw', contentType: 'application/json', body: ' '.repeat(40_000_000) },
    code: 'model/too-large',
  },
  {
    name: 'a web page',
    answer: { kind: 'raw', contentType: 'text/html', body: '<html>' },
    code: 'model/bad-reply',
    message: /OpenAI-compatible/,
  },
  {
    name: 'JSON without choices',
    answer: { kind: 'raw', contentType: 'application/json', body: '{"ok":true}' },
    code: 'model/bad-reply',
  },
  {
    name: 'an error in the stream',
    answer: { kind: 'raw', contentType: 'text/event-stream', body: 'data: {"error":{"message":"overloaded"}}\n\n' },
    code: 'model/bad-reply',
    message: /overloaded/,
  },
  {
    name: 'a stream of rubbish',
    answer: { kind: 'raw', contentType: 'text/event-stream', body: 'data: {nonsense\n\n' },
    code: 'model/bad-reply',
  },
  {
    name: 'bytes that are not text',
    answer: { kind: 'raw', contentType: 'text/event-stream', body: new Uint8Array([100, 97, 116, 97, 58, 255, 254, 10, 10]) },
    code: 'model/bad-reply',
  },
  { name: 'a filtered answer', answer: { kind: 'text', text: '', finishReason: 'content_filter' }, code: 'model/refused' },
];

test.each(failures)('$name: $code', async ({ answer, code, requests, message }) => {
  const { server, model } = await start([answer]);
  const error = await model.complete(ask).catch((reason: unknown) => reason);
  expect(ServerError.is(error) && error.code).toBe(code);
  if (message !== undefined) expect((error as Error).message).toMatch(message);
  if (requests !== undefined) expect(server.requests).toHaveLength(requests);
});

test('a model that never answers times out', async () => {
  const { model } = await start([{ kind: 'silence' }], {}, { timeoutMs: 150 });
  await expect(model.complete(ask)).rejects.toMatchObject({ code: 'model/timeout' });
});

test('cancelling ends the call', async () => {
  const { model } = await start([{ kind: 'silence' }]);
  await expect(model.complete({ ...ask, signal: AbortSignal.timeout(50) })).rejects.toMatchObject({ code: 'task/cancelled' });
});

test('a model server that does not answer', async () => {
  const { server } = await start([good]);
  await closing.pop()?.();
  const model = modelAt(server.base);
  await expect(model.complete(ask)).rejects.toMatchObject({
    code: 'model/unreachable',
    message: expect.stringMatching(/AI generator not available/),
  });
  expect((await model.probe()).reachable).toBe(false);
});

test('a wrong key is reported without the key', async () => {
  const { server } = await start([good], { apiKey: 'sk-right' });
  const model = modelAt(server.base, { apiKey: 'sk-wrong-secret' });
  const error = (await model.complete(ask).catch((reason: unknown) => reason)) as ServerError;
  expect(error.code).toBe('model/unauthorized');
  expect(JSON.stringify([error.message, error.details])).not.toContain('wrong');
});

test('a redirect is not followed', async () => {
  const { server, model } = await start([
    { kind: 'error', status: 307, headers: { location: 'http://127.0.0.1:1/elsewhere' } },
  ]);
  await expect(model.complete(ask)).rejects.toMatchObject({ code: 'model/unreachable' });
  expect(server.requests).toHaveLength(1);
});

test('probe names the model, or what there is instead', async () => {
  const { server, model } = await start([good], { models: ['gemma3:4b', 'qwen3:8b'] });
  expect(await model.probe()).toEqual({ reachable: true, detail: `gemma3:4b at ${server.base}` });
  expect((await modelAt(server.base, { model: 'none' }).probe()).detail).toMatch(
    /does not list none; it has gemma3:4b, qwen3:8b/,
  );
});
