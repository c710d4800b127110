/** `POST /api/v1/prompt`: the seed's request as written, its answer signed, tool calls returned, all of it in a receipt. */

import { type Hex, recoverAnswerSigner } from '@assay/operator';
import { type OpenAiServer, type ScriptedAnswer, startOpenAiServer } from '@assay/testing';
import { recoverMessageAddress } from 'viem';
import { expect, onTestFinished, test } from 'vitest';
import {
  API_KEY,
  MANIFEST,
  OPERATOR_PUBLIC_KEY,
  OWNER_ADDRESSES,
  signedBy,
  startOwnedAgent,
  variableEntry,
} from './owned-agent.ts';

const CALL = { id: 'call_1', type: 'function', function: { name: 'get_weather', arguments: '{"location":"Paris"}' } };
const reply = (message: object, more: object = {}): ScriptedAnswer => ({
  kind: 'raw',
  contentType: 'application/json',
  body: JSON.stringify({
    id: 'chatcmpl-1',
    model: 'maker/model-1',
    choices: [{ index: 0, finish_reason: 'tool_calls', message: { role: 'assistant', ...message } }],
    ...more,
  }),
});

/** Word for word from the seed. */
const SEED = {
  system_prompt: 'You are a helpful AI assistant focused on technical writing and documentation.',
  messages: [{ role: 'user', content: 'give me the weather in paris' }],
  tools: [
    {
      type: 'function',
      function: {
        name: 'get_weather',
        description: 'Get the current weather',
        parameters: {
          type: 'object',
          properties: { location: { type: 'string' }, unit: { type: 'string', enum: ['celsius', 'fahrenheit'] } },
          required: ['location'],
        },
      },
    },
  ],
};

interface Answer {
  readonly signature: Hex;
  readonly signed_response: string;
  readonly tee_public_key: Hex;
  readonly receipt_id: string;
  readonly response: object;
}

async function startModel(answer: ScriptedAnswer): Promise<OpenAiServer> {
  const model = await startOpenAiServer({ answers: [answer] });
  onTestFinished(() => model.close());
  return model;
}

const settings = (model: OpenAiServer) => ({
  AI_PROVIDER: 'openai',
  AI_API_BASE: model.base,
  AI_API_KEY: 'key-of-the-operator',
  AI_MODEL: 'maker/model-1',
});
const KEY = { authorization: `Bearer ${API_KEY}` };

test('the model asks for a tool of the caller, and the call comes back signed', async () => {
  const model = await startModel(reply({ content: null, tool_calls: [CALL] }, { system_fingerprint: 'fp_1' }));
  const agent = await startOwnedAgent({ environment: settings(model) });
  const { status, body } = await agent.post('/api/v1/prompt', SEED, KEY);
  const answer = body as Answer;
  expect([status, answer.response]).toEqual([200, { content: null, tool_calls: [CALL] }]);
  expect(model.requests[0]?.body).toMatchObject({
    model: 'maker/model-1',
    max_tokens: 350,
    tool_choice: 'auto',
    messages: [{ role: 'system', content: SEED.system_prompt }, SEED.messages[0]],
    tools: SEED.tools,
  });
  const { tee_public_key: address } = await agent.config();
  expect(answer.tee_public_key).toBe(address);
  expect(recoverAnswerSigner(answer.signed_response, answer.signature)).toBe(address);
  expect((await recoverMessageAddress({ message: answer.signed_response, signature: answer.signature })).toLowerCase()).toBe(
    address,
  );
  expect(answer.signed_response.startsWith('assay-answer/1\n{')).toBe(true);
  const covered = JSON.parse(answer.signed_response.split('\n')[1] ?? '') as object;
  expect(answer).toMatchObject(covered);
  expect(Object.keys(covered)).toContain('response');
  const events = await agent.events(answer.receipt_id);
  expect(events.map(({ type }) => type)).toEqual(
    expect.arrayContaining(['upstream.verified', 'request.forwarded', 'model.called', 'message.signed', 'response.returned']),
  );
  expect(events.find(({ type }) => type === 'model.called')).toMatchObject({
    provenance: 'unverified',
    system_fingerprint: 'fp_1',
  });
  expect((await agent.post('/api/v1/prompt', SEED)).status).toBe(401);
});

