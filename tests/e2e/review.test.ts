/** Review before run: nothing of a model runs before somebody approved it, and one receipt holds both steps (spec/receipt.md §3a). */

import { createHash } from 'node:crypto';
import { fenced, startOpenAiServer } from '@assay/testing';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { ProgressEvent } from '../../packages/agent/src/ports/task-events.ts';
import { createLedgerTaskStore } from '../../packages/agent/src/tasks/record/ledger-task-store.ts';
import { type AnswerBody, startTestAgent, type TestAgent, type TestAgentOptions } from './agent.ts';

const sha256 = (text: string): string => `sha256:${createHash('sha256').update(text).digest('hex')}`;
const FIRST = "open('/tmp/missing.txt')";
const SECOND = 'print("default")';
const EDITED = 'print("edited by hand")';
const never = new AbortController().signal;

async function start(options: TestAgentOptions = {}): Promise<TestAgent> {
  const answers = [fenced('python', FIRST), fenced('python', SECOND)];
  const model = await startOpenAiServer({ answers: () => answers.shift() ?? fenced('python', SECOND) });
  onTestFinished(() => model.close());
  return startTestAgent({
    script: ({ code }) => (code === FIRST ? { error: 'FileNotFoundError: missing' } : { stdout: 'ok\n' }),
    ...options,
    environment: { AI_PROVIDER: 'ollama', AI_API_BASE: model.base, ...options.environment },
  });
}

interface Held {
  readonly agent: TestAgent;
  readonly answer: Promise<{ status: number; body: AnswerBody }>;
  /** Waits for the next proposal. */
  readonly proposal: (attempt: number) => Promise<Extract<ProgressEvent, { type: 'review' }>>;
  readonly decide: (decision: unknown) => Promise<{ status: number; code: string | undefined }>;
}

async function held(more: object = {}, options: TestAgentOptions = {}): Promise<Held> {
  const agent = await start(options);
  const data = { type: 'ai_generate_and_execute', description: 'Read it', review: true, ...more };
  const answer = agent.process(data, { task_id: 't' });
  const task = await agent.tasks.await('t', null, never);
  return {
    agent,
    answer,
    proposal: async (attempt) => {
      for await (const event of task!.progress.follow(0, never))
        if (event.type === 'review' && event.attempt === attempt) return event;
      throw new Error('the task ended without a proposal');
    },
    decide: async (decision) => {
      const headers = { 'content-type': 'application/json' };
      const body = typeof decision === 'string' ? decision : JSON.stringify(decision);
      const response = await agent.request('/api/tasks/t/review', { method: 'POST', headers, body });
      return { status: response.status, code: ((await response.json()) as { code?: string }).code };
    },
  };
}

const receiptEvents = (agent: TestAgent): Record<string, unknown>[] =>
  (agent.ledger.sealed[0]?.receipt.event_log ?? []).filter(({ type }) => type !== 'payload.kept');

test('an edited program runs in place of the one that the model wrote, and the receipt says so', async () => {
  const { agent, answer, proposal, decide } = await held();
  const { code_hash, expires_at } = await proposal(1);
  expect([code_hash, agent.sandbox.jobs.length, expires_at! > Date.now()]).toEqual([sha256(FIRST), 0, true]);
  const state = (await (await agent.request('/api/tasks/t')).json()) as object;
  expect(state).toMatchObject({ status: 'review', step: 'review' });
  const decision = JSON.stringify({ attempt: 1, proposed_hash: code_hash, decision: 'run', code: EDITED });
  expect(await decide(decision)).toEqual({ status: 202, code: undefined });
  const { body } = await answer;
  expect(body).toMatchObject({
    success: true,
    generated_code: FIRST,
    executed_code: EDITED,
    reviewed: 'edited',
    retries_used: 0,
  });
  expect(agent.sandbox.jobs.map(({ code }) => code)).toEqual([EDITED]);
  expect(receiptEvents(agent).slice(2, 6)).toEqual([
    { type: 'code.proposed', attempt: 1, language: 'python', code_hash: sha256(FIRST) },
    {
      type: 'code.reviewed',
      attempt: 1,
      decision: 'edited',
      proposed_hash: sha256(FIRST),
      code_hash: sha256(EDITED),
      review_hash: sha256(decision),
    },
    { type: 'code.generated', attempt: 1, language: 'python', code_hash: sha256(EDITED), source: 'client' },
    expect.objectContaining({ type: 'code.executed', code_hash: sha256(EDITED) }),
  ]);
  const attempts = (await (await agent.request('/api/tasks/t/attempts')).json()) as object;
  expect(attempts).toMatchObject({ attempts: [{ state: 'succeeded', code: EDITED, proposed_code: FIRST, source: 'client' }] });
});

test('every attempt waits: the program of a retry does not run unseen', async () => {
  const { agent, answer, proposal, decide } = await held();
  await decide({ attempt: 1, proposed_hash: (await proposal(1)).code_hash, decision: 'run' });
  const second = await proposal(2);
  expect([second.code_hash, agent.sandbox.jobs.length]).toEqual([sha256(SECOND), 1]);
  await decide({ attempt: 2, proposed_hash: second.code_hash, decision: 'run' });
  const { body } = await answer;
  expect(body).toMatchObject({ success: true, generated_code: SECOND, executed_code: SECOND, reviewed: 'run' });
  expect(receiptEvents(agent).filter(({ type }) => type === 'code.generated')).toMatchObject([
    { source: 'model', code_hash: sha256(FIRST) },
    { source: 'model', code_hash: sha256(SECOND) },
  ]);
});

