/** `/openapi.json` is valid OpenAPI 3.1, and a running agent answers on every route as the document says. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encapsulateRequest, encodeRequest, parseKeyConfigs } from '@assay/channel';
import { sealEnvelope } from '@assay/channel/tutorial';
import { utf8 } from '@assay/encoding/bytes';
import { decodeHex, encodeHex } from '@assay/encoding/hex';
import { fenced, type OpenAiServer, type ScriptedAnswer, startOpenAiServer } from '@assay/testing';
import { Validator } from '@seriousme/openapi-schema-validator';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseConfig, type RunningAgent, startAgent } from '../../packages/agent/src/index.ts';
import { type ConfigBody, MANIFEST, OWNER_ADDRESSES, signedBy, variableEntry } from '../operator/owned-agent.ts';
import { type ApiChecker, type ApiDocument, apiChecker } from './openapi-answers.ts';

const API_KEY = 'the-key-of-the-clients';
const OPERATOR_KEY = 'the-key-of-the-operator';
const GOOD: ScriptedAnswer = fenced('python', 'print(6 * 7)');

let directory: string;
let model: OpenAiServer;
let agent: RunningAgent;
let document: ApiDocument;
let check: ApiChecker;
let script: ScriptedAnswer = GOOD;
/** Routes whose answers were checked with a status that is no problem. */
const seen = new Set<string>();

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'assay-openapi-'));
  model = await startOpenAiServer({ answers: () => script, models: ['maker/model-1'] });
  writeFileSync(join(directory, 'operator.json'), JSON.stringify(MANIFEST));
  agent = await startAgent(
    parseConfig({
      AGENT_PORT: '0',
      ASSAY_DATA_DIR: directory,
      ASSAY_LOG_LEVEL: 'silent',
      ASSAY_API_KEY: API_KEY,
      ASSAY_OPERATOR_KEY: OPERATOR_KEY,
      ASSAY_OPERATOR_MANIFEST: join(directory, 'operator.json'),
      AI_PROVIDER: 'openai',
      AI_API_BASE: model.base,
      AI_API_KEY: 'key-of-the-operator',
      AI_MODEL: 'maker/model-1',
    }),
  );
  await agent.ready;
  document = (await (await fetch(`${agent.url}/openapi.json`)).json()) as ApiDocument;
  check = apiChecker(document);
}, 120_000);

afterAll(async () => {
  await agent?.close();
  await model?.close();
  rmSync(directory, { recursive: true, force: true });
});

interface Call {
  /** Path with its parameters filled in; the route's own unless given. */
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: BodyInit;
  /** 200 unless given. */
  readonly status?: number;
}

/** Makes a call and holds its answer against the document. Gives the answer. */
async function call(route: string, { path, headers, body, status = 200 }: Call = {}): Promise<Response> {
  const [method = '', template = ''] = route.split(' ');
  if (status < 400 && typeof body === 'string') expect(check.request(route, JSON.parse(body)), `${route} ${body}`).toEqual([]);
  const response = await fetch(`${agent.url}${path ?? template}`, {
    method,
    redirect: 'manual',
    headers: { authorization: `Bearer ${API_KEY}`, ...headers },
    ...(body === undefined ? {} : { body }),
  });
  const copy = response.clone();
  expect([route, response.status, response.status === status ? '' : await response.text()]).toEqual([route, status, '']);
  expect(await check.answer(route, copy), `${route} ${status}`).toEqual([]);
  if (status < 400) seen.add(route);
  return response;
}

const JSON_TYPE = { 'content-type': 'application/json' };
const json = (value: unknown): Pick<Call, 'headers' | 'body'> => ({ headers: JSON_TYPE, body: JSON.stringify(value) });

/** Does a task; gives members of its answer. */
async function work(data: object, more: object = {}, status = 200): Promise<{ task_id: string; receipt_id: string }> {
  const response = await call('POST /api/process', { ...json({ data, ...more }), status });
  return (await response.json()) as { task_id: string; receipt_id: string };
}

test('the document is valid OpenAPI 3.1', async () => {
  const validator = new Validator();
  expect(await validator.validate(structuredClone(document) as Record<string, unknown>)).toEqual({ valid: true });
  expect(validator.version).toBe('3.1');
  const twisted = { ...structuredClone(document), paths: { '/x': { get: { responses: { 200: {} } } } } };
  expect((await new Validator().validate(twisted)).valid).toBe(false);
});

test('every route declares an answer of success', () => {
  for (const [path, methods] of Object.entries(document.paths))
    for (const [method, { responses }] of Object.entries(methods))
      expect(
        Object.keys(responses).some((status) => /^[23]/.test(status)),
        `${method} ${path}`,
      ).toBe(true);
});

