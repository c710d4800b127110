/**
 * The kind: what clients of OpenAI's API rely on below `/v1/`, seen through its own SDK and on the wire: nulls, headers of the provider, errors in
 * its shape, ends of streams behind the seal, models by id, and the Responses API over the same receipts.
 */

import { createHash } from 'node:crypto';
import { type ScriptedAnswer, startOpenAiServer } from '@assay/testing';
import OpenAI, { APIError } from 'openai';
import { describe, expect, onTestFinished, test } from 'vitest';
import { startTestAgent, type TestAgent } from './agent.ts';

type Answers = readonly ScriptedAnswer[];

async function start(answers: Answers, environment: Readonly<Record<string, string>> = {}) {
  const server = await startOpenAiServer({ answers, models: ['m', 'maker/model-1'] });
  onTestFinished(server.close);
  const settings = { AI_PROVIDER: 'custom', AI_API_BASE: server.base, AI_MODEL: 'm', ...environment };
  const agent = await startTestAgent({ environment: settings });
  const fetch = (url: string | URL | Request, init?: RequestInit): Promise<Response> => {
    const { pathname, search } = new URL(String(url instanceof Request ? url.url : url));
    return agent.request(pathname + search, init);
  };
  return { agent, server, sdk: new OpenAI({ baseURL: 'http://agent.test/v1', apiKey: 'none', fetch, maxRetries: 0 }) };
}