test('the attestation speaks of the code of the model', async () => {
  const { answer, proposal, decide } = await held({ include_attestation: true });
  await decide({ attempt: 1, proposed_hash: (await proposal(1)).code_hash, decision: 'run', code: EDITED });
  const { body } = await answer;
  expect(body.attestation).toMatchObject({ inference: { response_hash: sha256(FIRST).slice(7) } });
});

test('discarded code does not run; the task is cancelled, with a receipt', async () => {
  const { agent, answer, proposal, decide } = await held();
  const { code_hash } = await proposal(1);
  await decide({ attempt: 1, proposed_hash: code_hash, decision: 'discard' });
  const { status, body } = await answer;
  expect([status, body.code, agent.sandbox.jobs.length]).toEqual([409, 'task/cancelled', 0]);
  expect(receiptEvents(agent).map(({ type }) => type)).toEqual([
    ...['request.received', 'model.called', 'code.proposed', 'code.reviewed', 'task.failed', 'response.returned'],
  ]);
  expect(receiptEvents(agent)[3]).not.toHaveProperty('code_hash');
});

test('code that is not reviewed ends its task', async () => {
  const { agent, answer } = await held({}, { reviewMs: 1 });
  const { status, body } = await answer;
  expect([status, body.code, agent.sandbox.jobs.length]).toEqual([409, 'task/review-expired', 0]);
  expect(receiptEvents(agent)[3]).toEqual({
    type: 'code.reviewed',
    attempt: 1,
    decision: 'expired',
    proposed_hash: sha256(FIRST),
  });
});

describe('a decision is refused', () => {
  test.each([
    ['on another attempt', (hash: string) => ({ attempt: 2, proposed_hash: hash, decision: 'run' }), 409, 'http/conflict'],
    ['on other code', () => ({ attempt: 1, proposed_hash: sha256('x'), decision: 'run' }), 409, 'http/conflict'],
    ['without a hash', () => ({ attempt: 1, decision: 'run' }), 422, 'task/bad-input'],
    ['of another kind', (hash: string) => ({ attempt: 1, proposed_hash: hash, decision: 'maybe' }), 422, 'task/bad-input'],
    [
      'to run nothing',
      (hash: string) => ({ attempt: 1, proposed_hash: hash, decision: 'run', code: '' }),
      422,
      'task/bad-input',
    ],
    ['that is no JSON', () => '{', 400, 'http/bad-json'],
    ['that is no object', () => '7', 422, 'task/bad-input'],
  ] as const)('%s', async (_, decision, status, code) => {
    const { agent, answer, proposal, decide } = await held();
    const { code_hash } = await proposal(1);
    expect(await decide(decision(code_hash))).toEqual({ status, code });
    expect(agent.sandbox.jobs).toEqual([]);
    await decide({ attempt: 1, proposed_hash: code_hash, decision: 'discard' });
    await answer;
  });

  test('the second time, after the end, and for a task that is not there', async () => {
    const { agent, answer, proposal, decide } = await held({ max_retries: 0 });
    const decision = { attempt: 1, proposed_hash: (await proposal(1)).code_hash, decision: 'run' };
    const both = await Promise.all([decide(decision), decide(decision)]);
    expect(both.map(({ status }) => status).sort()).toEqual([202, 409]);
    await answer;
    expect(await decide(decision)).toEqual({ status: 409, code: 'http/conflict' });
    const headers = { 'content-type': 'application/json' };
    const missing = await agent.request('/api/tasks/none/review', { method: 'POST', headers, body: JSON.stringify(decision) });
    expect(missing.status).toBe(404);
  });
});

test('a task that waits for a person takes no turn from others, and ends at once when the agent stops', async () => {
  const { agent, answer, proposal } = await held({}, { environment: { ASSAY_MAX_TASKS: '1' } });
  await proposal(1);
  expect((await agent.process({ type: 'execute', code: 'print(1)' })).status).toBe(200);
  await agent.tasks.drain(60_000);
  expect(await answer).toMatchObject({ status: 503, body: { code: 'task/interrupted' } });
});

test('a cancelled review ends without a run', async () => {
  const { agent, answer, proposal, decide } = await held();
  const { code_hash } = await proposal(1);
  await agent.request('/api/tasks/t', { method: 'DELETE' });
  expect((await answer).body.code).toBe('task/cancelled');
  expect((await decide({ attempt: 1, proposed_hash: code_hash, decision: 'run' })).status).toBe(409);
  expect(agent.sandbox.jobs).toEqual([]);
});

test('told again from the receipt, both steps are there', async () => {
  const { agent, answer, proposal, decide } = await held();
  await decide({ attempt: 1, proposed_hash: (await proposal(1)).code_hash, decision: 'run', code: EDITED });
  await answer;
  const store = createLedgerTaskStore({ ledger: agent.ledger, types: new Set(['ai_generate_and_execute']) });
  const again: string[] = [];
  for await (const event of store.events((await store.find('t', null))!))
    again.push(event.type === 'code' ? `code by ${event.source}` : event.type);
  expect(again).toEqual([
    ...['accepted', 'writing', 'code by model', 'review', 'reviewed', 'code by client', 'running', 'stdout'],
    ...['executed', 'sealing', 'logged', 'done'],
  ]);
});