test('a request or an answer that is not as declared is found', async () => {
  expect(check.request('POST /api/process', { data: { type: 'execute', code: 'x' } })).toEqual([]);
  expect(check.request('POST /api/process', { data: { type: 'execute', code: 7 } })).not.toEqual([]);
  expect(check.request('POST /api/process', { data: { type: 'fly' } })).not.toEqual([]);
  expect(check.request('GET /ping', {})).toHaveLength(1);
  const said = (body: object): Response => Response.json(body);
  expect(await check.answer('GET /ping', said({ pong: 1 }))).toEqual([]);
  expect(await check.answer('GET /ping', said({ pong: 'soon' }))).toHaveLength(1);
  expect(await check.answer('GET /ping', said({ pong: 1, more: 2 }))).toHaveLength(1);
  expect(await check.answer('GET /ping', new Response('pong'))).toHaveLength(1);
  expect(await check.answer('GET /pong', said({}))).toHaveLength(1);
});

test("the seeds' requests are as declared", () => {
  const type = 'ai_generate_and_execute';
  const seeds = [
    { data: { type, description: 'Calculate the factorial of 10', language: 'python', include_attestation: false } },
    { data: { type, description: 'x', language: 'javascript', context: {}, max_retries: 2, include_attestation: false } },
    { data: { type, description: 'Balance', context: { rpc: 'https://base.llamarpc.com', address: '0x1' } } },
    { query: 'Calculate', task_id: 't-1', data: { type, description: 'x', include_attestation: true } },
    { data: { command: 'ls', timeout: 5 } },
  ];
  for (const seed of seeds) expect(check.request('POST /api/process', seed), JSON.stringify(seed)).toEqual([]);
});

test('what owners set', async () => {
  const config = (await (await call('GET /api/v1/config')).json()) as ConfigBody;
  await call('GET /api/v1/config', { path: '/api/v1/config?nonce=7', status: 400 });
  const variables = [await variableEntry(config, 'anthropic_api_key', 'sk-1'), await variableEntry(config, 'greeting', 'hi')];
  await call('POST /api/v1/variables', json({ variables }));
  await call('POST /api/v1/variables', { ...json({ variables }), status: 409 });
  await call('POST /api/v1//variables', json({ variables: [await variableEntry(config, 'secret_token', 't')] }));
  await call('POST /api/v1/prompt', json({ messages: [{ role: 'user', content: 'hi' }] }));
  await call('POST /api/v1/prompt', { ...json({ messages: [] }), status: 422 });
  const transaction = {
    transaction: { to: `0x${'a1'.repeat(20)}`, value: 3, data: '0x' },
    rpc_url: 'https://sepolia.base.org',
  };
  await call('POST /api/v1/sign-transaction', { ...json(transaction), status: 403 });
  const stuck = { transaction_hash: `0x${'12'.repeat(32)}`, action: 'bump' };
  await call('POST /api/v1/replace-transaction', { ...json(stuck), status: 422 });
  await call('POST /api/v1/sign-message', { ...json({ message: 'hello' }), status: 403 });
  await call('GET /api/v1/transactions');
  await call('GET /.well-known/agent-card.json');
  await call('GET /.well-known/agent-registration.json');
  await call('GET /api/v1/variables');
  await call('GET /api/v1//variables', { path: '/api/v1//variables?name=greeting' });
  await call('GET /api/v1/variables', { path: '/api/v1/variables?name=secret_token', status: 404 });
  const links = { version: 1, previousHash: config.control.owners.change_hash, expiry: Math.floor(Date.now() / 1000) + 600 };
  const fields = { agentId: config.agent_id, owners: OWNER_ADDRESSES, threshold: 1, ...links };
  const message = { type: 'SetOwners', fields } as const;
  await call('POST /api/v1/control', json({ message, signatures: await signedBy(message, 2) }));
});

test('API keys', async () => {
  const operator = { ...JSON_TYPE, 'x-operator-key': OPERATOR_KEY };
  const add = { headers: operator, body: JSON.stringify({ name: 'team-a', scopes: ['read'], quotas: { requests: 5 } }) };
  const { key } = (await (await call('POST /api/operator/keys', add)).json()) as { key: string };
  await call('POST /api/operator/keys', { ...add, status: 409 });
  await call('GET /api/operator/keys', { headers: operator });
  await call('GET /api/usage', { headers: { authorization: `Bearer ${key}` } });
  await call('GET /api/operator/usage', { path: '/api/operator/usage?days=2', headers: operator });
  await call('GET /api/operator/usage', { path: '/api/operator/usage?days=0', headers: operator, status: 400 });
  await call('DELETE /api/operator/keys/{name}', { path: '/api/operator/keys/team-a', headers: operator });
  await call('DELETE /api/operator/keys/{name}', { path: '/api/operator/keys/nothing', headers: operator, status: 404 });
});

