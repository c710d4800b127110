/**
 * Tools that owners registered: called while a prompt is answered, over HTTP, over MCP and by the wallet; each call an event of the prompt's
 * receipt. The whole story of a payment stands in one file, which no changed byte survives.
 */

import { readFileSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { type Hex, type OwnerMessage, parseSigningPolicy, policyHash } from '@assay/operator';
import { type OpenAiServer, type ScriptedAnswer, startOpenAiServer, transcript } from '@assay/testing';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import { verifyBundle } from 'assay';
import { expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { run } from '../../packages/assay/src/command-line/program.ts';
import { ANVIL, type LocalChain, startLocalChain } from './local-chain.ts';
import {
  API_KEY,
  MANIFEST,
  OWNER_ADDRESSES,
  type OwnedAgent,
  signedBy,
  startOwnedAgent,
  variableEntry,
} from './owned-agent.ts';

const KEY = { authorization: `Bearer ${API_KEY}` };
const ALICE: Hex = '0x86693cbe3f2581df512635823f46f0d593d96dba';
const MANIFEST_WITH_TOOLS = {
  ...MANIFEST,
  owners: { addresses: OWNER_ADDRESSES, threshold: 1 },
  variables: { ...MANIFEST.variables, tools: { visibility: 'public' }, price_key: {} },
};

interface Answer {
  readonly code: string;
  readonly response: { readonly content: string | null; readonly tool_calls: unknown };
  readonly receipt_id: string;
}

const called = (name: string, args: object, id = 'call_1'): object => ({
  id,
  type: 'function',
  function: { name, arguments: JSON.stringify(args) },
});
const reply = (message: object): ScriptedAnswer => ({
  kind: 'raw',
  contentType: 'application/json',
  body: JSON.stringify({ id: 'x', model: 'm', choices: [{ index: 0, finish_reason: 'stop', message }] }),
});
const asks = (...calls: object[]): ScriptedAnswer => reply({ role: 'assistant', content: null, tool_calls: calls });
const says = (content: string): ScriptedAnswer => reply({ role: 'assistant', content });

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  const pieces: Buffer[] = [];
  for await (const piece of request) pieces.push(piece as Buffer);
  return JSON.parse(Buffer.concat(pieces).toString());
}

async function startWithTools(
  tools: readonly object[],
  answers: readonly ScriptedAnswer[],
): Promise<{ agent: OwnedAgent; model: OpenAiServer; ask: (more?: object) => Promise<Answer> }> {
  const model = await startOpenAiServer({ answers });
  onTestFinished(() => model.close());
  const agent = await startOwnedAgent({
    manifest: MANIFEST_WITH_TOOLS,
    environment: { AI_PROVIDER: 'openai', AI_API_BASE: model.base, AI_API_KEY: 'k', AI_MODEL: 'm', ASSAY_RATE_LIMIT: '0' },
  });
  const config = await agent.config();
  const variables = [
    await variableEntry(config, 'tools', JSON.stringify(tools), { count: 1, fields: { visibility: 'public' } }),
    await variableEntry(config, 'price_key', 'secret-of-the-tool', { count: 1 }),
  ];
  expect((await agent.post('/api/v1/variables', { variables })).status).toBe(200);
  const ask = async (more: object = {}): Promise<Answer> =>
    (await agent.post('/api/v1/prompt', { messages: [{ role: 'user', content: 'go' }], ...more }, KEY)).body as Answer;
  return { agent, model, ask };
}

const httpTool = (url: string, more: object = {}) => ({
  name: 'price',
  description: 'the price of a thing',
  parameters: { type: 'object', properties: { of: { type: 'string' } } },
  endpoint: { type: 'http', url, ...more },
});

test('a tool over HTTP is called with its key, and the model goes on with the result', async () => {
  let seen: { authorization: string | undefined; body: unknown } | null = null;
  const url = await serve(async (request, response) => {
    seen = { authorization: request.headers.authorization, body: await bodyOf(request) };
    response.end('42 francs');
  });
  const { agent, model, ask } = await startWithTools(
    [httpTool(url, { secret: 'price_key' })],
    [asks(called('price', { of: 'tea' })), says('tea is 42 francs')],
  );
  const answer = await ask({ tool_choice: 'required' });
  expect(answer.response).toEqual({ content: 'tea is 42 francs', tool_calls: null });
  expect(seen).toEqual({
    authorization: 'Bearer secret-of-the-tool',
    body: { tool: 'price', arguments: { of: 'tea' }, call_id: 'call_1', prompt_receipt: answer.receipt_id },
  });
  expect(model.requests[0]?.body).toMatchObject({
    tool_choice: 'required',
    tools: [{ type: 'function', function: { name: 'price', description: 'the price of a thing' } }],
  });
  expect(model.requests[1]?.body).toMatchObject({ tool_choice: 'auto' });
  expect(model.requests[1]?.body.messages.at(-1)).toEqual({ role: 'tool', tool_call_id: 'call_1', content: '42 francs' });
  const events = await agent.events(answer.receipt_id);
  expect(events.filter(({ type }) => type === 'model.called')).toHaveLength(2);
  expect(events.find(({ type }) => type === 'tool.called')).toMatchObject({
    tool: 'price',
    call_id: 'call_1',
    status: 'completed',
    arguments_hash: expect.stringMatching(/^sha256:/),
    result_hash: expect.stringMatching(/^sha256:/),
  });
  expect(JSON.stringify(events)).not.toContain('secret-of-the-tool');
});

test('a tool of an MCP server', async () => {
  const url = await serve((request, response) => {
    const server = new McpServer({ name: 'tools', version: '1' });
    server.registerTool('find', { inputSchema: { what: z.string() } }, ({ what }) => ({
      content: [{ type: 'text', text: `found ${what}` }],
    }));
    const transport = new StreamableHTTPServerTransport({});
    void server.connect(transport as Transport).then(() => transport.handleRequest(request, response));
  });
  const tool = { name: 'search', parameters: { type: 'object' }, endpoint: { type: 'mcp', url: `${url}/mcp`, tool: 'find' } };
  const { agent, model, ask } = await startWithTools([tool], [asks(called('search', { what: 'x' })), says('done')]);
  const answer = await ask();
  expect(model.requests[1]?.body.messages.at(-1)?.content).toBe('found x');
  const events = await agent.events(answer.receipt_id);
  expect(events.find(({ type }) => type === 'tool.called')).toMatchObject({ tool: 'search', status: 'completed' });
});

test('tools that fail say so to the model; the caller’s own calls come back; too many calls end the prompt', async () => {
  const url = await serve((request, response) => {
    if (request.url === '/moved') response.writeHead(302, { location: '/' }).end();
    else if (request.url === '/large') response.end('x'.repeat(300 * 1024));
    else response.writeHead(500).end('broken');
  });
  const tools = ['broken', 'moved', 'large'].map((name) => ({ ...httpTool(`${url}/${name}`), name }));
  const { agent, model, ask } = await startWithTools(tools, [
    asks(...['broken', 'moved', 'large'].map((name, n) => called(name, {}, `c${n}`))),
    says('none works'),
    asks(called('mine', {}), called('broken', {})),
    reply({
      role: 'assistant',
      content: null,
      tool_calls: [{ ...called('broken', {}), function: { name: 'broken', arguments: 'no' } }],
    }),
    says('that was no JSON'),
    asks(called('broken', {})),
  ]);
  const first = await ask();
  const results = model.requests[1]?.body.messages.slice(-3).map(({ content }) => content);
  expect(results).toEqual(['broken', 'the tool gave no usable answer', expect.stringContaining('bytes/limit')]);
  const statuses = (await agent.events(first.receipt_id)).filter(({ type }) => type === 'tool.called');
  expect(statuses.map(({ status }) => status)).toEqual(['failed', 'failed', 'failed']);
  const mine = { type: 'function', function: { name: 'mine', parameters: { type: 'object' } } };
  const returned = await ask({ tools: [mine] });
  expect(returned.response.tool_calls).toHaveLength(2);
  expect((await agent.events(returned.receipt_id)).some(({ type }) => type === 'tool.called')).toBe(false);
  expect((await ask()).response.content).toBe('that was no JSON');
  expect((await ask({ tools: [{ ...mine, function: { name: 'broken' } }] })).code).toBe('task/bad-input');
  expect((await ask()).code).toBe('operator/too-many-tool-calls');
});

test('owners cannot register what is no list of tools', async () => {
  const agent = await startOwnedAgent({ manifest: MANIFEST_WITH_TOOLS });
  const entry = await variableEntry(await agent.config(), 'tools', '[{"name":"x"}]', {
    count: 1,
    fields: { visibility: 'public' },
  });
  const answer = await agent.post('/api/v1/variables', { variables: [entry] });
  expect([answer.status, (answer.body as Answer).code]).toEqual([400, 'operator/tools-malformed']);
});

async function payingAgent(answers: readonly ScriptedAnswer[], chain: LocalChain, most: string) {
  const tool = { name: 'pay', parameters: { type: 'object' }, endpoint: { type: 'wallet' } };
  const started = await startWithTools([tool], answers);
  const { agent } = started;
  const config = await agent.config();
  await chain.fund(config.wallet.address!, 10n ** 18n);
  const policy = {
    v: 'assay-operator-policy/1',
    chains: { [chain.chainId]: { rpc_urls: [chain.url], max_fee_per_gas: '20000000000', confirmations: 1 } },
    rules: [
      {
        id: 'tips',
        effect: 'allow',
        match: { recipients: [ALICE], callers: ['tool'] },
        caps: [{ asset: 'native', at_most: most }],
      },
    ],
  };
  const fields = {
    agentId: config.agent_id,
    policyHash: policyHash(parseSigningPolicy(JSON.stringify(policy))),
    version: 1,
    previousHash: config.control.policy.change_hash,
    expiry: Math.floor(Date.now() / 1000) + 600,
  };
  const message: OwnerMessage = { type: 'SetPolicy', fields };
  const set = await agent.post('/api/v1/control', { message, signatures: await signedBy(message, 1), policy });
  expect(set.status).toBe(200);
  return started;
}

interface Row {
  readonly state: string;
  readonly receipt_id: string;
  readonly final_receipt_id: string | null;
}

async function settled(agent: OwnedAgent): Promise<readonly Row[]> {
  for (let tries = 0; tries < 600; tries += 1) {
    const answer = await agent.request('/api/v1/transactions', { headers: KEY });
    const { transactions } = (await answer.json()) as { transactions: Row[] };
    if (transactions.length > 0 && transactions.every(({ state }) => state === 'included')) return transactions;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error('a transaction is not included after a minute');
}

test.skipIf(ANVIL === null)(
  'a payment by a tool: prompt, call, policy, signature and inclusion in one file, which no changed byte survives',
  { timeout: 120_000 },
  async () => {
    const chain = await startLocalChain();
    const pay = (value: number) => called('pay', { transaction: { to: ALICE, value }, rpc_url: chain.url, secret_token: 'x' });
    const { agent, model, ask } = await payingAgent(
      [asks(pay(60)), says('paid'), asks(pay(60)), says('not paid')],
      chain,
      '100',
    );
    const answer = await ask();
    expect(answer.response.content).toBe('paid');
    const [row] = await settled(agent);
    expect(await chain.client.getBalance({ address: ALICE })).toBe(60n);
    expect((await ask()).response.content).toBe('not paid');
    expect(model.requests[3]?.body.messages.at(-1)?.content).toContain('operator/denied');
    expect(await chain.client.getBalance({ address: ALICE })).toBe(60n);
    const ids = [answer.receipt_id, row!.receipt_id, row!.final_receipt_id].join(',');
    const bytes = new Uint8Array(await (await agent.request(`/bundles/${ids}`, { headers: KEY })).arrayBuffer());
    const root = join(agent.directory, 'data', 'simulated-root.pem');
    const verify = (file: Uint8Array) => verifyBundle(file, { trust: { simulatedRoot: readFileSync(root) } });
    const verdict = await verify(bytes);
    if (verdict.outcome !== 'accepted') throw new Error('expected an authentic bundle');
    const story = verdict.receipts.flatMap(({ receipt }) => receipt.event_log);
    const types = ['tool.called', 'message.signed', 'decision.made', 'transaction.signed', 'transaction.included'];
    expect(types.filter((type) => !story.some((event) => event.type === type))).toEqual([]);
    expect(story.find(({ type }) => type === 'decision.made')).toMatchObject({ cause: answer.receipt_id, caller: 'tool' });
    writeFileSync(join(agent.directory, 'bundle.json'), bytes);
    const io = transcript({ cwd: agent.directory, now: Date.now(), env: {} });
    expect(await run(['verify', 'bundle.json', '--simulated-root', root], io)).toBe(0);
    expect(await run(['inspect', 'bundle.json'], io)).toBe(0);
    for (const words of ['pay ended completed', 'message.signed', 'by rule tips', '60 wei to', 'Block '])
      expect(io.out()).toContain(words);
    const text = new TextDecoder().decode(bytes);
    for (const type of types) {
      const changed = bytes.slice();
      const at = text.indexOf(`"${type}"`) + 2;
      expect(at).toBeGreaterThan(2);
      changed[at] = (changed[at] ?? 0) ^ 1;
      expect([type, (await verify(changed)).outcome]).toEqual([type, expect.not.stringMatching('accepted')]);
    }
    // What the events name by hash: prompt, arguments, policy, request and signature.
    const kept = verdict.receipts.flatMap(({ payloads }) => payloads);
    for (const name of ['signed-answer', 'tool-1/arguments', 'policy.json', 'decision-request.json', 'signed-transaction'])
      expect([name, kept.some((each) => each.name === name)]).toEqual([name, true]);
    for (const { name, content } of kept) {
      const at = text.indexOf(Buffer.from(content ?? new Uint8Array()).toString('base64'));
      const changed = bytes.slice();
      changed[at] = changed[at] === 0x41 ? 0x42 : 0x41;
      expect([name, at > 0, (await verify(changed)).outcome]).toEqual([name, true, expect.not.stringMatching('accepted')]);
    }
  },
);

test.skipIf(ANVIL === null)(
  'a model that calls the payment tool again and again moves at most the cap',
  { timeout: 120_000 },
  async () => {
    const chain = await startLocalChain();
    const calls = Array.from({ length: 16 }, (_, n) =>
      called('pay', { transaction: { to: ALICE, value: 7 }, rpc_url: chain.url }, `c${n}`),
    );
    const { agent, ask } = await payingAgent([asks(...calls)], chain, '100');
    const answers = await Promise.all([ask(), ask(), ask()]);
    expect(answers.map(({ code }) => code)).toEqual(Array(3).fill('operator/too-many-tool-calls'));
    await settled(agent);
    expect(await chain.client.getBalance({ address: ALICE })).toBe(98n);
  },
);
