/** Keys that the operator adds: what each may do, how much of it, and that nothing of one is visible to another. */

import { expectAdvice } from '@assay/testing';
import { describe, expect, test } from 'vitest';
import { mayCall } from '../../packages/agent/src/http/callers.ts';
import { nameOf } from '../../packages/agent/src/http/route.ts';
import { startTestAgent, type TestAgent } from './agent.ts';

const FIRST = 'the-first-key-of-this-agent';
const OPERATOR = 'the-operator-key-of-this-agent';
const KEYS = { ASSAY_API_KEY: FIRST, ASSAY_OPERATOR_KEY: OPERATOR };

const bearer = (key: string) => ({ authorization: `Bearer ${key}` });
const operator = { 'x-operator-key': OPERATOR, 'content-type': 'application/json' };

async function added(agent: TestAgent, key: object): Promise<string> {
  const response = await agent.request('/api/operator/keys', { method: 'POST', headers: operator, body: JSON.stringify(key) });
  expect(response.status).toBe(200);
  return ((await response.json()) as { key: string }).key;
}

async function problem(response: Response) {
  const { code, detail } = (await response.json()) as { code: string; detail: string };
  return { status: response.status, code, detail, later: response.headers.get('retry-after') };
}

describe('nothing of one key is visible to another', () => {
  test('tasks, receipts, bundles, files, events, attempts, requests, reviews, sessions', async () => {
    const agent = await startTestAgent({
      environment: KEYS,
      script: () => ({
        stdout: 'SECRET-OF-A\n',
        files: [{ path: '/tmp/secret.txt', bytes: new TextEncoder().encode('SECRET-OF-A'), mediaType: 'text/plain' }],
      }),
    });
    const [a, b] = [await added(agent, { name: 'a' }), await added(agent, { name: 'b' })];
    const data = { type: 'execute', code: 'print("SECRET-OF-A")', session_id: undefined };
    const { body } = await agent.process(data, { task_id: 'shared-name' }, { headers: bearer(a) });
    const { receipt_id: receipt, task_id: task } = body;
    const paths = [
      `/api/tasks/${task}`,
      `/api/tasks/${task}?brief=1`,
      `/api/tasks/${task}/attempts`,
      `/api/tasks/${task}/request`,
      `/api/tasks/${task}/artifacts`,
      `/api/tasks/${task}/artifacts/tmp/secret.txt`,
      `/api/receipts/${receipt}`,
      `/v1/aci/receipts/${receipt}`,
      `/bundles/${receipt}`,
      `/api/v1/audits/${task}`,
      `/api/v1/builds/${task}`,
    ];
    for (const path of paths) {
      expect([path, (await agent.request(path, { headers: bearer(a) })).status]).toEqual([path, 200]);
      for (const key of [b, FIRST]) {
        const seen = await agent.request(path, { headers: bearer(key) });
        expect([path, seen.status, (await seen.text()).includes('SECRET')]).toEqual([path, 404, false]);
      }
    }
    for (const list of ['/api/tasks', '/api/receipts', '/stats', '/api/usage']) {
      const text = await (await agent.request(list, { headers: bearer(b) })).text();
      expect([list, text.includes(receipt), text.includes(task)]).toEqual([list, false, false]);
    }
    // The same id is another task for another key, and neither covers the other.
    const other = await agent.process({ type: 'execute', code: 'print(2)' }, { task_id: task }, { headers: bearer(b) });
    expect([other.status, other.body.receipt_id === receipt]).toEqual([200, false]);
    const again = await agent.request(`/api/tasks/${task}?brief=1`, { headers: bearer(a) });
    expect(await again.json()).toMatchObject({ receipt_id: receipt });
    for (const init of [
      { method: 'DELETE' },
      { method: 'POST', body: JSON.stringify({ attempt: 1, proposed_hash: `sha256:${'0'.repeat(64)}`, decision: 'run' }) },
    ]) {
      const path = `/api/tasks/unknown-to-b${init.method === 'POST' ? '/review' : ''}`;
      expect((await agent.request(path, { ...init, headers: bearer(b) })).status).toBe(404);
    }
  });

  test('a running task: its id, its events, and that it runs', async () => {
    const agent = await startTestAgent({ environment: KEYS, script: () => ({ stdout: 'x', hangs: true }) });
    const [a, b] = [await added(agent, { name: 'a' }), await added(agent, { name: 'b' })];
    const headers = { ...bearer(a), prefer: 'respond-async' };
    const { status } = await agent.process({ type: 'execute', code: 'print(1)' }, { task_id: 't' }, { headers });
    expect(status).toBe(202);
    const running = async (key: string) =>
      ((await (await agent.request('/api/status', { headers: bearer(key) })).json()) as { tasks_running: number })
        .tasks_running;
    expect([await running(a), await running(b)]).toEqual([1, 0]);
    const unseen = await agent.request('/api/tasks/t/events', { headers: bearer(b), signal: AbortSignal.timeout(50) });
    expect(unseen.status).toBe(404);
    expect((await agent.request('/api/tasks/t', { method: 'DELETE', headers: bearer(b) })).status).toBe(404);
    const same = await agent.process(
      { type: 'execute', code: 'print(1)' },
      { task_id: 't' },
      { headers: { ...headers, ...bearer(b) } },
    );
    expect(same.status).toBe(202);
    for (const key of [a, b])
      expect((await agent.request('/api/tasks/t', { method: 'DELETE', headers: bearer(key) })).status).toBe(202);
  });

  test('workspaces of the same name, and notebook sessions', async () => {
    const agent = await startTestAgent({ environment: KEYS });
    const [a, b] = [await added(agent, { name: 'a' }), await added(agent, { name: 'b' })];
    for (const workspace of ['notes', undefined]) {
      const file = { path: '/tmp/n.txt', workspace };
      await agent.process({ type: 'file_write', ...file, content: 'of a' }, {}, { headers: bearer(a) });
      const own = await agent.process({ type: 'file_read', ...file }, {}, { headers: bearer(a) });
      const other = await agent.process({ type: 'file_read', ...file }, {}, { headers: bearer(b) });
      expect(own.status).toBe(200);
      expect(JSON.stringify(own.body)).toContain('of a');
      expect(other.body).toMatchObject({ success: false, error_code: 'workspace/not-found' });
    }
    const cell = { type: 'jupyter', code: 'x = 1', session_id: 'same-name' };
    for (const key of [a, b]) expect((await agent.process(cell, {}, { headers: bearer(key) })).status).toBe(200);
    const sessions = agent.sandbox.jobs.map(({ session }) => session?.id);
    expect([sessions.length, new Set(sessions).size]).toEqual([2, 2]);
  });
});

