/** Answers of finished tasks hold a bounded amount of memory; older and larger ones are served from the ledger, events included. */

import { expect, test } from 'vitest';
import { startTestAgent } from './agent.ts';

const MIB = 1024 * 1024;

test('large answers are not kept in memory, and are found all the same', async () => {
  const agent = await startTestAgent({ script: () => ({ stdout: 'x'.repeat(3 * MIB) }) });
  for (let i = 1; i <= 8; i += 1)
    expect((await agent.process({ type: 'execute', code: 'x' }, { task_id: `t-${i}` })).status).toBe(200);
  expect([agent.tasks.find('t-1', null), agent.tasks.find('t-8', null)].map((task) => task !== null)).toEqual([false, true]);
  const stored = (await (await agent.request('/api/tasks/t-1')).json()) as { status: string; result: { receipt: unknown } };
  expect(stored.status).toBe('succeeded');
  expect(stored.result.receipt).toBeDefined();
});

test('small answers are remembered with their events', async () => {
  const agent = await startTestAgent();
  for (let i = 0; i < 10; i += 1) await agent.process({ type: 'execute', code: 'x' }, { task_id: `t-${i}` });
  expect(agent.tasks.find('t-0', null)).not.toBeNull();
});

test('a client that follows a task that is no longer remembered still sees its end', async () => {
  const agent = await startTestAgent({ script: () => ({ stdout: 'x'.repeat(17 * MIB) }) });
  await agent.process({ type: 'execute', code: 'x' }, { task_id: 't-1' });
  expect(agent.tasks.find('t-1', null)).toBeNull();
  const events = await (await agent.request('/api/tasks/t-1/events', { headers: { 'last-event-id': '7' } })).text();
  expect(events).toMatch(/id: ?8\n/);
  expect(events).toContain('"succeeded"');
});
