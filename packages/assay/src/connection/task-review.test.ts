/** A review shows the code that the agent will run, and the receipt may tell of nothing else. */

import { createHash } from 'node:crypto';
import type { Receipt } from '@assay/receipt';
import { expectRefusal } from '@assay/testing';
import { expect, test } from 'vitest';
import { ClientError } from '../errors.ts';
import type { TaskPort } from './task-port.ts';
import { type ReviewCode, Reviewer } from './task-review.ts';
import type { TaskStep } from './task-step.ts';

const digest = (text: string): string => `sha256:${createHash('sha256').update(text).digest('hex')}`;
const step = (type: 'code' | 'review', more: object): TaskStep =>
  ({ type, sequence: 1, at: 0, attempt: 1, language: 'python', ...more }) as unknown as TaskStep;

function open(review: ReviewCode, answer: () => Response = () => Response.json({}, { status: 202 })) {
  const sent: string[] = [];
  const port = {
    ask: async (path: string, init?: RequestInit) => {
      sent.push(`${init?.method} ${path} ${new TextDecoder().decode(init?.body as Uint8Array)}`);
      return answer();
    },
  } as unknown as TaskPort;
  return { reviewer: new Reviewer(port, 't', review), sent };
}

const receiptWith = (...events: object[]): Receipt => ({ receipt_id: 'rcpt_1', event_log: events }) as unknown as Receipt;
const reviewed = (hash: string | null) => ({
  type: 'code.reviewed',
  attempt: 1,
  decision: 'run',
  proposed_hash: digest('print(1)'),
  review_hash: hash,
});
const generated = (code: string) => ({
  type: 'code.generated',
  attempt: 1,
  language: 'python',
  source: 'model',
  code_hash: digest(code),
});

const executed = (code: string) => ({
  ...{ type: 'code.executed', attempt: 1, language: 'python', code_hash: digest(code), claim_hash: digest('claim') },
  ...{ status: 'ok', lane: 'wasm', isolation: 'wasm', stdout_hash: digest(''), stderr_hash: digest('') },
  ...{ environment_hash: digest('environment'), reproducibility: 'deterministic' },
});
const without = (event: object, member: string): object =>
  Object.fromEntries(Object.entries(event).filter(([name]) => name !== member));

test.each<[string, ReviewCode, object]>([
  ['run as it is', ({ code }) => code, { decision: 'run' }],
  ['run edited', () => 'print(2)', { decision: 'run', code: 'print(2)' }],
  ['discarded', async () => null, { decision: 'discard' }],
])('%s', async (_, review, decision) => {
  const { reviewer, sent } = open(review);
  await reviewer.take(step('code', { code: 'print(1)' }));
  await reviewer.take(step('review', { code_hash: digest('print(1)'), language: 'python' }));
  const body = JSON.stringify({ attempt: 1, proposed_hash: digest('print(1)'), ...decision });
  expect(sent).toEqual([`POST api/tasks/t/review ${body}`]);
  const wanted = await review({ code: 'print(1)', language: 'python', attempt: 1 });
  reviewer.assertTold(receiptWith(reviewed(digest(body)), ...(wanted === null ? [] : [generated(wanted), executed(wanted)])));
});

test('code that is not what waits is not shown, and not approved', async () => {
  const { reviewer, sent } = open(() => expect.unreachable());
  await reviewer.take(step('code', { code: 'print(1)' }));
  const taken = reviewer.take(step('review', { code_hash: digest('import os') }));
  await expectRefusal(taken, 'client/receipt-mismatch', ['was not approved']);
  expect(sent).toEqual([]);
});

test.each<[string, (decision: string) => object[]]>([
  ['other code ran', (decision) => [reviewed(decision), generated('import os')]],
  [
    'code ran in an attempt that was never shown',
    (decision) => [reviewed(decision), generated('print(1)'), { ...generated('x'), attempt: 2 }],
  ],
  ['another decision stands in the receipt', () => [reviewed(digest('{}')), generated('print(1)')]],
  ['other code ran, which nothing generated', (decision) => [reviewed(decision), executed('import os')]],
  [
    'other code ran, without a word on its source',
    (decision) => [reviewed(decision), without(generated('import os'), 'source')],
  ],
  ['other code ran, without a word on its lane', (decision) => [reviewed(decision), without(executed('import os'), 'lane')]],
  ['another decision, of no attempt', () => [without(reviewed(digest('{}')), 'attempt'), generated('print(1)')]],
])('%s', async (_, events) => {
  const { reviewer, sent } = open(({ code }) => code);
  await reviewer.take(step('code', { code: 'print(1)' }));
  await reviewer.take(step('review', { code_hash: digest('print(1)') }));
  const decision = digest(sent[0]!.slice('POST api/tasks/t/review '.length));
  reviewer.assertTold(receiptWith(reviewed(decision), generated('print(1)')));
  const told = async (): Promise<void> => reviewer.assertTold(receiptWith(...events(decision)));
  await expectRefusal(told(), 'client/receipt-mismatch', ['do not rely']);
});

test('a decision that the agent refuses is an error of the run', async () => {
  const { reviewer } = open(
    ({ code }) => code,
    () => Response.json({ detail: 'no code waits', code: 'http/conflict' }, { status: 409 }),
  );
  await reviewer.take(step('code', { code: 'print(1)' }));
  const failure = await reviewer.take(step('review', { code_hash: digest('print(1)') })).catch((error: unknown) => error);
  expect(ClientError.is(failure) && failure.code).toBe('client/agent-refused');
});