test('console, operation, log and channel', async () => {
  await call('GET /', { status: 302 });
  await call('GET /receipts/{id}', { path: '/receipts/rcpt-1' });
  for (const page of ['developer', 'tasks', 'chat', 'verify', 'receipts', 'contracts', 'owners', 'status']) {
    const text = await (await call(`GET /${page}`)).text();
    const asset = /\/assets\/[\w.-]+\.js/.exec(text)?.[0];
    if (asset !== undefined) await call('GET /assets/{path}', { path: asset });
  }
  await call('GET /tasks/{id}', { path: '/tasks/new' });
  await call('GET /contracts/{id}', { path: '/contracts/one' });
  for (const path of ['/health', '/metrics', '/api/status', '/openapi.json', '/ping', '/ohttp-keys', '/.well-known/hpke-keys'])
    await call(`GET ${path}`);
  await call('GET /log/checkpoint');
  await call('GET /log/vkeys');
  await call('GET /log/tile/{path}', { path: '/log/tile/0/000.p/1' });
  await call('GET /log/entries/{path}', { path: '/log/entries/000.p/1' });
  await call('GET /log/tile/{path}', { path: '/log/tile/none', status: 404 });
  const configurations = new Uint8Array(await (await call('GET /ohttp-keys')).arrayBuffer());
  const inner = {
    method: 'GET',
    scheme: 'http',
    authority: '127.0.0.1',
    path: '/health',
    headers: [],
    body: new Uint8Array(0),
  };
  const { bytes } = await encapsulateRequest(parseKeyConfigs(configurations)[0]!, encodeRequest(inner));
  await call('POST /ohttp', { headers: { 'content-type': 'message/ohttp-req' }, body: bytes as BodyInit });
  await call('POST /ohttp', { headers: JSON_TYPE, body: '{}', status: 415 });
  const headers = { ...JSON_TYPE, 'x-operator-key': OPERATOR_KEY };
  await call('POST /api/operator/rotate-keys', { headers, body: '{"overlap_seconds":60}' });
});

test('models that run here', async () => {
  await call('GET /api/models');
  await call('POST /api/models/fetch', { ...json({ name: 'none' }), status: 404 });
  await call('POST /api/models/fetch', { ...json({ model: 'none' }), status: 400 });
  await call('DELETE /api/models/fetch', { status: 404 });
  await call('GET /api/models/fetch/events', { status: 404 });
  await call('POST /api/models/fetch', { ...json({ name: 'smollm2-135m' }), status: 202 });
  await call('POST /api/models/fetch', { ...json({ name: 'smollm2-135m' }), status: 409 });
  await call('DELETE /api/models/fetch');
  expect(await (await call('GET /api/models/fetch/events')).text()).toContain('"status":"cancelled"');
  await call('GET /api/models');
});

