/** `assay mcp` as an assistant meets it: the official MCP client, over standard input and over HTTP, against a running agent. */

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { parseConfig, type RunningAgent, startAgent } from '../../packages/agent/src/index.ts';

const MAIN = new URL('../../packages/assay/src/command-line/main.ts', import.meta.url).pathname;
const ARGS = ['--disable-warning=ExperimentalWarning', '--conditions=@assay/source', MAIN, 'mcp'];
let directory: string;
let agent: RunningAgent;
let root: string;
let child: ChildProcess | null = null;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'assay-mcp-'));
  agent = await startAgent(
    parseConfig({ AGENT_PORT: '0', ASSAY_DATA_DIR: directory, ASSAY_LOG_LEVEL: 'error', AI_PROVIDER: 'recorded' }),
  );
  root = join(directory, 'simulated-root.pem');
}, 60_000);

afterAll(async () => {
  child?.kill();
  await agent.close();
  rmSync(directory, { recursive: true, force: true });
});

async function call(
  client: Client,
  name: string,
  input: Record<string, unknown>,
): Promise<{
  isError: boolean;
  body: Record<string, never> & { verdict: { outcome: string; simulated: boolean; scope: string } };
}> {
  const result = await client.callTool({ name, arguments: input });
  const [content] = result.content as { text: string }[];
  return { isError: result.isError === true, body: JSON.parse(content?.text ?? '{}') };
}

async function openStdio(args: readonly string[]): Promise<Client> {
  const client = new Client({ name: 'test', version: '1' });
  await client.connect(
    new StdioClientTransport({ command: process.execPath, args: [...ARGS, ...args], stderr: 'ignore' }) as Transport,
  );
  return client;
}

it('runs a task, asks, fetches a receipt and verifies its bundle', { timeout: 90_000 }, async () => {
  const client = await openStdio(['--simulated-root', root, '--agent', agent.url]);
  expect((await client.listTools()).tools.map(({ name }) => name).sort()).toEqual([
    'ask_agent',
    'fetch_artifact',
    'fetch_receipt',
    'run_task',
    'verify_evidence',
  ]);
  const asked = await call(client, 'ask_agent', { url: agent.url, question: 'Calculate the factorial of 10' });
  expect(asked.body.verdict).toMatchObject({ outcome: 'accepted', simulated: true });
  const ran = await call(client, 'run_task', {
    url: agent.url,
    description: 'Calculate the factorial of 10 and print the result',
  });
  expect(ran).toMatchObject({
    isError: false,
    body: { success: true, execution_result: { stdout: expect.stringContaining('3628800') } },
  });
  const fetched = await call(client, 'fetch_receipt', {
    url: agent.url,
    receipt_id: (ran.body as Record<string, unknown>).receipt_id,
  });
  expect(fetched.body.verdict.outcome).toBe('accepted');
  const bundle = await (await fetch(`${agent.url}/bundles/${(ran.body as Record<string, unknown>).receipt_id}`)).text();
  expect((await call(client, 'verify_evidence', { evidence: bundle })).body.verdict.outcome).toBe('accepted');
  expect(await call(client, 'verify_evidence', { evidence: bundle.replace('"served_at":1', '"served_at":2') })).toMatchObject({
    isError: true,
  });
  await client.close();
});

it('refuses what it cannot verify, and does not read files unasked', { timeout: 60_000 }, async () => {
  const client = await openStdio(['--agent', agent.url]);
  const asked = await call(client, 'ask_agent', { url: agent.url, question: 'anything' });
  expect(asked).toMatchObject({
    isError: true,
    body: { error: { code: 'client/attestation-refused' }, verdict: { outcome: 'not-authentic' } },
  });
  expect(await call(client, 'verify_evidence', { evidence: '/etc/passwd', encoding: 'file' })).toMatchObject({ isError: true });
  await client.close();
});

it('speaks streamable HTTP on loopback, and not to web pages', { timeout: 60_000 }, async () => {
  const started = spawn(process.execPath, [...ARGS, '--http', '0', '--simulated-root', root], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  child = started;
  const url = await new Promise<string>((resolve) =>
    started.stdout.once('data', (text: Buffer) => resolve(text.toString().trim())),
  );
  const client = new Client({ name: 'test', version: '1' });
  await client.connect(new StreamableHTTPClientTransport(new URL(url)) as Transport);
  const report = await (await fetch(`${agent.url}/v1/aci/attestation`)).text();
  expect((await call(client, 'verify_evidence', { evidence: report })).body.verdict.outcome).toBe('accepted');
  await client.close();
  const post = (to: string, headers: Record<string, string>) => fetch(to, { method: 'POST', headers, body: '{}' });
  const json = { 'content-type': 'application/json' };
  expect((await post(url, { ...json, origin: 'https://evil.example' })).status).toBe(403);
  expect((await post(url, { ...json, 'sec-fetch-site': 'cross-site' })).status).toBe(403);
  expect((await post(url, { 'content-type': 'text/plain' })).status).toBe(415);
  const { origin, searchParams } = new URL(url);
  const token = searchParams.get('token') ?? '';
  expect(token).toMatch(/^[0-9a-f]{64}$/);
  for (const headers of [{}, { authorization: 'Bearer guess' }, { authorization: `Bearer ${token.slice(1)}` }])
    expect((await post(`${origin}/mcp`, { ...json, ...headers })).status).toBe(401);
  expect((await post(`${origin}/mcp?token=guess`, json)).status).toBe(401);
  expect((await post(`${origin}/mcp`, { ...json, authorization: `Bearer ${token}` })).status).toBe(406); // no Accept: past the guards
  expect(readFileSync(root, 'utf8')).toContain('BEGIN CERTIFICATE');
});
