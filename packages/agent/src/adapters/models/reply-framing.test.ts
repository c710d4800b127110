/**
 * The kind: however an endpoint frames a reply (keep-alives, line ends, end marks, JSON lines, one document, another content type, pieces
 * in odd places), the same program comes out; and what is not whole never counts as a reply.
 */

import { type ScriptedAnswer, startOpenAiServer } from '@assay/testing';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { ModelReply } from '../../ports/model.ts';
import { createOpenAiCompatible } from './openai-compatible.ts';

const WORDS = "print('Grüße 世界 🌍')";

async function complete(answer: ScriptedAnswer, onText: (text: string) => void = () => undefined): Promise<ModelReply> {
  const server = await startOpenAiServer({ answers: [answer] });
  onTestFinished(server.close);
  const model = createOpenAiCompatible({
    ...{ provider: 'custom', base: server.base, apiKey: null, model: 'm', temperature: 0.3 },
    ...{ maxTokens: 2000, maxTokensName: 'max_tokens', timeoutMs: 4000, pauseMs: 1 },
  });
  return model.complete({ messages: [{ role: 'user', content: 'Go' }], onText });
}

const chunk = (delta: object | null, finish: string | null = null): string =>
  JSON.stringify({ id: 'c1', model: 'm', choices: [{ index: 0, delta: delta ?? {}, finish_reason: finish }] });
const event = (data: string, lineEnd = '\n'): string => `data: ${data}${lineEnd}${lineEnd}`;
const texts = [WORDS.slice(0, 9), WORDS.slice(9)].map((content) => chunk({ content }));
const usage = JSON.stringify({ choices: [], usage: { prompt_tokens: 5, completion_tokens: 7, total_tokens: 12 } });
const stop = chunk({}, 'stop');
const wire = (...pieces: readonly (string | Uint8Array)[]): ScriptedAnswer => ({ kind: 'wire', pieces, ending: 'end' });
const open = (...pieces: readonly string[]): ScriptedAnswer => ({ kind: 'wire', pieces, ending: 'open' });
const typed = (contentType: string, body: string): ScriptedAnswer => ({ kind: 'raw', contentType, body });
const good = [...texts, stop, usage, '[DONE]'];
const whole = (message: object, finish: string | null = 'stop'): string =>
  JSON.stringify({ id: 'c1', model: 'm', choices: [{ index: 0, message, finish_reason: finish }] });
const between = (data: string, lines = `data: ${data}\n\n`): ScriptedAnswer =>
  wire(lines, event(good[0] ?? ''), lines, ...good.slice(1).map((part) => event(part)));
const bytewise = (text: string): readonly Uint8Array[] =>
  [...new TextEncoder().encode(text)].map((byte) => Uint8Array.of(byte));
const ollama = [
  { model: 'm', message: { role: 'assistant', content: WORDS.slice(0, 9) }, done: false },
  { model: 'm', message: { role: 'assistant', content: WORDS.slice(9) }, done: false },
  { model: 'm', done: true, done_reason: 'stop', prompt_eval_count: 5, eval_count: 7 },
].map((line) => JSON.stringify(line));