test('tasks of every type, their states, events and files', { timeout: 120_000 }, async () => {
  const files = [{ path: '/tmp/a.txt', content: 'a' }];
  const left = await work({ type: 'execute', code: "open('/tmp/out.txt', 'w').write('out')", include_attestation: true });
  await work({ type: 'execute', code: 'raise ValueError(1)', language: 'python' });
  await work({ type: 'ai_generate_and_execute', description: 'six times seven', include_attestation: true });
  script = { kind: 'text', text: 'I would rather not.' };
  await work({ type: 'ai_generate_and_execute', description: 'nothing', max_retries: 0 });
  script = { kind: 'error', status: 401 };
  const refused = await work({ type: 'ai_generate_and_execute', description: 'nothing', max_retries: 0 }, {}, 502);
  script = GOOD;
  await work({ type: 'jupyter', code: 'import sys\nprint(1)\nsys.stderr.write("2")\n3', session_id: 's1' });
  await work({ type: 'jupyter', code: 'raise ValueError(1)', session_id: 's1' });
  await work({ type: 'nodejs', code: 'console.log(1)', files });
  await work({ type: 'file_write', path: '/tmp/kept.bin', content_base64: '/w==' });
  await work({ type: 'file_read', path: '/tmp/kept.bin' });
  await work({ type: 'file_read', path: '/tmp/none' }, {}, 404);
  await work({ type: 'fly' }, {}, 422);
  const { sandbox } = await agent.status();
  await work({ command: 'echo 1' }, {}, sandbox.languages.includes('shell') ? 200 : 422);

  const path = (of: { task_id: string }, rest = ''): string => `/api/tasks/${of.task_id}${rest}`;
  await call('GET /api/tasks', { path: '/api/tasks?limit=200' });
  await call('GET /api/tasks', { path: '/api/tasks?limit=x', status: 400 });
  for (const one of [left, refused]) {
    await call('GET /api/tasks/{id}/attempts', { path: path(one, '/attempts') });
    await call('GET /api/tasks/{id}/request', { path: path(one, '/request') });
  }
  await call('GET /api/tasks/{id}', { path: path(left) });
  await call('GET /api/tasks/{id}', { path: path(refused) });
  await call('GET /api/tasks/{id}', { path: '/api/tasks/none', status: 404 });
  await call('GET /api/tasks/{id}/events', { path: path(left, '/events') });
  await call('GET /api/tasks/{id}/events', { path: path(left, '/events?after=x'), status: 400 });
  await call('GET /api/tasks/{id}/artifacts', { path: path(left, '/artifacts') });
  await call('GET /api/tasks/{id}/artifacts/{path}', { path: path(left, '/artifacts/tmp/out.txt') });
  await call('DELETE /api/tasks/{id}', { path: path(left) });
  for (const route of ['/api/v1/audits', '/api/v1/builds']) {
    const started = await call(`POST ${route}`, { ...json({ data: { contract_code: 'contract A {}' } }), status: 202 });
    const { task_id } = (await started.json()) as { task_id: string };
    await call(`GET ${route}/{id}`, { path: `${route}/${task_id}` });
    await call(`GET ${route}/{id}`, { path: `${route}/none`, status: 404 });
    await call(`POST ${route}`, { ...json({ data: { contract_code: 7 } }), status: 422 });
    await fetch(`${agent.url}/api/tasks/${task_id}/events`, { headers: { authorization: `Bearer ${API_KEY}` } }).then((each) =>
      each.text(),
    );
    await call(`DELETE ${route}/{id}`, { path: `${route}/${task_id}` });
  }
  const held = await call('POST /api/process', {
    path: '/api/process?async=1',
    ...json({ task_id: 'held', data: { type: 'ai_generate_and_execute', description: 'six times seven', review: true } }),
    status: 202,
  });
  await held.body?.cancel();
  const told = await fetch(`${agent.url}/api/tasks/held/events`, { headers: { authorization: `Bearer ${API_KEY}` } });
  let events = '';
  for await (const piece of told.body!.pipeThrough(new TextDecoderStream())) {
    events += piece;
    if (/"code_hash":"[^"]+"/.test(events)) break;
  }
  const decided = { attempt: 1, proposed_hash: /"code_hash":"([^"]+)"/.exec(events)![1]!, decision: 'run', code: 'print(43)' };
  const reviewPath = { path: '/api/tasks/held/review' };
  await call('POST /api/tasks/{id}/review', { ...reviewPath, ...json({}), status: 422 });
  await call('POST /api/tasks/{id}/review', { ...reviewPath, ...json(decided), status: 202 });
  await (await fetch(`${agent.url}/api/tasks/held/events`, { headers: { authorization: `Bearer ${API_KEY}` } })).text();
  await call('GET /api/tasks/{id}', { path: '/api/tasks/held' });
  await call('GET /api/tasks/{id}', { path: '/api/tasks/held?brief=1' });
  const later = await call('POST /api/process', {
    path: '/api/process?async=1',
    ...json({ data: { type: 'execute', code: 'while True: pass' } }),
    status: 202,
  });
  await call('DELETE /api/tasks/{id}', { path: path((await later.json()) as { task_id: string }), status: 202 });
});

test('proof', async () => {
  const { receipt_id: id } = await work({ type: 'file_write', path: '/tmp/b.txt', content: 'b' });
  await call('GET /v1/aci/attestation');
  await call('GET /v1/aci/attestation', { path: `/v1/aci/attestation?nonce=${'0f'.repeat(32)}` });
  await call('GET /v1/aci/attestation', { path: '/v1/aci/attestation?nonce=1', status: 400 });
  await call('GET /simulated-root.pem');
  await call('GET /enclave/attestation', { path: `/enclave/attestation?nonce=${'4e'.repeat(20)}` });
  await call('GET /enclave/hash');
  await call('GET /v1/aci/receipts/{id}', { path: `/v1/aci/receipts/${id}` });
  await call('GET /v1/aci/receipts/{id}', { path: '/v1/aci/receipts/none', status: 404 });
  await call('GET /api/receipts', { path: '/api/receipts?limit=3' });
  await call('GET /api/receipts', { path: '/api/receipts?limit=x', status: 400 });
  await call('GET /api/receipts/{id}', { path: `/api/receipts/${id}` });
  await call('GET /bundles/{id}', { path: `/bundles/${id}` });
  await call('GET /bundles/{id}', { path: `/bundles/${id}?redact=1` });
});

