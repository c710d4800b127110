/**
 * The kind: what passes by itself is asked again within the time of one completion, by a clock that is held in the test's hand; what does
 * not pass is reported at once, in the provider's words.
 */

import { type ScriptedAnswer, startOpenAiServer } from '@assay/testing';
import { expect, onTestFinished, test, vi } from 'vitest';
import { ServerError } from '../../errors.ts';
import { createOpenAiCompatible, type OpenAiCompatibleOptions } from './openai-compatible.ts';
import { type Pacing, systemPacing } from './patience.ts';

const TIMEOUT_MS = 600_000;
const ask = { messages: [{ role: 'user', content: 'Go' }] } as const;
const good: ScriptedAnswer = { kind: 'text', text: 'good' };

/** Pauses pass at once and are noted; the deadline comes when their sum reaches it, or when the test says so. */
class HeldClock implements Pacing {
  time = Date.parse('2026-01-01T00:00:00Z');
  readonly pauses: number[] = [];
  readonly #deadlines: { readonly at: number; readonly ring: () => void }[] = [];

  readonly now = (): number => this.time;

  readonly sleep = (ms: number): Promise<void> => {
    if (ms === TIMEOUT_MS) return new Promise((ring) => this.#deadlines.push({ at: this.time + ms, ring }));
    this.pauses.push(ms);
    this.advance(ms);
    return Promise.resolve();
  };

  advance(ms: number): void {
    this.time += ms;
    for (const { at, ring } of this.#deadlines) if (at <= this.time) ring();
  }
}

async function start(answers: readonly ScriptedAnswer[], options: Partial<OpenAiCompatibleOptions> = {}) {
  const server = await startOpenAiServer({ answers });
  onTestFinished(server.close);
  const clock = new HeldClock();
  const model = createOpenAiCompatible({
    ...{ provider: 'custom', base: server.base, apiKey: null, model: 'm', temperature: 0.3, maxTokens: 100 },
    ...{ maxTokensName: 'max_tokens', timeoutMs: TIMEOUT_MS, pacing: clock, ...options },
  });
  return { server, clock, model };
}

const status = (code: number, message = 'no', headers: Readonly<Record<string, string>> = {}): ScriptedAnswer => ({
  kind: 'error',
  status: code,
  message,
  headers,
});
const stream = (data: string, ending: 'end' | 'reset' = 'end'): ScriptedAnswer => ({
  kind: 'wire',
  pieces: ['data: {"choices":[{"index":0,"delta":{"content":"NO"}}]}\n\n', data],
  ending,
});
const errorIn = (error: object): ScriptedAnswer => stream(`data: ${JSON.stringify({ error })}\n\n`);
const json = (code: number, body: object): ScriptedAnswer => ({
  kind: 'raw',
  contentType: 'application/json',
  status: code,
  body: JSON.stringify(body),
});

const temporary: readonly (readonly [string, readonly ScriptedAnswer[]])[] = [
  ...[408, 409, 425, 429, 500, 502, 503, 504, 520, 529].map(
    (code) => [`HTTP ${code}, twice`, [status(code), status(code)]] as const,
  ),
  ['a reset before the first byte, twice', [{ kind: 'reset' }, { kind: 'reset' }]],
  ['a reset in the middle', [stream('', 'reset')]],
  ['a stream that just ends', [stream('')]],
  ['an empty answer', [{ kind: 'raw', contentType: 'text/event-stream', body: '' }]],
  ['an error object in the stream', [errorIn({ message: 'Internal server error', code: 502 })]],
  ['a rate limit in the stream', [errorIn({ message: 'Rate limit exceeded', code: 429 })]],
  ['an overload in the stream', [errorIn({ type: 'overloaded_error', message: 'Overloaded' })]],
  ['an error without a code', [errorIn({ message: 'Provider returned error' })]],
  ['an error in words alone', [stream('data: {"error":"upstream went away"}\n\n')]],
  ['an event named error', [stream('event: error\ndata: {"message":"worker died"}\n\n')]],
  ['an error field', [stream('error: {"code":500,"message":"slot failed"}\n\n')]],
  [
    'an error in the choice',
    [stream('data: {"choices":[{"index":0,"error":{"code":502,"message":"lost"},"finish_reason":"error"}]}\n\n')],
  ],
  ['finish_reason error', [stream('data: {"choices":[{"index":0,"delta":{},"finish_reason":"error"}]}\n\ndata: [DONE]\n\n')]],
  ['a document with an error', [json(200, { error: { message: 'bad gateway', code: 502 } })]],
  ['a model that loads, eight times', Array.from({ length: 8 }, () => status(503, 'Loading model'))],
  ['a model that loads, said with 500', Array.from({ length: 8 }, () => status(500, 'llm server loading model'))],
  ['a queue, ten times', Array.from({ length: 10 }, () => status(503, 'server busy, please try again'))],
];

test.each(temporary)('%s: asked again', async (_, answers) => {
  const { server, model } = await start([...answers, good]);
  const said: string[] = [];
  const reply = await model.complete({ ...ask, onText: (text) => said.push(text), onRestart: () => said.splice(0) });
  expect([reply.text, said.join('')]).toEqual(['good', 'good']);
  expect(server.requests).toHaveLength(answers.length + 1);
});

const waits: readonly (readonly [string, ScriptedAnswer, number])[] = [
  ['Retry-After in seconds', status(429, 'slow', { 'retry-after': '33' }), 33_000],
  ['Retry-After as a date', status(503, 'slow', { 'retry-after': 'Thu, 01 Jan 2026 00:01:00 GMT' }), 60_000],
  ['retry-after-ms', status(429, 'slow', { 'retry-after-ms': '1500', 'retry-after': '9' }), 1500],
  ["Google's RetryInfo", json(429, { error: { code: 429, details: [{ '@type': 'RetryInfo', retryDelay: '7s' }] } }), 7000],
  ['an estimated time', json(503, { error: 'Model m is currently loading', estimated_time: 20.5 }), 20_500],
];

test.each(waits)('%s is waited for', async (_, answer, expected) => {
  const { clock, model } = await start([answer, good]);
  expect((await model.complete(ask)).text).toBe('good');
  expect(clock.pauses).toEqual([expected]);
});

const final: readonly (readonly [string, ScriptedAnswer, string, RegExp, number])[] = [
  [
    'a limit for longer than there is time',
    status(429, 'wait', { 'retry-after': '3600' }),
    'model/rate-limited',
    /429.*wait/,
    1,
  ],
  ['no money', status(429, 'insufficient_quota: check your billing'), 'model/rate-limited', /billing/, 1],
  ['no credits', status(402, 'Insufficient credits'), 'model/bad-reply', /Insufficient credits/, 1],
  ['no such model', status(404, 'model "m" not found'), 'model/bad-reply', /not found/, 1],
  ['a wrong key', status(401, 'Incorrect API key'), 'model/unauthorized', /Incorrect API key/, 1],
  ['a bad request', status(400, 'prompt refused'), 'model/bad-reply', /prompt refused/, 1],
  ['a bad request in the stream', errorIn({ message: 'prompt refused', code: 400 }), 'model/bad-reply', /prompt refused/, 1],
  ['a crash for ever', status(500, 'runner died'), 'model/unreachable', /runner died/, 4],
  ['a model that cannot be loaded', status(500, 'unable to load model: no memory'), 'model/unreachable', /no memory/, 4],
  ['a reset for ever', { kind: 'reset' }, 'model/unreachable', /broke before an answer/, 4],
];

test.each(final)('%s is reported', async (_, answer, code, message, requests) => {
  const { server, model } = await start([answer]);
  const error = await model.complete(ask).catch((reason: unknown) => reason);
  expect(ServerError.is(error) && error.code).toBe(code);
  expect((error as Error).message).toMatch(message);
  expect(server.requests).toHaveLength(requests);
});

test('a model that loads for ever is waited for as long as the setting says, then reported in its words', async () => {
  const { clock, model } = await start([status(503, 'Loading model')]);
  const begun = clock.now();
  await expect(model.complete(ask)).rejects.toMatchObject({
    code: 'model/unreachable',
    message: expect.stringContaining('Loading model'),
  });
  expect(clock.now() - begun).toBeGreaterThan(TIMEOUT_MS - 10_000);
  expect(clock.now() - begun).toBeLessThanOrEqual(TIMEOUT_MS);
  expect(Math.max(...clock.pauses)).toBeLessThanOrEqual(6250);
});

test('cancelling ends a pause', async () => {
  const { model } = await start([status(503, 'Loading model')], { pacing: systemPacing });
  await expect(model.complete({ ...ask, signal: AbortSignal.timeout(100) })).rejects.toMatchObject({ code: 'task/cancelled' });
});

test('the time of one completion holds to the second', async () => {
  const { model, clock, server } = await start([{ kind: 'silence' }]);
  const reply = model.complete(ask);
  const ended = vi.fn();
  reply.then(ended, ended);
  await vi.waitFor(() => expect(server.requests).toHaveLength(1));
  clock.advance(TIMEOUT_MS - 1000);
  await new Promise(setImmediate);
  expect(ended).not.toHaveBeenCalled();
  clock.advance(1000);
  await expect(reply).rejects.toMatchObject({ code: 'model/timeout', message: expect.stringContaining('600 s') });
});