const framings: readonly (readonly [string, ScriptedAnswer])[] = [
  ['as it should be', wire(...good.map((data) => event(data)))],
  ['carriage returns', wire(...good.map((data) => event(data, '\r')))],
  ['carriage returns and line feeds', wire(...good.map((data) => event(data, '\r\n')))],
  ['one line feed between events', wire(...good.map((data) => `data: ${data}\n`))],
  ['no blank behind the colon', wire(...good.map((data) => `data:${data}\n\n`))],
  ['a byte order mark', wire('\uFEFF', ...good.map((data) => event(data)))],
  ['every byte a piece', wire(...bytewise([...texts, stop].map((data) => event(data)).join('')))],
  ['all in one piece', wire([...texts, stop, '[DONE]'].map((data) => event(data)).join(''))],
  ['ids, retry and event names', wire(...good.map((data) => `id: 1\nretry: 5\nevent: message\n${event(data)}`))],
  ['a chunk over two data lines', wire(event((texts[0] ?? '').replace(',', ',\ndata: ')), event(texts[1] ?? ''), event(stop))],
  ...['', '{}', 'ping', 'null', '[]', '1', 'true', '"ping"', ': PROCESSING', '2024-04-27 01:35:43.6', '{"type":"ping"}'].map(
    (data) => [`keep-alive ${JSON.stringify(data)}`, between(data)] as const,
  ),
  ['comments', between('', ': ping\n\n:\n\n')],
  ['comments without a blank line', between('', ': ping\n')],
  ['named pings', between('', 'event: ping\ndata: ping\n\n')],
  ['retry and id alone', between('', 'retry: 3000\n\nid: 1\n\n')],
  ...['[DONE] ', '  [DONE]', '"[DONE]"', '[done]', '[DONE]\n: bye'].map(
    (end) => [`end mark ${JSON.stringify(end)}`, wire(...texts.map((data) => event(data)), event(end))] as const,
  ),
  ['no end mark behind a finish reason', wire(...[...texts, stop].map((data) => event(data)))],
  ['no blank line at the end', wire(...texts.map((data) => event(data)), 'data: [DONE]')],
  ['a connection that stays open', open(...good.map((data) => event(data)))],
  ['words behind the end mark', open(...good.map((data) => event(data)), event(chunk({ content: 'NO' })))],
  ['an empty finish reason in each chunk', wire(...texts.map((data) => event(data.replace('null', '""'))), event(stop))],
  ['NaN for a number', wire(...texts.map((data) => event(data.replace('null', 'null,"logprobs":NaN'))), event(stop))],
  ['the whole message as a chunk', wire(event(whole({ content: WORDS })), event('[DONE]'))],
  ['text in place of delta', wire(event(JSON.stringify({ choices: [{ text: WORDS, finish_reason: 'stop' }] })))],
  [
    'a content type in capitals',
    { kind: 'wire', ending: 'end', pieces: good.map((d) => event(d)), headers: { 'content-type': 'Text/Event-Stream' } },
  ],
  ['events called JSON', typed('application/json', good.map((data) => event(data)).join(''))],
  ['events called text', typed('text/plain', good.map((data) => event(data)).join(''))],
  ['a document called events', typed('text/event-stream', whole({ content: WORDS }))],
  ['a document', typed('application/json', whole({ content: WORDS }))],
  ['a document without finish reason', typed('application/json', whole({ content: WORDS }, null))],
  [
    'a document in lines, behind blanks',
    typed('application/json', `\n\n  ${JSON.stringify(JSON.parse(whole({ content: WORDS })), null, 2)}\n`),
  ],
  ['a document with a byte order mark', typed('application/json', `\uFEFF${whole({ content: WORDS })}`)],
  ['an array of documents', typed('application/json', `[${good.slice(0, 3).join(',\n')}]`)],
  ['JSON lines', typed('application/x-ndjson', good.slice(0, 3).join('\n'))],
  ["Ollama's own lines", typed('application/x-ndjson', `${ollama.join('\n')}\n`)],
  ["Ollama's own document", typed('application/json', JSON.stringify({ message: { content: WORDS }, done: true }))],
];

test.each(framings)('%s', async (_, answer) => {
  const pieces: string[] = [];
  const reply = await complete(answer, (text) => pieces.push(text));
  expect(reply.text).toBe(WORDS);
  expect(pieces.join('')).toBe(WORDS);
  expect(reply.finish).toBe('stop');
});

test.each([
  ['usage', wire(...good.map((data) => event(data)))],
  ["Ollama's counts", typed('application/x-ndjson', ollama.join('\n'))],
])('%s', async (_, answer) => {
  expect((await complete(answer)).usage).toEqual({ promptTokens: 5, completionTokens: 7, totalTokens: 12 });
});

test.each([
  ['256 characters', 'n'.repeat(256), 'n'.repeat(256)],
  ['257 characters', 'n'.repeat(257), 'm'],
  ['a megabyte', 'n'.repeat(1_000_000), 'm'],
])('a name of %s for the model', async (_, name, taken) => {
  const named = JSON.stringify({ ...JSON.parse(whole({ content: WORDS })), model: name });
  expect((await complete(typed('application/json', named))).model).toBe(taken);
});

/** JSON.stringify writes half a character as an escape, as servers in Python do. */
const halves = [chunk({ content: 'a\uD83D' }), chunk({ content: '\uDE00b' })].map((data) => event(data));

test('halves of a character come together, and a lone one becomes U+FFFD', async () => {
  const pieces: string[] = [];
  expect((await complete(wire(...halves, event(stop)), (text) => pieces.push(text))).text).toBe('a😀b');
  expect(pieces).toEqual(['a', '😀b']);
  expect((await complete(wire(halves[0] ?? '', event(stop)))).text).toBe('a\uFFFD');
  expect((await complete(wire(halves[0] ?? '', event(chunk({ content: 'c' })), event(stop)))).text).toBe('a\uFFFDc');
});

const call = (piece: object): string => chunk({ tool_calls: [piece] });

