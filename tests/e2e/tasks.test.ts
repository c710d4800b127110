/** The record of tasks: listed, searched, paged, told again from their receipts when no memory of them is left. */

import { fenced, startOpenAiServer } from '@assay/testing';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { ProgressEvent } from '../../packages/agent/src/ports/task-events.ts';
import { attemptsOf } from '../../packages/agent/src/tasks/attempts.ts';
import { createLedgerTaskStore } from '../../packages/agent/src/tasks/record/ledger-task-store.ts';
import { startTestAgent, type TestAgent, type TestAgentOptions } from './agent.ts';

interface Listed {
  readonly task_id: string;
  readonly title: string;
  readonly status: string;
  readonly type: string;
  readonly attempts: number;
  readonly code: string | null;
  readonly ended_at: string | null;
  readonly elapsed_ms: number | null;
}

async function get<Body>(agent: TestAgent, path: string, headers: Record<string, string> = {}): Promise<Body> {
  const response = await agent.request(path, { headers });
  expect([path, response.status]).toEqual([path, 200]);
  return (await response.json()) as Body;
}

const list = (agent: TestAgent, query = '', headers = {}): Promise<{ tasks: Listed[]; next: number | null }> =>
  get(agent, `/api/tasks${query}`, headers);

async function startWithModel(
  answers: readonly ReturnType<typeof fenced>[],
  options: TestAgentOptions = {},
): Promise<TestAgent> {
  const left = [...answers];
  const model = await startOpenAiServer({ answers: () => left.shift() ?? answers.at(-1)! });
  onTestFinished(() => model.close());
  return startTestAgent({
    ...options,
    environment: { AI_PROVIDER: 'ollama', AI_API_BASE: model.base, ...options.environment },
  });
}

const retried = () =>
  startWithModel([fenced('python', "open('/tmp/missing.txt')"), fenced('python', 'print("default")')], {
    script: ({ code }) =>
      code.includes('open(')
        ? { error: 'FileNotFoundError: no such file', stderr: 'Traceback', stdout: 'half' }
        : { stdout: 'default\n', files: [{ path: '/tmp/out.txt', bytes: new Uint8Array([65]), mediaType: 'text/plain' }] },
  });

test('tasks are listed newest first, with title, state, times and attempts', async () => {
  const agent = await retried();
  await agent.process({ type: 'ai_generate_and_execute', description: 'Read a file\nthat may be missing' }, { task_id: 'a' });
  await agent.process({ type: 'execute', code: "# Say no\nopen('/tmp/no')" }, { task_id: 'b' });
  await agent.process({ type: 'file_write', path: '/tmp/kept.txt', content: 'x' }, { task_id: 'c' });
  const { tasks, next } = await list(agent);
  expect(next).toBeNull();
  expect(tasks.map(({ task_id, title, status, attempts, code }) => [task_id, title, status, attempts, code])).toEqual([
    ['c', '/tmp/kept.txt', 'succeeded', 0, null],
    ['b', 'Say no', 'failed', 1, 'task/code-failed'],
    ['a', 'Read a file', 'succeeded', 2, null],
  ]);
  for (const { ended_at, elapsed_ms } of tasks) expect([typeof ended_at, elapsed_ms! >= 0]).toEqual(['string', true]);
});

test.each([
  ['?search=SAY', ['b']],
  ['?search=execute', ['b', 'a']],
  ['?search=nothing%20like%20it', []],
  ['?status=failed', ['b']],
  ['?status=failed,succeeded&type=file_write', ['c']],
  ['?type=execute', ['b']],
])('filter %s', async (query, ids) => {
  const agent = await retried();
  await agent.process({ type: 'ai_generate_and_execute', description: 'Read' }, { task_id: 'a' });
  await agent.process({ type: 'execute', code: "# Say no\nopen('/tmp/no')" }, { task_id: 'b' });
  await agent.process({ type: 'file_write', path: '/tmp/kept.txt', content: 'x' }, { task_id: 'c' });
  expect((await list(agent, query)).tasks.map(({ task_id }) => task_id)).toEqual(ids);
});

test('pages go on behind each other and end', async () => {
  const agent = await startTestAgent();
  for (let i = 0; i < 5; i += 1) await agent.process({ type: 'execute', code: 'x' }, { task_id: `t${i}` });
  const seen: string[] = [];
  for (let query = '?limit=2'; ; ) {
    const { tasks, next } = await list(agent, query);
    expect(tasks.length).toBeLessThanOrEqual(2);
    seen.push(...tasks.map(({ task_id }) => task_id));
    if (next === null) break;
    query = `?limit=2&before=${next}`;
  }
  expect(seen).toEqual(['t4', 't3', 't2', 't1', 't0']);
});

