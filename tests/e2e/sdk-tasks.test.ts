/** The SDK over an agent's tasks: listed, attached to, asked for again, reviewed; also after the agent was started again. */

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expectCode, fenced, type OpenAiServer, startOpenAiServer } from '@assay/testing';
import { type Agent, connect, verifyBundle } from 'assay';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseConfig, type RunningAgent, startAgent } from '../../packages/agent/src/index.ts';

let directory: string;
let model: OpenAiServer;
let running: RunningAgent;
let agent: Agent;

async function start(): Promise<void> {
  running = await startAgent(
    parseConfig({
      AGENT_PORT: '0',
      ASSAY_DATA_DIR: directory,
      ASSAY_LOG_LEVEL: 'silent',
      AI_PROVIDER: 'ollama',
      AI_API_BASE: model.base,
    }),
  );
  await running.ready;
  agent = await connect(running.url, { trust: { simulatedRoot: readFileSync(join(directory, 'simulated-root.pem'), 'utf8') } });
}

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'assay-sdk-tasks-'));
  model = await startOpenAiServer({
    answers: ({ body }) => {
      const task = body.messages[1]?.content ?? '';
      if (task.includes('missing') && body.messages.length === 2) return fenced('python', "open('/tmp/missing.txt')");
      return fenced('python', "open('/tmp/out.csv', 'w').write('a,b\\n1,2\\n')\nprint(6 * 7)");
    },
  });
  await start();
}, 120_000);

afterAll(async () => {
  await running?.close();
  await model?.close();
  rmSync(directory, { recursive: true, force: true });
});

test('a task is found again after a restart, with its attempts, its request, and a result that verifies', {
  timeout: 120_000,
}, async () => {
  const run = agent.run('Read what may be missing', { files: { 'in.txt': 'x' } });
  const first = await run;
  expect(first).toMatchObject({ outcome: 'succeeded', stdout: '42\n', executedCode: null });
  const before = await agent.tasks.attempts(run.id);
  await running.close();
  await start();
  const { tasks } = await agent.tasks.list({ search: 'MAY be', status: ['succeeded'] });
  expect(tasks).toMatchObject([{ task_id: run.id, title: 'Read what may be missing', attempts: 2, code: null }]);
  expect(await agent.tasks.find(run.id)).toMatchObject({ status: 'succeeded', receipt_id: first.receipt.receipt_id });
  expect(await agent.tasks.attempts(run.id)).toEqual(before);
  expect(before).toMatchObject([
    { state: 'failed', error: expect.stringContaining('FileNotFoundError') },
    { state: 'succeeded', stdout: '42\n', files: [{ path: '/tmp/out.csv', bytes: 8 }] },
  ]);
  const attached = agent.attach(run.id);
  const types: string[] = [];
  for await (const { type } of attached) types.push(type);
  expect(types).toEqual([
    ...['accepted', 'writing', 'code', 'running', 'stderr', 'executed', 'retry'],
    ...['writing', 'code', 'running', 'stdout', 'artifact', 'executed', 'sealing', 'logged', 'done'],
  ]);
  expect((await attached).files['out.csv']).toEqual(first.files['out.csv']);
  const again = await agent.run(await agent.tasks.request(run.id));
  expect([again.outcome, again.receipt.receipt_id === first.receipt.receipt_id]).toEqual(['succeeded', false]);
});

test('a task starts, once, although the agent was started again in between', { timeout: 60_000 }, async () => {
  const { port } = new URL(running.url);
  await running.close();
  running = await startAgent(
    parseConfig({
      AGENT_PORT: port,
      ASSAY_DATA_DIR: directory,
      ASSAY_LOG_LEVEL: 'silent',
      AI_PROVIDER: 'ollama',
      AI_API_BASE: model.base,
    }),
  );
  const run = agent.run({ type: 'execute', code: 'print("once")' });
  expect((await run).stdout).toBe('once\n');
  expect((await agent.tasks.list({ search: 'once' })).tasks.map(({ task_id }) => task_id)).toEqual([run.id]);
});

test('review: an edited program runs, and the receipt holds both', { timeout: 60_000 }, async () => {
  const seen: string[] = [];
  const run = agent.run('Six times seven', {
    review: ({ code, attempt, language }) => {
      seen.push(`${attempt} ${language} ${code.includes('6 * 7')}`);
      return 'print(43)';
    },
  });
  const result = await run;
  expect([seen, result.stdout]).toEqual([['1 python true'], '43\n']);
  expect([result.executedCode, result.code?.includes('6 * 7')]).toEqual(['print(43)', true]);
  expect(result.receipt.event_log.filter(({ type }) => type.startsWith('code.')).map(({ type }) => type)).toEqual([
    ...['code.proposed', 'code.reviewed', 'code.generated', 'code.executed'],
  ]);
  const bundle = await verifyBundle(result.bundle, { now: Date.now(), trust: { simulatedRoot: rootOf() } });
  expect(bundle.outcome).toBe('accepted');
});

test('review: a discarded program does not run', { timeout: 60_000 }, async () => {
  const result = await agent.run('Six times seven', { review: () => null });
  expect(result).toMatchObject({ outcome: 'cancelled', error: { code: 'task/cancelled' }, stdout: '' });
});

test('review: what the callback throws ends the run, and the task goes on to wait', { timeout: 60_000 }, async () => {
  const run = agent.run('Six times seven', {
    review: () => {
      throw new TypeError('no reviewer here');
    },
  });
  await expect(run).rejects.toThrow('no reviewer here');
  expect((await agent.tasks.find(run.id)).status).toBe('review');
  await agent.tasks.cancel(run.id);
});

test('who leaves a run does not end it', { timeout: 60_000 }, async () => {
  const run = agent.run({ type: 'execute', code: 'input_ = 0\nprint("on")', language: 'python' });
  for await (const { type } of run) if (type === 'accepted') break;
  run.leave();
  await run.catch(() => undefined);
  expect((await agent.attach(run.id)).stdout).toBe('on\n');
});

test('an unknown task', async () => {
  await expectCode(agent.tasks.find('none'), 'client/not-found');
  await expectCode(agent.tasks.attempts('none'), 'client/not-found');
  await expectCode(agent.tasks.request('none'), 'client/not-found');
});

const rootOf = (): string => readFileSync(join(directory, 'simulated-root.pem'), 'utf8');