describe('scopes', () => {
  test('http/scope-missing: every route asks for what it declares', async () => {
    const agent = await startTestAgent({ environment: KEYS });
    const reader = await added(agent, { name: 'reader', scopes: ['read'] });
    const caller = { access: '', name: 'reader', scopes: ['read'], quotas: {} } as const;
    for (const route of agent.routes.filter(({ authority }) => authority === 'key')) {
      const path = route.path.replace('{path+}', 'tmp/a').replaceAll(/\{[a-z]+\+?\}/g, 'x');
      const method = route.method.toUpperCase();
      const init = method === 'POST' ? { method, body: '{}' } : { method };
      const signal = AbortSignal.timeout(route.path.endsWith('/events') ? 50 : 2_000);
      const { status } = await agent.request(path, { ...init, headers: bearer(reader), signal });
      expect([nameOf(route), status === 403]).toEqual([nameOf(route), !mayCall(caller, route)]);
    }
    const refused = await problem(await agent.request('/metrics', { headers: bearer(reader) }));
    expect(refused).toMatchObject({ status: 403, code: 'http/scope-missing' });
    expectAdvice(refused.detail, ['may operate', 'reader', 'ask the operator']);
  });
});

describe('quotas', () => {
  test('key/quota-spent: of requests, of tasks and of bytes, with the time until there is more', async () => {
    const agent = await startTestAgent({ environment: KEYS });
    const key = await added(agent, { name: 'few', quotas: { requests: 4, tasks: 1 } });
    const headers = bearer(key);
    expect((await agent.process({ type: 'execute', code: 'print(1)' }, {}, { headers })).status).toBe(200);
    const second = await agent.process({ type: 'execute', code: 'print(1)' }, {}, { headers });
    expect([second.status, second.body.code, Number(second.headers.get('retry-after')) > 0]).toEqual([
      429,
      'key/quota-spent',
      true,
    ]);
    for (let i = 0; i < 2; i += 1) expect((await agent.request('/api/tasks', { headers })).status).toBe(200);
    const spent = await problem(await agent.request('/api/tasks', { headers }));
    expect(spent).toMatchObject({ status: 429, code: 'key/quota-spent' });
    expectAdvice(spent.detail, ['few', 'requests', 'next day']);
    const usage = (await (await agent.request('/api/usage', { headers })).json()) as { days: readonly object[] };
    expect(usage).toMatchObject({ name: 'few', quotas: { requests: 4, tasks: 1 }, days: [{ requests: 4, tasks: 1 }] });
    const small = await added(agent, { name: 'small', quotas: { bytes: 100 } });
    const long = JSON.stringify({ data: { type: 'execute', code: `print("${'x'.repeat(200)}")` } });
    const init = { method: 'POST', body: long, headers: { ...bearer(small), 'content-type': 'application/json' } };
    expect((await agent.request('/api/process', init)).status).toBe(200);
    expect((await problem(await agent.request('/api/process', init))).code).toBe('key/quota-spent');
  });

  test('bytes are those that went in and out, also of a stream', async () => {
    const agent = await startTestAgent({ environment: KEYS });
    const headers = { ...bearer(await added(agent, { name: 'a' })), 'content-type': 'application/json' };
    const body = JSON.stringify({ data: { type: 'execute', code: 'print(1)' }, task_id: 't' });
    let expected = body.length;
    for (const [path, init] of [
      ['/api/process', { method: 'POST', body }],
      ['/api/tasks/t/events', {}],
      ['/api/tasks/t', {}],
    ] as const)
      expected += (await (await agent.request(path, { ...init, headers })).arrayBuffer()).byteLength;
    const { days } = (await (await agent.request('/api/usage', { headers })).json()) as { days: readonly { bytes: number }[] };
    expect(days[0]!.bytes).toBe(expected);
  });
});