test.each(['?limit=0', '?limit=x', '?before=-1', '?status=done', `?search=${'x'.repeat(201)}`])(
  'a bad query is refused: %s',
  async (query) => {
    const agent = await startTestAgent();
    const response = await agent.request(`/api/tasks${query}`);
    expect([response.status, ((await response.json()) as { code: string }).code]).toEqual([400, 'http/bad-parameter']);
  },
);

test('a task of another key is in no list, and has no attempts, request or events', async () => {
  const agent = await startTestAgent({ environment: { ASSAY_API_KEY: 'one-key-of-the-clients' } });
  const headers = { authorization: 'Bearer one-key-of-the-clients' };
  await agent.process({ type: 'execute', code: 'x' }, { task_id: 'mine' }, { headers });
  const store = createLedgerTaskStore({ ledger: agent.ledger, types: new Set(['execute']) });
  expect((await store.list({ access: 'another', limit: 10 })).tasks).toEqual([]);
  expect((await store.list({ access: null, limit: 10 })).tasks).toEqual([]);
  expect((await list(agent, '', headers)).tasks).toHaveLength(1);
  for (const path of ['', '/attempts', '/request', '/events'])
    expect((await agent.request(`/api/tasks/mine${path}`)).status, path).toBe(401);
});

describe('without any memory of it, a task is read from its receipt:', () => {
  async function told(agent: TestAgent, id: string): Promise<{ live: ProgressEvent[]; again: ProgressEvent[] }> {
    const store = createLedgerTaskStore({ ledger: agent.ledger, types: new Set(['ai_generate_and_execute', 'execute']) });
    const live = [...(agent.tasks.find(id, null)?.progress.events ?? [])];
    const record = await store.find(id, null);
    const again: ProgressEvent[] = [];
    for await (const event of store.events(record!)) again.push(event);
    expect({ ...record, acceptedAt: 0, endedAt: 0 }).toEqual({
      ...agent.tasks.find(id, null)?.record(),
      acceptedAt: 0,
      endedAt: 0,
    });
    return { live, again };
  }
  const bare = (events: readonly ProgressEvent[]): object[] =>
    events
      .filter(({ type }) => type !== 'text')
      .map(({ sequence: _sequence, at: _at, ...event }) => (event.type === 'retry' ? { ...event, reason: '' } : event));

  test('the same steps, with code, output, error and files of each attempt', async () => {
    const agent = await retried();
    await agent.process({ type: 'ai_generate_and_execute', description: 'Read' }, { task_id: 'a' });
    const { live, again } = await told(agent, 'a');
    expect(bare(again)).toEqual(bare(live));
    expect(again.map(({ sequence }) => sequence)).toEqual(again.map((_, index) => index + 1));
    const attempts = await attemptsOf(again);
    expect(attempts).toEqual([
      expect.objectContaining({
        attempt: 1,
        state: 'failed',
        code: "open('/tmp/missing.txt')",
        stdout: 'half',
        stderr: 'Traceback',
        error: expect.stringContaining('FileNotFoundError'),
      }),
      expect.objectContaining({
        attempt: 2,
        state: 'succeeded',
        source: 'model',
        stdout: 'default\n',
        error: null,
        files: [{ path: '/tmp/out.txt', bytes: 1, media_type: 'text/plain' }],
      }),
    ]);
  });

  test('an attempt whose reply held no program', async () => {
    const talk = { kind: 'text', text: 'I would rather not.' } as const;
    const agent = await startWithModel([talk as never, fenced('python', 'print(1)')]);
    await agent.process({ type: 'ai_generate_and_execute', description: 'x' }, { task_id: 'a' });
    const { again } = await told(agent, 'a');
    expect(again.map(({ type }) => type)).toEqual([
      ...['accepted', 'writing', 'retry', 'writing', 'code', 'running', 'stdout', 'executed', 'sealing', 'logged', 'done'],
    ]);
    expect((await attemptsOf(again))[0]).toMatchObject({
      state: 'failed',
      code: null,
      error: expect.stringContaining('block'),
    });
  });

  test('output beyond the bound is cut as it was for those who watched', async () => {
    const agent = await startTestAgent({ script: () => ({ stdout: 'é'.repeat(600_000) }) });
    await agent.process({ type: 'execute', code: 'x' }, { task_id: 'a' });
    const { again } = await told(agent, 'a');
    const [attempt] = await attemptsOf(again);
    expect([attempt?.stdout.length, attempt?.omitted]).toEqual([128 * 1024, ['stdout']]);
  });

  test('a reader of its events who saw some of them gets the end', async () => {
    const agent = await startTestAgent({ script: () => ({ stdout: 'x'.repeat(17 * 1024 * 1024) }) });
    await agent.process({ type: 'execute', code: 'x' }, { task_id: 'a' });
    expect(agent.tasks.find('a', null)).toBeNull();
    const rest = await (await agent.request('/api/tasks/a/events', { headers: { 'last-event-id': '7' } })).text();
    expect(rest.match(/^event: .*$/gm)).toEqual(['event: done']);
    const all = await (await agent.request('/api/tasks/a/events')).text();
    expect(all.match(/^event: .*$/gm)?.slice(0, 3)).toEqual(['event: accepted', 'event: code', 'event: running']);
  });
});