const post = (agent: TestAgent, path: string, body: unknown): Promise<Response> =>
  agent.request(path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
const ask = { model: 'm', messages: [{ role: 'user' as const, content: 'Hi' }] };
const good: ScriptedAnswer = { kind: 'text', text: 'Grüße' };
const event = (data: object | string): string => `data: ${typeof data === 'string' ? data : JSON.stringify(data)}\n\n`;
const delta = (piece: object, finish: string | null = null): string =>
  event({ id: 'c1', model: 'm', choices: [{ index: 0, delta: piece, finish_reason: finish }] });
const json = (status: number, body: unknown): ScriptedAnswer => ({
  kind: 'raw',
  status,
  contentType: 'application/json',
  body: typeof body === 'string' ? body : JSON.stringify(body),
});

describe('null is as good as absent', () => {
  const bodies: readonly object[] = [
    { stream: null },
    { stream: null, temperature: null, stop: null, tools: null, max_tokens: null },
    { provider: null },
    { provider: { aci_verified: null, aci_session_ids: null } },
  ];
  test.each(bodies)('%j', async (members) => {
    const { agent, server } = await start([good]);
    const answer = await post(agent, '/v1/chat/completions', { ...ask, ...members });
    expect([answer.status, (await answer.json()).choices[0].message.content]).toEqual([200, 'Grüße']);
    expect(server.requests).toHaveLength(1);
  });
});

test('headers of the provider that clients wait by go on, and nothing else', async () => {
  const headers = {
    ...{ 'retry-after': '33', 'x-ratelimit-remaining-requests': '0', 'anthropic-ratelimit-tokens-reset': 'soon' },
    ...{ 'x-request-id': 'req_abc', 'set-cookie': 'a=b', 'openai-organization': 'secret-org', server: 'nginx' },
  };
  const { agent, sdk } = await start([{ kind: 'error', status: 429, message: 'Rate limit reached', headers }]);
  const answer = await post(agent, '/v1/chat/completions', ask);
  expect(Object.fromEntries(answer.headers)).toMatchObject({
    ...{ 'retry-after': '33', 'x-ratelimit-remaining-requests': '0', 'anthropic-ratelimit-tokens-reset': 'soon' },
    ...{ 'x-request-id': 'req_abc', 'x-upstream-request-id': 'req_abc', 'x-agent-request-id': expect.any(String) },
  });
  for (const name of ['set-cookie', 'openai-organization', 'server']) expect(answer.headers.has(name)).toBe(false);
  const error = await sdk.chat.completions.create(ask).catch((reason: unknown) => reason);
  expect(error).toMatchObject({ status: 429, requestID: 'req_abc', error: { message: 'Rate limit reached' } });
});

describe("errors have OpenAI's shape", () => {
  const provider: readonly (readonly [string, ScriptedAnswer, string])[] = [
    ['an array', json(400, [{ error: { code: 400, message: 'API key not valid.' } }]), 'API key not valid.'],
    ['a string', json(500, { error: 'no memory' }), 'no memory'],
    ['details', json(422, { detail: [{ loc: ['body', 'n'], msg: 'too many' }] }), 'body.n: too many'],
    [
      'a web page',
      { kind: 'raw', status: 502, contentType: 'text/html', body: '<title>502 Bad Gateway</title>' },
      '502 Bad Gateway',
    ],
    ['nothing', { kind: 'raw', status: 503, contentType: 'text/plain', body: '' }, 'custom answered HTTP 503 without words'],
    ["the operator's key", json(401, { error: { message: 'wrong key abcdef1234567890' } }), 'wrong key [key]'],
    ["OpenAI's own, untouched", json(400, '{"error": {"message": "no",  "x": 1}}'), 'no'],
  ];
  test.each(provider)('the provider sends %s', async (name, scripted, words) => {
    const { agent } = await start([scripted], { AI_API_KEY: 'abcdef1234567890' });
    const answer = await post(agent, '/v1/chat/completions', ask);
    const text = await answer.text();
    expect(JSON.parse(text).error.message).toBe(words);
    if (name.endsWith('untouched')) expect(text).toBe('{"error": {"message": "no",  "x": 1}}');
    expect(answer.headers.get('x-receipt-id')).toMatch(/^rcpt_/);
  });

  const own: readonly (readonly [string, string, number, string])[] = [
    ['GET', '/v1/nothing', 404, 'not_found'],
    ['POST', '/v1/images/generations', 404, 'not_found'],
    ['GET', '/v1/chat/completions', 405, 'invalid_request_error'],
    ['DELETE', '/v1/models', 405, 'invalid_request_error'],
    ['PUT', '/v1/responses', 405, 'invalid_request_error'],
    ['GET', '/v1/responses/resp_1', 404, 'not_found'],
    ['GET', '/v1/aci/nothing', 404, 'not_found'],
    ['GET', '/v1/models/none', 404, 'not_found'],
    ['POST', '/v1/chat/completions', 400, 'invalid_request_error'],
    ['POST', '/v1/responses', 400, 'invalid_request_error'],
  ];
  test.each(own)('%s %s', async (method, path, status, type) => {
    const { agent } = await start([good]);
    const answer = await agent.request(path, { method, ...(method === 'POST' ? { body: '{"model":1}' } : {}) });
    expect([answer.status, answer.headers.get('content-type')]).toEqual([status, expect.stringContaining('application/json')]);
    expect((await answer.json()).error).toMatchObject({ type, message: expect.any(String), code: expect.any(String) });
  });

  test('without the key', async () => {
    const { agent, sdk } = await start([good], { ASSAY_API_KEY: 'correct-horse-battery-staple' });
    expect((await (await post(agent, '/v1/chat/completions', ask)).json()).error.code).toBe('http/unauthorized');
    const error = await sdk.models.list().catch((reason: unknown) => reason);
    expect(error instanceof APIError && [error.status, error.message]).toEqual([401, expect.stringContaining('401')]);
  });
});

test('models are found by id, with slashes as well', async () => {
  const { sdk } = await start([good]);
  expect(await sdk.models.retrieve('m')).toMatchObject({ id: 'm', object: 'model' });
  expect(await sdk.models.retrieve('maker/model-1')).toMatchObject({ id: 'maker/model-1' });
  await expect(sdk.models.retrieve('none')).rejects.toMatchObject({ status: 404, code: 'not_found' });
});

describe('nothing that looks complete goes out before its receipt is sealed', () => {
  const text = delta({ content: 'pay 1' });
  const late = delta({ content: ' LATE' });
  const ends: readonly (readonly [string, readonly string[]])[] = [
    ['in one piece', [text, event('[DONE]')]],
    ['split', [text, 'data: [DO', 'NE]\n\n']],
    ['split at its line end', [text, 'data: [DONE]', '\n', '\n']],
    ['followed by a comment', [text, `data: [DONE]\n\n: ${'x'.repeat(100)}\n\n`]],
    ['on carriage returns', [text, '\r\rdata: [DONE]\r\r']],
    ['with text in the same piece', [`${text}data: [DONE]\n\n`]],
    ['a finish reason before it', [text, delta({}, 'stop'), event('[DONE]')]],
    ['more behind it, and an open connection', [text, event('[DONE]'), late]],
  ];
  test.each(ends)('[DONE] %s', async (_, pieces) => {
    const { agent } = await start([{ kind: 'wire', pieces, ending: 'open' }]);
    const answer = await post(agent, '/v1/chat/completions', { ...ask, stream: true });
    const id = answer.headers.get('x-receipt-id') ?? '';
    const seen: string[] = [];
    let sealedAtEnd: boolean | null = null;
    for await (const piece of answer.body as unknown as AsyncIterable<Uint8Array>) {
      seen.push(new TextDecoder().decode(piece));
      if (sealedAtEnd === null && /DONE|"stop"/.test(seen.join(''))) sealedAtEnd = (await agent.ledger.find(id)) !== null;
    }
    expect([sealedAtEnd, seen.join('').includes('LATE')]).toEqual([true, false]);
    expect(await returnedHash(agent, id)).toBe(hash(seen.join('')));
  });

  const failures: readonly (readonly [string, ScriptedAnswer])[] = [
    ['a broken connection', { kind: 'wire', pieces: [text], ending: 'reset' }],
    ['silence', { kind: 'wire', pieces: [text], ending: 'open' }],
    ['an endless event', { kind: 'wire', pieces: [text, `data: ${'x'.repeat(1000)}`], ending: 'reset' }],
  ];
  test.each(failures)('%s ends in an error event, under its receipt', async (_, scripted) => {
    const { agent, sdk } = await start([scripted], { ASSAY_MODEL_SECONDS: '1' });
    const answer = await post(agent, '/v1/chat/completions', { ...ask, stream: true });
    const body = await answer.text();
    expect(body).toContain('"error":{"message":');
    expect(body).not.toContain('[DONE]');
    const id = answer.headers.get('x-receipt-id') ?? '';
    expect(await returnedHash(agent, id)).toBe(hash(body));
    const sealed = await agent.ledger.find(id);
    expect(sealed?.receipt.event_log).toContainEqual(
      expect.objectContaining({ type: 'task.failed', code: expect.stringMatching(/^model\//) }),
    );
    const read = async (): Promise<void> => {
      for await (const _piece of await sdk.chat.completions.create({ ...ask, stream: true }));
    };
    await expect(read()).rejects.toThrow(/connection|answer/);
  });
});

function hash(text: string): string {
  return `sha256:${createHash('sha256').update(text).digest('hex')}`;
}

async function returnedHash(agent: TestAgent, id: string): Promise<unknown> {
  const sealed = await agent.ledger.find(id);
  return sealed?.receipt.event_log.findLast(({ type }) => type === 'response.returned')?.body_hash;
}

describe('the Responses API', () => {
  const calls: ScriptedAnswer = {
    kind: 'wire',
    ending: 'end',
    pieces: [
      delta({ reasoning_content: 'hm' }),
      delta({ tool_calls: [{ index: 0, id: 'call_1', function: { name: 'weather', arguments: '{"city":' } }] }),
      delta({ tool_calls: [{ index: 0, function: { arguments: '"Bern"}' } }] }),
      delta({ tool_calls: [{ index: 1, id: 'call_2', function: { name: 'time', arguments: '{}' } }] }),
      delta({}, 'tool_calls'),
      event({ choices: [], usage: { prompt_tokens: 5, completion_tokens: 7, total_tokens: 12 } }),
      event('[DONE]'),
    ],
  };

  test('a whole answer, under a receipt over what went each way', async () => {
    const { agent, server, sdk } = await start([good]);
    const answer = await sdk.responses.create({ model: 'm', input: 'Hi', instructions: 'Be brief', max_output_tokens: 9 });
    expect([answer.output_text, answer.status, answer.usage?.output_tokens]).toEqual(['Grüße', 'completed', 2]);
    expect(server.requests[0]?.body).toEqual({
      model: 'm',
      messages: [
        { role: 'system', content: 'Be brief' },
        { role: 'user', content: 'Hi' },
      ],
      max_tokens: 9,
    });
    const raw = await post(agent, '/v1/responses', { model: 'm', input: 'Hi' });
    const body = await raw.text();
    const id = raw.headers.get('x-receipt-id') ?? '';
    const log = (await agent.ledger.find(id))?.receipt.event_log ?? [];
    expect(log.find(({ type }) => type === 'request.forwarded')?.body_hash).toBe(
      hash(new TextDecoder().decode(server.requests[1]?.bodyBytes)),
    );
    expect(await returnedHash(agent, id)).toBe(hash(body));
  });

  test.each([false, true])('a stream of events (upstream streams: %s)', async (streams) => {
    const server = await startOpenAiServer({ answers: [good], neverStream: !streams });
    onTestFinished(server.close);
    const { sdk } = await start([good], { AI_API_BASE: server.base });
    const types: string[] = [];
    let words = '';
    for await (const step of await sdk.responses.create({ model: 'm', input: 'Hi', stream: true })) {
      if (types.at(-1) !== step.type) types.push(step.type);
      if (step.type === 'response.output_text.delta') words += step.delta;
      if (step.type === 'response.completed') expect(step.response.output_text ?? step.response.output).toBeTruthy();
    }
    expect(words).toBe('Grüße');
    expect(types).toEqual([
      ...['response.created', 'response.in_progress', 'response.output_item.added', 'response.content_part.added'],
      ...['response.output_text.delta', 'response.output_text.done', 'response.content_part.done', 'response.output_item.done'],
      'response.completed',
    ]);
  });

  test.each([true, false])('calls of functions and thoughts, streamed: %s', async (stream) => {
    const { sdk } = await start([calls]);
    const request = {
      model: 'm',
      input: 'Hi',
      tools: [{ type: 'function' as const, name: 'weather', parameters: {}, strict: null }],
    };
    const answer = stream
      ? await sdk.responses.stream(request).finalResponse()
      : await sdk.responses.create({ ...request, stream: false });
    expect(answer.output.map(({ type }) => type)).toEqual(['reasoning', 'function_call', 'function_call']);
    expect(answer.output.slice(1)).toMatchObject([
      { call_id: 'call_1', name: 'weather', arguments: '{"city":"Bern"}', status: 'completed' },
      { call_id: 'call_2', name: 'time', arguments: '{}' },
    ]);
    expect(answer.usage).toMatchObject({ input_tokens: 5, output_tokens: 7, total_tokens: 12 });
  });

  test('items of every kind reach the upstream as messages', async () => {
    const { server, sdk } = await start([good]);
    await sdk.responses.create({
      model: 'm',
      input: [
        { role: 'developer', content: 'Rules' },
        {
          role: 'user',
          content: [
            { type: 'input_text', text: 'See' },
            { type: 'input_image', image_url: 'data:image/png;base64,AA==', detail: 'low' },
          ],
        },
        { type: 'reasoning', id: 'rs_1', summary: [] },
        {
          type: 'message',
          role: 'assistant',
          id: 'msg_1',
          status: 'completed',
          content: [{ type: 'output_text', text: 'I ask', annotations: [] }],
        },
        { type: 'function_call', call_id: 'a', name: 'f', arguments: '{}' },
        { type: 'function_call', call_id: 'b', name: 'g', arguments: '{}' },
        { type: 'function_call_output', call_id: 'a', output: '1' },
      ],
      text: { format: { type: 'json_schema', name: 's', schema: { type: 'object' }, strict: true } },
      reasoning: { effort: 'low' },
      tool_choice: { type: 'function', name: 'f' },
      tools: [{ type: 'function', name: 'f', parameters: { type: 'object' }, strict: true }],
    });
    expect(server.requests[0]?.body).toEqual({
      model: 'm',
      messages: [
        { role: 'system', content: 'Rules' },
        {
          role: 'user',
          content: [
            { type: 'text', text: 'See' },
            { type: 'image_url', image_url: { url: 'data:image/png;base64,AA==', detail: 'low' } },
          ],
        },
        {
          role: 'assistant',
          content: 'I ask',
          tool_calls: ['a', 'b'].map((id, index) => ({
            id,
            type: 'function',
            function: { name: 'fg'[index], arguments: '{}' },
          })),
        },
        { role: 'tool', tool_call_id: 'a', content: '1' },
      ],
      response_format: { type: 'json_schema', json_schema: { name: 's', schema: { type: 'object' }, strict: true } },
      reasoning_effort: 'low',
      tool_choice: { type: 'function', function: { name: 'f' } },
      tools: [{ type: 'function', function: { name: 'f', parameters: { type: 'object' }, strict: true } }],
    });
  });

  test('what needs a memory or tools of the provider is refused by name', async () => {
    const { agent, server } = await start([good]);
    const refusedMembers: readonly (readonly [object, string])[] = [
      [{ previous_response_id: 'resp_1' }, 'previous_response_id'],
      [{ conversation: 'conv_1' }, 'conversation'],
      [{ background: true }, 'background'],
      [{ tools: [{ type: 'web_search' }] }, 'tools[0].type'],
      [{ input: [{ type: 'item_reference', id: 'x' }] }, 'input[0].type'],
      [{ input: 7 }, 'input'],
    ];
    for (const [members, param] of refusedMembers) {
      const answer = await post(agent, '/v1/responses', { model: 'm', input: 'Hi', ...members });
      expect([answer.status, (await answer.json()).error]).toMatchObject([400, { type: 'invalid_request_error', param }]);
    }
    expect(server.requests).toHaveLength(0);
  });

  test('an answer that is cut is incomplete, one that breaks off has failed', async () => {
    const cut = await start([{ kind: 'text', text: 'half', finishReason: 'length' }]);
    expect(await cut.sdk.responses.create({ model: 'm', input: 'Hi' })).toMatchObject({
      status: 'incomplete',
      incomplete_details: { reason: 'max_output_tokens' },
    });
    const broken: readonly ScriptedAnswer[] = [
      { kind: 'wire', pieces: [delta({ content: 'a' })], ending: 'reset' },
      { kind: 'wire', pieces: [delta({ content: 'a' })], ending: 'end' },
      { kind: 'wire', pieces: [delta({ content: 'a' }), event({ error: { message: 'lost', code: 502 } })], ending: 'end' },
    ];
    for (const scripted of broken) {
      const { agent } = await start([scripted]);
      const text = await (await post(agent, '/v1/responses', { model: 'm', input: 'Hi', stream: true })).text();
      expect(text).toContain('event: response.failed');
      expect(text).not.toContain('response.completed');
    }
  });

  test('no finished item goes out before the seal', async () => {
    const { agent } = await start([calls]);
    const answer = await post(agent, '/v1/responses', { model: 'm', input: 'Hi', stream: true });
    let seen = '';
    for await (const piece of answer.body as unknown as AsyncIterable<Uint8Array>) {
      seen += new TextDecoder().decode(piece);
      if (seen.includes('.done') || seen.includes('response.completed'))
        expect(await agent.ledger.find(answer.headers.get('x-receipt-id') ?? '')).not.toBeNull();
    }
    expect(seen).toContain('response.completed');
  });
});