test("a model that writes a login text or a transaction signs neither: the agent's text stands in front", async () => {
  const login = 'evil.example wants you to sign in with your Ethereum account:\n0x86693CbE3f2581DF512635823F46f0d593D96dbA';
  const agent = await startOwnedAgent({ environment: settings(await startModel(reply({ content: login }))) });
  const answer = (await agent.post('/api/v1/prompt', SEED, KEY)).body as Answer;
  const { tee_public_key: address } = await agent.config();
  expect((await recoverMessageAddress({ message: login, signature: answer.signature })).toLowerCase()).not.toBe(address);
  // What follows the first line is one line, so that no later line is the model's.
  expect(answer.signed_response.split('\n')).toHaveLength(2);
});

test("compatibility mode signs the seed's text", async () => {
  const manifest = { ...MANIFEST, compatibility: { operator_public_key: OPERATOR_PUBLIC_KEY } };
  const agent = await startOwnedAgent({ manifest, environment: settings(await startModel(reply({ content: "it's 21 °C" }))) });
  const answer = (await agent.post('/api/v1/prompt', { messages: SEED.messages }, KEY)).body as Answer;
  expect(answer.signed_response).toBe(
    "{'model': 'maker/model-1', 'response': {'content': \"it's 21 °C\", 'tool_calls': None}, 'messages': [{'role': 'user', 'content': 'give me the weather in paris'}], 'tools': None, 'system_prompt': None}",
  );
  expect(recoverAnswerSigner(answer.signed_response, answer.signature)).toBe(answer.tee_public_key);
});

test('the key of a variable calls OpenRouter, pinned to providers', async () => {
  const model = await startModel(reply({ content: 'sunny' }, { provider: 'DeepInfra' }));
  const variables = { ...MANIFEST.variables, openrouter_provider: { visibility: 'public' } };
  const agent = await startOwnedAgent({
    manifest: { ...MANIFEST, variables, owners: { addresses: OWNER_ADDRESSES, threshold: 1 } },
    environment: { ...settings(model), AI_PROVIDER: 'openrouter' },
  });
  const config = await agent.config();
  const pinned = '{"only":["DeepInfra"],"allow_fallbacks":false}';
  const entries = [
    await variableEntry(config, 'openrouter_api_key', 'sk-or-1', { count: 1 }),
    await variableEntry(config, 'openrouter_provider', pinned, { count: 1, fields: { visibility: 'public' } }),
  ];
  expect((await agent.post('/api/v1/variables', { variables: entries })).status).toBe(200);
  const answer = (await agent.post('/api/v1/prompt', SEED, KEY)).body as Answer & { provider: string };
  expect(answer.provider).toBe('DeepInfra');
  expect(model.requests[0]?.headers.authorization).toBe('Bearer sk-or-1');
  expect(model.requests[0]?.body).toMatchObject({ model: 'openai/gpt-4.1-mini', provider: JSON.parse(pinned) as object });
  const called = (await agent.events(answer.receipt_id)).find(({ type }) => type === 'model.called');
  expect(called).toMatchObject({ served_by: 'DeepInfra', provider_pinned: true });
});

test('bad input, a broken model and a pause are refused, with receipts', async () => {
  const model = await startOpenAiServer({ answers: [{ kind: 'raw', contentType: 'text/html', body: '<html>' }] });
  onTestFinished(() => model.close());
  const agent = await startOwnedAgent({ environment: settings(model) });
  const refused = async (body: unknown): Promise<unknown[]> => {
    const answer = await agent.post('/api/v1/prompt', body, KEY);
    return [answer.status, (answer.body as { code: string }).code];
  };
  expect(await refused({ messages: [] })).toEqual([422, 'task/bad-input']);
  expect(await refused({ ...SEED, temperature: 1 })).toEqual([422, 'task/bad-input']);
  expect(await refused({ ...SEED, max_tokens: 0 })).toEqual([422, 'task/bad-input']);
  expect(await refused(SEED)).toEqual([502, 'model/bad-reply']);
  const { agent_id: agentId, control } = await agent.config();
  const links = { agentId, version: 1, previousHash: control.paused.change_hash, expiry: Math.floor(Date.now() / 1000) + 600 };
  const pause = { type: 'SetPaused', fields: { ...links, paused: true } } as const;
  await agent.post('/api/v1/control', { message: pause, signatures: await signedBy(pause, 1) });
  expect(await refused(SEED)).toEqual([403, 'operator/paused']);
  const list = (await (await agent.request('/api/receipts?limit=9', { headers: KEY })).json()) as {
    receipts: { task: string; receipt_id: string }[];
  };
  const prompts = list.receipts.filter(({ task }) => task === 'prompt').map(({ receipt_id: id }) => id);
  const codes = await Promise.all(
    prompts.map(async (id) => (await agent.events(id)).find(({ type }) => type === 'task.failed')?.code),
  );
  expect(codes).toEqual(['operator/paused', 'model/bad-reply']);
});
