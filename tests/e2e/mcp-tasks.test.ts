/**
 * The kind: a task leaves an assistant room and knowledge. Results are short whatever the program prints, what was cut and what it left can be
 * fetched, a failure is an error, and a long call says that it lives. The official MCP client against a running agent with a scripted model.
 */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fenced, type OpenAiServer, type ScriptedAnswer, startOpenAiServer } from '@assay/testing';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest';
import { parseConfig, type RunningAgent, startAgent } from '../../packages/agent/src/index.ts';
import { processIo } from '../../packages/assay/src/command-line/io.ts';
import { serveHttp } from '../../packages/assay/src/mcp/http-server.ts';
import { createMcpServer } from '../../packages/assay/src/mcp/server.ts';
import { createTools, type Tools, toolSettings } from '../../packages/assay/src/mcp/tools.ts';

interface Called {
  readonly isError: boolean;
  readonly length: number;
  // biome-ignore lint/suspicious/noExplicitAny: answers of many shapes
  readonly body: any;
  readonly progress: readonly string[];
}

let model: OpenAiServer;
let agent: RunningAgent;
let directory: string;
let tools: Tools;
let script: ScriptedAnswer;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'assay-mcp-tasks-'));
  model = await startOpenAiServer({ answers: () => script });
  const environment = { AGENT_PORT: '0', ASSAY_DATA_DIR: directory, ASSAY_LOG_LEVEL: 'silent', ASSAY_MODEL_SECONDS: '5' };
  agent = await startAgent(parseConfig({ ...environment, AI_PROVIDER: 'custom', AI_API_BASE: model.base, AI_MODEL: 'm' }));
  await agent.ready;
  const simulatedRoot = join(directory, 'simulated-root.pem');
  tools = createTools(processIo(), await toolSettings(processIo(), { simulatedRoot, agent: agent.url }));
}, 60_000);

afterAll(async () => {
  await agent.close();
  await model.close();
  rmSync(directory, { recursive: true, force: true });
});

async function open(): Promise<Client> {
  const [ours, theirs] = InMemoryTransport.createLinkedPair();
  const server = createMcpServer(tools);
  await server.connect(theirs);
  const client = new Client({ name: 'test', version: '1' });
  await client.connect(ours);
  onTestFinished(() => client.close());
  return client;
}

async function call(name: string, input: object, client?: Client): Promise<Called> {
  const progress: string[] = [];
  const asked = client ?? (await open());
  const request = { name, arguments: { url: agent.url, ...input } };
  const result = await asked.callTool(request, undefined, { onprogress: ({ message }) => progress.push(message ?? '') });
  const [content] = result.content as { text: string }[];
  const text = content?.text ?? '';
  return { isError: result.isError === true, length: text.length, body: JSON.parse(text), progress };
}

async function run(code: string, more: object = {}): Promise<Called> {
  script = fenced('python', code);
  return call('run_task', { description: 'Do it', max_retries: 0, ...more });
}

test('a small task: short, with its steps on the way', { timeout: 60_000 }, async () => {
  const { isError, length, body, progress } = await run('print(6 * 7)');
  expect([isError, body.success, body.execution_result.stdout]).toEqual([false, true, '42\n']);
  expect(body).toMatchObject({
    generated_code: expect.any(String),
    artifacts: [],
    receipt_id: expect.stringMatching(/^rcpt_/),
  });
  expect(body.verdict).toMatchObject({ outcome: 'accepted', simulated: true, failed: [], checks: { fail: 0 } });
  expect(length).toBeLessThan(4000);
  expect(progress.map((line) => line.split(' ')[0])).toEqual(expect.arrayContaining(['writing', 'running', 'ended', 'logged']));
});

test('output without end is cut with a note, and can be fetched', { timeout: 60_000 }, async () => {
  const { isError, length, body } = await run(
    `print("START" + "y" * 900000 + "END")\nimport sys\nsys.stderr.write("e" * 50000)`,
  );
  expect([isError, body.success]).toEqual([false, true]);
  expect(length).toBeLessThan(20_000);
  expect(body.execution_result.stdout).toMatch(/^START.*characters left out.*END\n$/s);
  expect(body.shortened).toContain('fetch_artifact');
  const part = await call('fetch_artifact', { task_id: body.task_id, path: 'stdout', offset: 4, length: 10 });
  expect(part.body).toMatchObject({ text: 'Tyyyyyyyyy', next_offset: 14, verdict: { outcome: 'accepted' } });
  expect((await call('fetch_artifact', { task_id: body.task_id, path: 'stdout' })).length).toBeLessThan(70_000);
});

