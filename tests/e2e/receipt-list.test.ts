/** The list of receipts: what each piece of work was and how it ended, found by words, paged, and shown to its own key only. */

import { startOpenAiServer } from '@assay/testing';
import { expect, onTestFinished, test } from 'vitest';
import { startTestAgent, type TestAgent } from './agent.ts';

interface Listed {
  readonly receipts: readonly {
    readonly title: string;
    readonly task: string;
    readonly outcome: string;
    readonly state: string;
  }[];
  readonly next: number | null;
}

async function list(agent: TestAgent, query = ''): Promise<Listed> {
  const response = await agent.request(`/api/receipts${query}`);
  expect([query, response.status]).toEqual([query, 200]);
  return (await response.json()) as Listed;
}

async function worked(): Promise<TestAgent> {
  const model = await startOpenAiServer({ answers: () => ({ kind: 'text', text: 'Forty-two.' }) });
  onTestFinished(() => model.close());
  const agent = await startTestAgent({
    environment: { AI_PROVIDER: 'ollama', AI_API_BASE: model.base, AI_MODEL: 'maker/model-1' },
    script: ({ code }) => (code.includes('fail') ? { error: 'ValueError: no' } : { stdout: '42\n' }),
  });
  await agent.process({ type: 'execute', code: '# Primes below 100\nprint(2)' });
  await agent.process({ type: 'execute', code: '# This must fail\nfail()' });
  const asked = await agent.request('/v1/chat/completions', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'maker/model-1', messages: [{ role: 'user', content: 'What is 6 times 7?' }] }),
  });
  expect(asked.status).toBe(200);
  await asked.text();
  return agent;
}

const told = ({ receipts }: Listed) => receipts.map(({ title, outcome }) => `${title}: ${outcome}`);

test('says what each piece of work was and how it ended; of a question to the model not its words', async () => {
  const agent = await worked();
  expect(told(await list(agent))).toEqual([
    'Question to the model: succeeded',
    'This must fail: failed',
    'Primes below 100: succeeded',
  ]);
});

test.each([
  ['?search=PRIMES', ['Primes below 100: succeeded']],
  ['?search=inference', ['Question to the model: succeeded']],
  ['?outcome=failed', ['This must fail: failed']],
  ['?outcome=failed,cancelled&search=primes', []],
  ['?search=times', []],
])('%s', async (query, expected) => {
  expect(told(await list(await worked(), query))).toEqual(expected);
});

test('pages do not overlap and end with no next', async () => {
  const agent = await worked();
  const first = await list(agent, '?limit=2');
  expect(first.receipts).toHaveLength(2);
  const second = await list(agent, `?limit=2&before=${first.next}`);
  expect([told(second), second.next]).toEqual([['Primes below 100: succeeded'], null]);
});

test.each(['?outcome=splendid', `?search=${'x'.repeat(201)}`])('%s is refused', async (query) => {
  const agent = await startTestAgent();
  const response = await agent.request(`/api/receipts${query}`);
  expect([response.status, ((await response.json()) as { code: string }).code]).toEqual([400, 'http/bad-parameter']);
});

test('receipts of another key are not listed', async () => {
  const agent = await startTestAgent({ environment: { ASSAY_API_KEY: 'key-one-of-the-clients' } });
  const headers = { authorization: 'Bearer key-one-of-the-clients' };
  await agent.process({ type: 'execute', code: '# Mine\n1' }, {}, { headers });
  const own = await agent.request('/api/receipts', { headers });
  expect(((await own.json()) as Listed).receipts.map(({ title }) => title)).toEqual(['Mine']);
  expect((await agent.request('/api/receipts')).status).toBe(401);
});
