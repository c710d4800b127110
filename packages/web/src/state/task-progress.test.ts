/** Steps of tasks fold to attempts that keep their code, output and error. */

import type { TaskStep } from 'assay';
import { expect, test } from 'vitest';
import { foldStep, NO_PROGRESS, type TaskProgress } from './task-progress.ts';

/** Members that some step has; those that matter are named in each test. */
const MEMBERS = { provider: 'p', recorded: false, language: 'python', source: 'model', sequence: 1, at: 1000 };
const stepOf = (step: object): TaskStep => ({ ...MEMBERS, ...step }) as unknown as TaskStep;

function fold(...steps: readonly object[]): TaskProgress {
  return steps.reduce<TaskProgress>((known, step) => foldStep(known, stepOf(step)), NO_PROGRESS);
}

const FIRST = [
  { type: 'accepted', title: 'Read', receipt_id: 'rcpt_1' },
  { type: 'writing', attempt: 1, model: 'm' },
  { type: 'text', attempt: 1, text: 'op' },
  { type: 'text', attempt: 1, text: 'en' },
  { type: 'code', attempt: 1, language: 'python', code: 'open()', source: 'model' },
  { type: 'running', attempt: 1, language: 'python', lane: 'wasm' },
  { type: 'stdout', attempt: 1, text: 'half' },
  { type: 'executed', attempt: 1, status: 'error', error: 'TypeError' },
];

test('a failed attempt stays in view while the next one is under way', () => {
  const progress = fold(...FIRST, { type: 'retry', attempt: 1, reason: 'x' }, { type: 'writing', attempt: 2, model: 'm' });
  expect([progress.title, progress.stage]).toEqual(['Read', 'writing']);
  expect(progress.attempts).toMatchObject([
    { attempt: 1, state: 'failed', code: 'open()', text: 'open', stdout: 'half', error: 'TypeError' },
    { attempt: 2, state: 'writing', code: null },
  ]);
});

test.each([
  ['ok', 'succeeded'],
  ['error', 'failed'],
  ['timeout', 'failed'],
  ['killed', 'stopped'],
])('a run that ends with %s %s', (status, state) => {
  expect(fold(...FIRST.slice(0, 7), { type: 'executed', attempt: 1, status, error: null }).attempts[0]?.state).toBe(state);
});

test('a reply without a program fails with the reason', () => {
  const progress = fold({ type: 'writing', attempt: 1 }, { type: 'retry', attempt: 1, reason: 'no block' });
  expect(progress.attempts[0]).toMatchObject({ state: 'failed', error: 'no block', code: null });
});

test('a model that begins again starts from nothing', () => {
  expect(fold(...FIRST.slice(0, 4), { type: 'writing', attempt: 1, model: 'm' }).attempts[0]?.text).toBe('');
});

test('code that waits is shown with the time there is; an edited one keeps what the model wrote', () => {
  const waiting = fold(...FIRST.slice(0, 5), { type: 'review', attempt: 1, code_hash: 'sha256:1', expires_at: 61_000 });
  expect(waiting).toMatchObject({
    stage: 'review',
    review: { attempt: 1, code: 'open()', codeHash: 'sha256:1', forMs: 60_000 },
  });
  const edited = [
    { type: 'reviewed', attempt: 1, decision: 'edited' },
    { type: 'code', attempt: 1, language: 'python', code: 'print()', source: 'client' },
  ].reduce<TaskProgress>((known, step) => foldStep(known, stepOf(step)), waiting);
  expect([edited.review, edited.attempts[0]?.code, edited.attempts[0]?.proposed]).toEqual([null, 'print()', 'open()']);
});

test('the end stops what was under way, and unknown steps change nothing', () => {
  const before = fold(...FIRST.slice(0, 6));
  expect(foldStep(before, { type: 'unknown', name: 'later', sequence: 7, at: 0 })).toEqual(before);
  const ended = foldStep(before, stepOf({ type: 'done', success: false, status: 'cancelled', error: 'task/cancelled' }));
  expect([ended.stage, ended.end, ended.attempts[0]?.state]).toEqual([
    'ended',
    { status: 'cancelled', code: 'task/cancelled' },
    'stopped',
  ]);
});