test('files are listed and fetchable, text as text and bytes as base64', { timeout: 60_000 }, async () => {
  const code = `open('/tmp/a.csv', 'w').write('x;ü')\nopen('/tmp/b.bin', 'wb').write(bytes([255, 0, 1]))\nprint('ok')`;
  const { body } = await run(code);
  expect(body.artifacts).toEqual([
    { path: 'a.csv', bytes: 4 },
    { path: 'b.bin', bytes: 3 },
  ]);
  const { task_id } = body;
  expect((await call('fetch_artifact', { task_id, path: 'a.csv' })).body).toMatchObject({ text: 'x;ü', bytes: 4 });
  expect((await call('fetch_artifact', { task_id, path: '/tmp/b.bin' })).body).toMatchObject({ base64: '/wAB' });
  const missing = await call('fetch_artifact', { task_id, path: 'c' });
  expect([missing.isError, missing.body.error.message]).toEqual([true, expect.stringContaining('a.csv, b.bin, stdout')]);
});

test('many files are counted, not poured out', { timeout: 60_000 }, async () => {
  const { body, length } = await run("for i in range(60):\n  open(f'/tmp/file-{i}.txt', 'w').write('x')\nprint('ok')");
  expect(body.artifacts.length).toBeLessThanOrEqual(50);
  expect(body.artifacts_note).toMatch(/^60 in all/);
  expect(length).toBeLessThan(12_000);
});

const failures: readonly (readonly [string, ScriptedAnswer, RegExp])[] = [
  ['the code fails', fenced('python', "raise ValueError('broken ' * 5000)"), /broken/],
  ['there is no code', { kind: 'text', text: 'I would rather not.' }, /./],
  ['the model is unknown', { kind: 'error', status: 404, message: 'model "m" not found' }, /not found/],
  ['the key is wrong', { kind: 'error', status: 401, message: 'bad key' }, /bad key/],
];

test.each(failures)('an error when %s', { timeout: 60_000 }, async (_, answer, words) => {
  script = answer;
  const { isError, body, length } = await call('run_task', { description: 'Do it', max_retries: 0 });
  expect([isError, body.success]).toEqual([true, false]);
  expect(body.error).toMatch(words);
  expect(body.receipt_id).toMatch(/^rcpt_/);
  expect(length).toBeLessThan(12_000);
});

test('an error when nothing listens', async () => {
  expect(await call('run_task', { url: 'http://127.0.0.1:1', description: 'Do it' })).toMatchObject({ isError: true });
});

test('files, retries and hosts reach the task', { timeout: 60_000 }, async () => {
  const code = "print(open('/tmp/in.txt').read(), len(open('/tmp/raw').read()))";
  const files = { 'in.txt': 'hello', raw: { base64: 'AAEC' } };
  const { body } = await run(code, { files, network: { allow: ['example.com:443'] } });
  expect(body.execution_result.stdout).toBe('hello 3\n');
  expect(JSON.stringify(model.requests.at(-1)?.body.messages)).toContain('example.com:443');
  const before = model.requests.length;
  await run('raise SystemExit(3)', { max_retries: 1 });
  expect(model.requests.length - before).toBe(2);
  const private_ = await call('run_task', { description: 'x', files: { a: { path: '/etc/passwd' } } });
  expect([private_.isError, private_.body.error.code]).toEqual([true, 'cli/bad-option']);
});

test('a call that takes long says that it lives, also over HTTP, and ends when the assistant cancels', {
  timeout: 60_000,
}, async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  onTestFinished(() => void vi.useRealTimers());
  const stop = new AbortController();
  const printed: string[] = [];
  const io = { ...processIo(), signal: stop.signal, stdout: (text: string) => void printed.push(text.trim()) };
  const serving = serveHttp(tools, { port: 0, token: null }, io);
  await vi.waitFor(() => expect(printed).toHaveLength(1));
  const client = new Client({ name: 'test', version: '1' });
  await client.connect(new StreamableHTTPClientTransport(new URL(printed[0] ?? '')) as Transport);
  script = { kind: 'silence' };
  const progress: string[] = [];
  const cancel = new AbortController();
  const result = client.callTool({ name: 'run_task', arguments: { url: agent.url, description: 'Wait' } }, undefined, {
    onprogress: ({ message }) => progress.push(message ?? ''),
    signal: cancel.signal,
  });
  await vi.waitFor(() => expect(progress.join()).toContain('writing'), { timeout: 5000 });
  vi.advanceTimersByTime(30_000);
  await vi.waitFor(() => expect(progress.filter((line) => line.includes('so far')).length).toBeGreaterThanOrEqual(3));
  cancel.abort();
  await expect(result).rejects.toThrow();
  await client.close();
  stop.abort();
  await serving;
});