test('inference', async () => {
  const messages = [{ role: 'user', content: 'Hi' }];
  await call('POST /v1/chat/completions', json({ model: 'default', messages }));
  await call('POST /v1/chat/completions', json({ model: 'default', messages, stream: true }));
  await call('POST /v1/chat/completions', { ...json({ model: 7 }), status: 400 });
  await call('POST /v1/responses', json({ model: 'default', input: 'Hi' }));
  await call('POST /v1/responses', json({ model: 'default', input: 'Hi', stream: true }));
  script = raw({ id: 'cmpl-1', object: 'text_completion', choices: [{ index: 0, text: 'Hi', finish_reason: 'stop' }] });
  await call('POST /v1/completions', json({ model: 'default', prompt: 'Hi' }));
  script = raw({ object: 'list', data: [{ object: 'embedding', index: 0, embedding: [0.5] }] });
  await call('POST /v1/embeddings', json({ model: 'default', input: 'Hi' }));
  script = GOOD;
  await call('GET /v1/models');
  await call('GET /v1/models/{id}', { path: '/v1/models/maker/model-1' });
  await call('GET /v1/models/{id}', { path: '/v1/models/none', status: 404 });
  await call('GET /v1/aci/sessions');
  await call('GET /v1/aci/sessions/{id}', { path: `/v1/aci/sessions/${'0'.repeat(64)}`, status: 404 });
});

test('transcripts', async () => {
  const created = await call('POST /attestation/create', json({ nonce: '0e'.repeat(32) }));
  await call('POST /attestation/create', { ...json({ nonce: 7 }), status: 422 });
  const { session_id } = (await created.json()) as { session_id: string };
  await call('GET /evidence/bundle', { status: 404 });
  await call('POST /inference', json({ session_id, prompt: 'Hi' }));
  await call('POST /inference', { ...json({ session_id: 'none', prompt: 'Hi' }), status: 401 });
  const bundle = await (await call('GET /evidence/bundle', { path: `/evidence/bundle?session_id=${session_id}` })).text();
  await call('POST /evidence/verify', { headers: { 'content-type': 'application/json' }, body: bundle });
  await call('POST /evidence/verify', { ...json({}), status: 400 });
  await call('GET /stats');
  await call('GET /platform/info');
});

test('the tutorial', async () => {
  const { attestation_doc: key } = (await (await call('GET /attestation')).json()) as {
    attestation_doc: { public_key: string };
  };
  const pair = await crypto.subtle.generateKey({ name: 'ECDH', namedCurve: 'P-384' }, false, ['deriveBits']);
  const spki = new Uint8Array(await crypto.subtle.exportKey('spki', pair.publicKey));
  const nonce = crypto.getRandomValues(new Uint8Array(32));
  const peerSpki = decodeHex(key.public_key);
  const question = utf8(JSON.stringify({ api_key: 'k', message: 'Hi', platform: 'openai' }));
  const data = await sealEnvelope({ privateKey: pair.privateKey, peerSpki, nonce }, question);
  const asked = { nonce: encodeHex(nonce), public_key: encodeHex(spki), data: encodeHex(data) };
  expect(await (await call('POST /talk', json(asked))).json()).toHaveProperty('sig');
  await call('POST /talk', json({ ...asked, nonce: '00' }));
  await call('POST /talk', { ...json({}), status: 500 });
});

test('no route was left out', () => {
  const all = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  );
  // A session is only there with an attested upstream, a transaction with a chain: tests/upstream and tests/operator have them.
  const elsewhere = [
    'GET /v1/aci/sessions/{id}',
    'POST /api/v1/sign-transaction',
    'POST /api/v1/sign-message',
    'POST /api/v1/replace-transaction',
  ];
  const unseen = all.filter((route) => !seen.has(route) && !elsewhere.includes(route));
  expect(unseen).toEqual(agent.consoleBuilt ? [] : ['GET /assets/{path}']);
});

const raw = (body: object): ScriptedAnswer => ({ kind: 'raw', contentType: 'application/json', body: JSON.stringify(body) });
