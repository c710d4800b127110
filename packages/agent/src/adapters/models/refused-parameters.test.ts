/** The kind: a parameter that a model refuses is left out or renamed, the request made again, and the lesson kept for that model. */

import { type ScriptedAnswer, type SeenRequest, startOpenAiServer } from '@assay/testing';
import { expect, onTestFinished, test } from 'vitest';
import { createOpenAiCompatible } from './openai-compatible.ts';

const good: ScriptedAnswer = { kind: 'text', text: 'good' };
const ask = {
  messages: [
    { role: 'system', content: 'RULES' },
    { role: 'user', content: 'TASK' },
  ],
} as const;
type Body = SeenRequest['body'];

async function start(refuses: (body: Body) => object | string | null, status: number) {
  const server = await startOpenAiServer({
    answers: ({ body }) => {
      const words = refuses(body);
      if (words === null) return good;
      const error = typeof words === 'string' ? { error: { message: words } } : words;
      if (status === 200) return { kind: 'wire', pieces: [`data: ${JSON.stringify(error)}\n\n`], ending: 'end' };
      return { kind: 'raw', contentType: 'application/json', status, body: JSON.stringify(error) };
    },
  });
  onTestFinished(server.close);
  const model = createOpenAiCompatible({
    ...{ provider: 'openai', base: server.base, apiKey: null, model: 'm', temperature: 0.3 },
    ...{ maxTokens: 2000, maxTokensName: 'max_tokens', timeoutMs: 5000, pauseMs: 1 },
  });
  return { server, model };
}

const has =
  (name: string, words: object | string) =>
  (body: Body): object | string | null =>
    name in body ? words : null;
const hasSystem =
  (words: string) =>
  ({ messages }: Body): string | null =>
    messages.some(({ role }) => role === 'system') ? words : null;

const refusals: readonly (readonly [
  string,
  (body: Body) => object | string | null,
  number,
  (body: Body) => unknown,
  unknown,
])[] = [
  [
    'temperature, only the default',
    has('temperature', {
      error: {
        message: "Unsupported value: 'temperature' does not support 0.3 with this model.",
        param: 'temperature',
        code: 'unsupported_value',
      },
    }),
    400,
    ({ temperature }) => temperature,
    undefined,
  ],
  [
    'temperature, deprecated',
    has('temperature', '`temperature` is deprecated for this model.'),
    400,
    ({ temperature }) => temperature,
    undefined,
  ],
  [
    'temperature, in a stream',
    has('temperature', { error: { message: 'temperature is not supported', code: 400 } }),
    200,
    ({ temperature }) => temperature,
    undefined,
  ],
  [
    'temperature, in a list',
    has('temperature', "m does not support parameters: ['temperature']"),
    400,
    ({ temperature }) => temperature,
    undefined,
  ],
  [
    'the older name of the limit',
    has('max_tokens', {
      error: {
        message: "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
        param: 'max_tokens',
      },
    }),
    400,
    ({ max_completion_tokens: limit }) => limit,
    2000,
  ],
  [
    'the limit itself',
    (body) =>
      Number(body.max_tokens) > 1024
        ? 'max_tokens is too large: 2000. This model supports at most 1024 completion tokens'
        : null,
    400,
    ({ max_tokens: limit }) => limit,
    undefined,
  ],
  [
    'the limit beside the context',
    has(
      'max_tokens',
      "This model's maximum context length is 2048 tokens. However, you requested 2300 tokens (300 in the messages, 2000 in the completion).",
    ),
    400,
    ({ max_tokens: limit }) => limit,
    undefined,
  ],
  [
    'stream_options, unknown field',
    has('stream_options', 'json: unknown field "stream_options"'),
    400,
    ({ stream_options: wish }) => wish,
    undefined,
  ],
  [
    "stream_options, FastAPI's way",
    has('stream_options', {
      detail: [{ type: 'extra_forbidden', loc: ['body', 'stream_options'], msg: 'Extra inputs are not permitted' }],
    }),
    422,
    ({ stream_options: wish }) => wish,
    undefined,
  ],
  [
    'stream_options, unnamed',
    has('stream_options', 'Unrecognized request argument supplied'),
    400,
    ({ stream_options: wish }) => wish,
    undefined,
  ],
  [
    'a stream',
    ({ stream }) => (stream === true ? 'Your organization must be verified to stream this model.' : null),
    400,
    ({ stream }) => stream,
    false,
  ],
  [
    'the system role',
    hasSystem("Unsupported value: 'messages[0].role' does not support 'system' with this model."),
    400,
    firstMessage,
    'user: RULES\n\nTASK',
  ],
  [
    'the system role, by a template',
    hasSystem('Jinja Exception: System role not supported'),
    500,
    firstMessage,
    'user: RULES\n\nTASK',
  ],
  [
    'rules for another role',
    hasSystem('Developer instruction is not enabled for models/gemma'),
    400,
    firstMessage,
    'user: RULES\n\nTASK',
  ],
  [
    'roles in turn',
    hasSystem('Conversation roles must alternate user/assistant/user/assistant/...'),
    400,
    firstMessage,
    'user: RULES\n\nTASK',
  ],
];

function firstMessage({ messages }: Body): string {
  return `${messages[0]?.role}: ${messages[0]?.content}`;
}

test.each(refusals)('%s', async (name, refuses, status, look, expected) => {
  const { server, model } = await start(refuses, status);
  expect((await model.complete(ask)).text).toBe('good');
  expect(look(server.requests.at(-1)?.body as Body)).toEqual(expected);
  expect(server.requests).toHaveLength(2);
  await model.complete(ask);
  expect(server.requests, 'the lesson is kept, unless it was about one length').toHaveLength(
    name.startsWith('the limit') ? 4 : 3,
  );
  await model.complete({ ...ask, model: 'other' });
  expect(server.requests.at(-1)?.body.model).toBe('other');
});

test('several refusals, one after the other', async () => {
  const names = ['temperature', 'max_tokens', 'stream_options'];
  const { server, model } = await start((body) => {
    const name = names.find((candidate) => candidate in body);
    return name === undefined ? null : `Unsupported parameter: '${name}'`;
  }, 400);
  expect((await model.complete(ask)).text).toBe('good');
  expect(Object.keys(server.requests.at(-1)?.body ?? {})).toEqual(['model', 'messages', 'stream']);
});

test('what is not about a parameter is not asked again, and what stays refused ends', async () => {
  const other = await start(() => 'The prompt was refused', 400);
  await expect(other.model.complete(ask)).rejects.toThrow(/prompt was refused/);
  expect(other.server.requests).toHaveLength(1);
  const always = await start(() => 'temperature and max_tokens and stream_options are unsupported', 400);
  await expect(always.model.complete(ask)).rejects.toMatchObject({ code: 'model/bad-reply' });
  expect(always.server.requests.length).toBeLessThanOrEqual(7);
});

test('half characters never leave', async () => {
  const { server, model } = await start(() => null, 400);
  await model.complete({ messages: [{ role: 'user', content: 'a\uD83Db 😀 \uDE00' }] });
  expect(server.requests[0]?.body.messages[0]?.content).toBe('a\uFFFDb 😀 \uFFFD');
});