describe('adding and revoking', () => {
  test('a revoked key opens nothing, and the report still names what it used', async () => {
    const agent = await startTestAgent({ environment: KEYS });
    const key = await added(agent, { name: 'gone', quotas: { tasks: 5 } });
    expect((await agent.process({ type: 'execute', code: 'print(1)' }, {}, { headers: bearer(key) })).status).toBe(200);
    await agent.request('/api/status', { headers: bearer(FIRST) });
    const revoked = await agent.request('/api/operator/keys/gone', { method: 'DELETE', headers: operator });
    expect(await revoked.json()).toMatchObject({ name: 'gone', quotas: { tasks: 5 }, revoked_at: expect.any(String) });
    const refused = await problem(await agent.request('/api/tasks', { headers: bearer(key) }));
    expect([refused.status, refused.code]).toEqual([401, 'http/unauthorized']);
    const listed = await (await agent.request('/api/operator/keys', { headers: operator })).text();
    expect(listed).not.toContain(key);
    const report = (await (await agent.request('/api/operator/usage?days=1', { headers: operator })).json()) as {
      usage: readonly { name: string; tasks: number; requests: number }[];
    };
    expect(report.usage.find(({ name }) => name === 'gone')).toMatchObject({ tasks: 1, requests: 1 });
    expect(report.usage.find(({ name }) => name === 'ASSAY_API_KEY')).toMatchObject({ tasks: 0, requests: 1 });
    expect(agent.logged()).not.toContain(key);
  });

  test('an agent that asked for no key asks for one from the first one on, also after the last was revoked', async () => {
    const agent = await startTestAgent({ environment: { ASSAY_OPERATOR_KEY: OPERATOR } });
    expect((await agent.request('/api/tasks')).status).toBe(200);
    const key = await added(agent, { name: 'only' });
    expect((await agent.request('/api/tasks')).status).toBe(401);
    expect((await agent.request('/api/tasks', { headers: bearer(key) })).status).toBe(200);
    await agent.request('/api/operator/keys/only', { method: 'DELETE', headers: operator });
    expect((await agent.request('/api/tasks')).status).toBe(401);
    expect((await agent.request('/api/tasks', { headers: bearer(key) })).status).toBe(401);
  });

  test.each([
    ['no JSON', 'x', 400, 'http/bad-json'],
    ['no name', '{}', 400, 'http/bad-parameter'],
    ['a bad name', '{"name":"A B"}', 400, 'key/bad-name'],
    ['a scope that is none', '{"name":"a","scopes":["fly"]}', 400, 'http/bad-parameter'],
    ['a quota below zero', '{"name":"a","quotas":{"tasks":-1}}', 400, 'http/bad-parameter'],
    ['a member that is none', '{"name":"a","key":"mine"}', 400, 'http/bad-parameter'],
  ])('is refused with %s', async (_, body, status, code) => {
    const agent = await startTestAgent({ environment: KEYS });
    const response = await agent.request('/api/operator/keys', { method: 'POST', headers: operator, body });
    expect(await problem(response)).toMatchObject({ status, code });
  });

  test('a name is given once, and only keys that are there can be revoked', async () => {
    const agent = await startTestAgent({ environment: KEYS });
    await added(agent, { name: 'a' });
    const again = { method: 'POST', headers: operator, body: '{"name":"a"}' };
    expect(await problem(await agent.request('/api/operator/keys', again))).toMatchObject({
      status: 409,
      code: 'key/name-taken',
    });
    const unknown = await agent.request('/api/operator/keys/b', { method: 'DELETE', headers: operator });
    expect(await problem(unknown)).toMatchObject({ status: 404, code: 'key/unknown' });
  });
});
