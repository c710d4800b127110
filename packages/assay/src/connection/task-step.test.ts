/** Every step that an agent tells comes out typed; one without its members is refused, one of a newer agent is passed on as unknown. */

import type { ProgressEvent } from '@assay/agent';
import { expectCode, expectRefusal } from '@assay/testing';
import { describe, expect, expectTypeOf, test } from 'vitest';
import { parseStep, type TaskStep } from './task-step.ts';

const base = { sequence: 3, at: 1000 };
const attempt = 1;
const STEPS: readonly TaskStep[] = [
  { ...base, type: 'accepted', task: 'execute', receipt_id: 'rcpt_1', title: 'x' },
  { ...base, type: 'queued', ahead: 0 },
  { ...base, type: 'writing', attempt, model: 'm', provider: 'p', recorded: false },
  { ...base, type: 'text', attempt, text: 'x' },
  { ...base, type: 'stdout', attempt, text: '' },
  { ...base, type: 'stderr', attempt, text: 'x' },
  { ...base, type: 'code', attempt, language: 'python', code: 'x', source: 'model' },
  { ...base, type: 'review', attempt, language: 'python', code_hash: 'sha256:00', expires_at: null },
  { ...base, type: 'reviewed', attempt, decision: 'run' },
  { ...base, type: 'running', attempt, language: 'python', lane: 'wasm' },
  { ...base, type: 'omitted', attempt, stream: 'stdout' },
  { ...base, type: 'artifact', attempt, path: '/tmp/x', bytes: 1, media_type: 'text/plain' },
  { ...base, type: 'limit', attempt, limit: 'files', message: 'x' },
  { ...base, type: 'executed', attempt, status: 'ok', error: null },
  { ...base, type: 'retry', attempt, reason: 'x' },
  { ...base, type: 'compiling', compiler: '0.8.24', sources: 1 },
  { ...base, type: 'compiled', contracts: 1, errors: 0 },
  { ...base, type: 'sealing' },
  { ...base, type: 'logged', receipt_id: 'rcpt_1', log_index: 0 },
  { ...base, type: 'done', success: true, status: 'succeeded', error: null },
];

test('the agent tells nothing else', () => {
  expectTypeOf<ProgressEvent>().toExtend<TaskStep>();
});

describe.each(STEPS.map((step) => [step.type, step] as const))('%s', (_, step) => {
  test('comes out as it came', () => expect(parseStep(JSON.stringify(step))).toEqual(step));

  const members = Object.keys(step).filter((name) => name !== 'type');
  test.each(members)('without %s', async (name) => {
    await expectRefusal(() => parseStep(JSON.stringify({ ...step, [name]: undefined })), 'client/answer-malformed', [
      'expected a step',
      'report it',
    ]);
  });

  test.each(members)('with %s of another kind', async (name) => {
    await expectCode(() => parseStep(JSON.stringify({ ...step, [name]: [{}] })), 'client/answer-malformed');
  });
});

test('a step of a newer agent', () => {
  const text = JSON.stringify({ ...base, type: 'dreaming', of: 'sheep' });
  expect(parseStep(text)).toEqual({ ...base, type: 'unknown', name: 'dreaming' });
  expect(parseStep(JSON.stringify({ ...base, type: 'constructor' }))).toMatchObject({ type: 'unknown', name: 'constructor' });
});

test.each(['', 'null', '[]', '{', '{"type":4,"sequence":1,"at":1}', '{"type":"sealing","sequence":1.5,"at":1}'])(
  'no step: %s',
  async (text) => {
    await expectRefusal(() => parseStep(text), 'client/answer-malformed', ['expected a step of a task']);
  },
);
