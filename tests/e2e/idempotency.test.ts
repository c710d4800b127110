/** A request under an Idempotency-Key is done once: a repetition gets the answer of the first, another request is refused. */

import { expectAdvice } from '@assay/testing';
import { expect, test } from 'vitest';
import { startTestAgent, type TestAgent } from './agent.ts';

const DATA = { type: 'execute', code: 'print(1)' };
const keyed = (key: string, more: object = {}) => ({ headers: { 'idempotency-key': key, ...more } });

const runs = (agent: TestAgent): number => agent.sandbox.jobs.length;

test('the same request is one task, also at the same time and without waiting', async () => {
  const agent = await startTestAgent();
  const answers = await Promise.all([1, 2, 3].map(() => agent.process(DATA, {}, keyed('order-1'))));
  const done = answers.filter(({ status }) => status === 200);
  for (const { status, body } of answers) if (status !== 200) expect([status, body.code]).toEqual([409, 'http/conflict']);
  expect(done.length).toBeGreaterThan(0);
  const again = await agent.process(DATA, {}, keyed('order-1'));
  expect([again.status, again.headers.get('idempotency-replayed'), runs(agent)]).toEqual([200, 'true', 1]);
  for (const { body } of done) expect(body.receipt_id).toBe(again.body.receipt_id);
  expect(again.body).toMatchObject({ success: true, receipt: { receipt_id: again.body.receipt_id } });
  const later = await agent.process(DATA, {}, keyed('order-1', { prefer: 'respond-async' }));
  expect([later.status, later.body.receipt_id]).toEqual([202, again.body.receipt_id]);
  expect((await agent.process(DATA, {}, keyed('order-2'))).body.receipt_id).not.toBe(again.body.receipt_id);
});

test('what ended in a problem is given again as that problem', async () => {
  const agent = await startTestAgent();
  const data = { type: 'ai_generate_and_execute', description: 'nothing that was recorded' };
  const first = await agent.process(data, {}, keyed('k'));
  const again = await agent.process(data, {}, keyed('k'));
  expect(first.status).toBeGreaterThan(400);
  expect([again.status, again.body.receipt_id, again.headers.get('content-type')]).toEqual([
    first.status,
    first.body.receipt_id,
    'application/problem+json',
  ]);
});

test('http/idempotency-mismatch: another request under the key, and a key that is none', async () => {
  const agent = await startTestAgent();
  await agent.process(DATA, {}, keyed('k'));
  const other = await agent.process({ ...DATA, code: 'print(2)' }, {}, keyed('k'));
  expect([other.status, other.body.code, runs(agent)]).toEqual([409, 'http/idempotency-mismatch', 1]);
  expectAdvice(other.body.error, ['Idempotency-Key', 'take a new key']);
  const long = await agent.process(DATA, {}, keyed('x'.repeat(201)));
  expect([long.status, long.body.code]).toEqual([400, 'http/bad-parameter']);
});

test('a request that was refused leaves its key free', async () => {
  const agent = await startTestAgent();
  const refused = await agent.process({ type: 'execute' }, {}, keyed('k'));
  expect(refused.status).toBe(422);
  const done = await agent.process(DATA, {}, keyed('k'));
  expect([done.status, done.headers.get('idempotency-replayed')]).toEqual([200, null]);
});

test('audits and builds: the same job', async () => {
  const agent = await startTestAgent();
  const post = async () => {
    const response = await agent.request('/api/v1/builds', {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'idempotency-key': 'build-1' },
      body: JSON.stringify({ data: { source: 'contract C {}' } }),
    });
    return [response.status, ((await response.json()) as { task_id: string }).task_id];
  };
  const first = await post();
  expect(first[0]).toBe(202);
  expect(await post()).toEqual(first);
});