const members: readonly (readonly [string, ScriptedAnswer, Partial<ModelReply>])[] = [
  [
    'a tool call in pieces',
    wire(
      event(call({ index: 0, id: 'a', function: { name: 'python', arguments: '' } })),
      event(call({ index: 0, function: { arguments: '{"code":' } })),
      event(call({ index: 0, function: { arguments: '"print(1)"}' } })),
      event(chunk({}, 'tool_calls')),
    ),
    { text: '', toolCalls: [{ name: 'python', arguments: '{"code":"print(1)"}' }], finish: 'tool-calls' },
  ],
  [
    'two calls without indexes',
    typed(
      'application/json',
      whole(
        {
          content: null,
          tool_calls: [
            { id: 'a', function: { name: 'f', arguments: { x: 1 } } },
            { id: 'b', function: { name: 'g', arguments: '{}' } },
          ],
        },
        'tool_calls',
      ),
    ),
    {
      toolCalls: [
        { name: 'f', arguments: '{"x":1}' },
        { name: 'g', arguments: '{}' },
      ],
    },
  ],
  [
    'the older function_call',
    wire(
      event(chunk({ function_call: { name: 'run', arguments: '{"a"' } })),
      event(chunk({ function_call: { arguments: ':1}' } }, 'function_call')),
    ),
    { toolCalls: [{ name: 'run', arguments: '{"a":1}' }], finish: 'tool-calls' },
  ],
  ...['reasoning_content', 'reasoning', 'thinking'].map(
    (name) =>
      [
        `thoughts as ${name}`,
        wire(event(chunk({ [name]: 'hm ' })), event(chunk({ [name]: 'so' })), ...[...texts, stop].map((data) => event(data))),
        { text: WORDS, reasoning: 'hm so' },
      ] as const,
  ),
  [
    'the same thoughts twice, as text and as details',
    wire(
      event(chunk({ reasoning: 'hm', reasoning_details: [{ type: 'reasoning.text', text: 'hm' }] })),
      ...texts.map((data) => event(data)),
      event(stop),
    ),
    { reasoning: 'hm' },
  ],
  [
    'content in parts, thoughts among them',
    wire(
      event(
        chunk({
          content: [
            { type: 'thinking', thinking: [{ type: 'text', text: 'hm' }] },
            { type: 'text', text: WORDS },
          ],
        }),
      ),
      event(stop),
    ),
    { text: WORDS, reasoning: 'hm' },
  ],
  ['a refusal', wire(event(chunk({ refusal: 'I cannot.' })), event(stop)), { text: 'I cannot.', finish: 'refused' }],
  ['null content', typed('application/json', whole({ content: null })), { text: '', toolCalls: [] }],
  ['the end of room', wire(event(texts[0] ?? ''), event(chunk({}, 'length'))), { finish: 'length', finishReason: 'length' }],
];

test.each(members.filter(([name]) => !name.startsWith('the same')))('%s', async (_, answer, expected) => {
  expect(await complete(answer)).toMatchObject(expected);
});

describe('what is not whole is no reply', () => {
  const broken: readonly (readonly [string, ScriptedAnswer, RegExp])[] = [
    ['no end at all', wire(...texts.map((data) => event(data))), /middle/],
    ['an empty body', typed('text/event-stream', ''), /middle/],
    ['only keep-alives', wire(': ping\n\n', event('ping')), /middle/],
    ['half a document', typed('application/json', whole({ content: WORDS }).slice(0, 60)), /not JSON/],
    ['half a chunk', wire(event(texts[0] ?? ''), event((texts[1] ?? '').slice(0, 40)), event('[DONE]')), /not JSON/],
    ['JSON lines that stop', typed('application/x-ndjson', ollama.slice(0, 2).join('\n')), /middle/],
    ['no choices', typed('application/json', '{"id":"x","choices":[]}'), /choices\[0\]/],
    [
      'a web page',
      typed('text/html', '<!doctype html><html><head><title>502 Bad Gateway</title></head></html>'),
      /web page.*502 Bad Gateway/,
    ],
  ];
  test.each(broken)('%s', async (_, answer, message) => {
    await expect(complete(answer)).rejects.toMatchObject({ code: 'model/bad-reply', message: expect.stringMatching(message) });
  });

  test('an event without end is bounded', async () => {
    await expect(complete({ kind: 'long-line', bytes: 3_000_000 })).rejects.toMatchObject({ code: 'model/too-large' });
    await expect(
      complete(wire(event(chunk({ content: 'x'.repeat(900_000) })), event(chunk({ content: 'x'.repeat(900_000) })))),
    ).rejects.toMatchObject({ code: 'model/too-large' });
  });
});
