/** The agent as a process on a real socket: starting, clients that go away, stopping. */

import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { parseConfig, type RunningAgent, serve, startAgent } from '../../packages/agent/src/index.ts';

const COMMAND = new URL('../../packages/assay/src/command-line/main.ts', import.meta.url).pathname;
const json = { 'content-type': 'application/json' };
const sleeper = JSON.stringify({
  task_id: 'sleeper',
  data: {
    type: 'execute',
    language: 'python',
    code: 'import time\ntime.sleep(60)',
    limits: { seconds: 90 },
    reproducible: false,
  },
});

function dataDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'assay-process-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

async function start(environment: Record<string, string> = {}): Promise<RunningAgent & { directory: string }> {
  const directory = dataDirectory();
  const agent = await startAgent(
    parseConfig({
      AGENT_PORT: '0',
      ASSAY_DATA_DIR: directory,
      ASSAY_LOG_LEVEL: 'silent',
      AI_PROVIDER: 'recorded',
      ...environment,
    }),
  );
  onTestFinished(() => agent.close(0));
  await agent.ready;
  return { ...agent, directory };
}

async function until(check: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 200; tries += 1) {
    if (await check()) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error('it did not come to pass');
}

const stateOf = async (agent: RunningAgent, id: string): Promise<Record<string, unknown>> =>
  (await (await fetch(`${agent.url}/api/tasks/${id}`)).json()) as Record<string, unknown>;

test('a client that goes away cancels its task; the receipt says so', { timeout: 60_000 }, async () => {
  const agent = await start();
  const leave = new AbortController();
  const request = fetch(`${agent.url}/api/process`, { method: 'POST', headers: json, body: sleeper, signal: leave.signal });
  await until(async () => (await stateOf(agent, 'sleeper')).step === 'running');
  leave.abort();
  await expect(request).rejects.toThrow();
  await until(async () => (await stateOf(agent, 'sleeper')).status === 'cancelled');
  expect(await stateOf(agent, 'sleeper')).toMatchObject({
    status: 'cancelled',
    result: { success: false, error_code: 'task/cancelled', receipt_id: expect.stringMatching(/^rcpt_/) },
  });
});

test('stopping: what runs is cut off after its grace and sealed, new work is refused, the port is free', {
  timeout: 60_000,
}, async () => {
  const agent = await start();
  await fetch(`${agent.url}/api/process?async=1`, { method: 'POST', headers: json, body: sleeper });
  await until(async () => (await stateOf(agent, 'sleeper')).step === 'running');
  const closed = agent.close(500);
  const refused = await fetch(`${agent.url}/api/process`, {
    method: 'POST',
    headers: json,
    body: JSON.stringify({ data: { type: 'execute', code: '1' } }),
  });
  expect([refused.status, ((await refused.json()) as { code: string }).code]).toEqual([503, 'server/stopping']);
  expect((await fetch(`${agent.url}/health`)).status).toBe(503);
  await closed;
  await expect(fetch(`${agent.url}/health`)).rejects.toThrow();
  const again = await startAgent(
    parseConfig({
      AGENT_PORT: new URL(agent.url).port,
      ASSAY_DATA_DIR: agent.directory,
      ASSAY_LOG_LEVEL: 'silent',
      AI_PROVIDER: 'recorded',
    }),
  );
  onTestFinished(() => again.close(0));
  expect(await stateOf(again, 'sleeper')).toMatchObject({ status: 'interrupted', result: { error_code: 'task/interrupted' } });
});

test('a port in use, a data directory in use', { timeout: 60_000 }, async () => {
  const agent = await start();
  const taken = { AGENT_PORT: new URL(agent.url).port, ASSAY_DATA_DIR: dataDirectory(), ASSAY_LOG_LEVEL: 'silent' };
  await expect(startAgent(parseConfig(taken))).rejects.toMatchObject({
    code: 'config/bad-value',
    message: expect.stringContaining('in use'),
  });
  await expect(
    startAgent(parseConfig({ AGENT_PORT: '0', ASSAY_DATA_DIR: agent.directory, ASSAY_LOG_LEVEL: 'silent' })),
  ).rejects.toMatchObject({ code: 'ledger/in-use' });
});

test('a TEE that was asked for and is not there stops the start', { timeout: 60_000 }, async () => {
  const said: string[] = [];
  const options = {
    directory: tmpdir(),
    say: (text: string) => void said.push(text),
    color: false,
    signal: AbortSignal.timeout(60_000),
  };
  expect(
    await serve({ ...options, environment: { ASSAY_ATTESTER: 'nitro', AGENT_PORT: '0', ASSAY_DATA_DIR: dataDirectory() } }),
  ).toBe(1);
  expect(said.join('')).toMatch(/^error: the TEE nitro is not there; .*\[attester\/unavailable\]\n$/);
});

test('serve says what it found, in red what is not real, and every bad setting', { timeout: 60_000 }, async () => {
  const said: string[] = [];
  const stop = new AbortController();
  const environment = { AGENT_PORT: '0', ASSAY_DATA_DIR: dataDirectory(), ASSAY_LOG_LEVEL: 'silent', AI_PROVIDER: 'recorded' };
  const code = await serve({
    environment,
    directory: tmpdir(),
    color: true,
    signal: stop.signal,
    say: (text) => {
      said.push(text);
      if (text.includes('is up at')) setTimeout(() => stop.abort(), 10);
    },
  });
  expect(code).toBe(0);
  expect(said[0]).toContain('\u001b[31m\u001b[1mSIMULATED\u001b[22m\u001b[39m');
  expect(said[0]).toContain('\u001b[31m\u001b[1mRECORDED');
  said.length = 0;
  const bad = { ...environment, AGENT_PORT: 'x', AI_TEMPERATURE: 'hot' };
  expect(
    await serve({
      environment: bad,
      directory: tmpdir(),
      color: false,
      signal: stop.signal,
      say: (text) => void said.push(text),
    }),
  ).toBe(1);
  expect(said.join('').trim().split('\n')).toEqual([
    expect.stringMatching(/^error: AGENT_PORT .*\[config\/bad-value\]$/),
    expect.stringMatching(/^error: AI_TEMPERATURE/),
  ]);
});

test('the first start of an agent prints nothing before its banner', { timeout: 240_000 }, async () => {
  const child = spawn(process.execPath, ['--conditions=@assay/source', '--no-warnings', COMMAND, 'serve'], {
    cwd: tmpdir(),
    env: { PATH: process.env.PATH, HOME: process.env.HOME, AGENT_PORT: '0', ASSAY_DATA_DIR: dataDirectory(), NO_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = new Promise((resolve) => child.once('close', resolve));
  onTestFinished(async () => {
    child.kill();
    await ended;
  });
  const said = await new Promise<string>((resolve, reject) => {
    let text = '';
    const hear = (chunk: Buffer): void => {
      text += String(chunk);
      if (text.includes('is up at')) resolve(text);
    };
    child.stdout.on('data', hear);
    child.stderr.on('data', hear);
    child.once('exit', () => reject(new Error(`the agent did not start: ${text}`)));
  });
  expect(said.trimStart()).toMatch(/^Assay \d+\.\d+\.\d+ is up at http:/);
});