test('attempts of a task that runs are there before it ends, and its request', async () => {
  const agent = await startTestAgent({ script: () => ({ stdout: 'so far', hangs: true }) });
  const started = agent.process({ type: 'execute', code: 'x', stdin: 'in' }, { task_id: 'a' });
  const events = agent.tasks.await('a', null, new AbortController().signal);
  const task = await events;
  for await (const event of task!.progress.follow(0, new AbortController().signal)) if (event.type === 'running') break;
  const { attempts } = await get<{ attempts: object[] }>(agent, '/api/tasks/a/attempts');
  expect(attempts).toMatchObject([{ state: 'running', code: 'x', source: 'client' }]);
  expect(await get(agent, '/api/tasks/a/request')).toEqual({ data: { type: 'execute', code: 'x', stdin: 'in' } });
  expect((await list(agent, '?status=running')).tasks).toMatchObject([{ task_id: 'a', ended_at: null }]);
  await agent.request('/api/tasks/a', { method: 'DELETE' });
  await started;
  expect((await list(agent, '?status=cancelled')).tasks).toMatchObject([{ task_id: 'a', code: 'task/cancelled' }]);
});

test('the request of a task can be sent again, also one that came as a form', async () => {
  const agent = await startTestAgent();
  const form = new FormData();
  form.append('request', JSON.stringify({ task_id: 'form', data: { type: 'execute', code: '# From a form\nx' } }));
  form.append('file', new File(['a,b'], 'sales.csv'));
  const sent = await agent.request('/api/process', { method: 'POST', body: form });
  expect(sent.status).toBe(200);
  const { data } = await get<{ data: object }>(agent, '/api/tasks/form/request');
  const files = [{ path: '/tmp/sales.csv', content_base64: 'YSxi' }];
  expect(data).toEqual({ type: 'execute', code: '# From a form\nx', files });
  expect((await agent.process(data, { task_id: 'again' })).status).toBe(200);
  expect(agent.sandbox.jobs.map((job) => job.files?.length)).toEqual([1, 1]);
  const store = createLedgerTaskStore({ ledger: agent.ledger, types: new Set(['execute']) });
  expect((await store.find('form', null))?.title).toBe('From a form');
});

test('a request that was too long to be kept is not there, and says so', async () => {
  const agent = await startTestAgent();
  const files = [{ path: '/tmp/a', content: 'x'.repeat(5 * 1024 * 1024) }];
  await agent.process({ type: 'execute', code: 'x', files }, { task_id: 'big' });
  const response = await agent.request('/api/tasks/big/request');
  expect([response.status, await response.text()]).toEqual([404, expect.stringContaining('was not kept')]);
});

test('more tasks than may run wait in line, are cancelled there, and start in order', async () => {
  let release = (): void => undefined;
  const gate = new Promise<void>((resolve) => {
    release = resolve;
  });
  const agent = await startTestAgent({ environment: { ASSAY_MAX_TASKS: '1' }, sandboxReady: gate });
  const submit = (id: string) =>
    agent.request('/api/process?async=1', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ task_id: id, data: { type: 'execute', code: id } }),
    });
  const ids = ['first', 'second', 'third', 'fourth'];
  for (const id of ids) expect((await submit(id)).status).toBe(202);
  const until = async (id: string, type: string): Promise<void> => {
    for await (const event of agent.tasks.find(id, null)!.progress.follow(0, new AbortController().signal))
      if (event.type === type) return;
  };
  for (const id of ids.slice(1)) await until(id, 'queued');
  expect((await list(agent)).tasks.map(({ task_id, status }) => [task_id, status])).toEqual([
    ['fourth', 'queued'],
    ['third', 'queued'],
    ['second', 'queued'],
    ['first', 'running'],
  ]);
  expect((await agent.request('/api/tasks/third', { method: 'DELETE' })).status).toBe(202);
  await until('third', 'done');
  release();
  for (const id of ids) await until(id, 'done');
  expect(agent.sandbox.jobs.map(({ code }) => code)).toEqual(['first', 'second', 'fourth']);
  expect((await list(agent)).tasks.map(({ status }) => status)).toEqual(['succeeded', 'cancelled', 'succeeded', 'succeeded']);
});
