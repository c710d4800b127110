/** How a task ended is read from its code, and from the signed events of its receipt, in the same words. */

import { expect, test } from 'vitest';
import { endingIn, endingOf } from './ending.ts';

test.each([
  [null, { status: 'succeeded' }],
  ['task/code-failed', { status: 'failed', code: 'task/code-failed' }],
  ['model/unreachable', { status: 'failed', code: 'model/unreachable' }],
  ['task/cancelled', { status: 'cancelled', code: 'task/cancelled' }],
  ['task/interrupted', { status: 'interrupted', code: 'task/interrupted' }],
])('%s', (code, ending) => {
  const last = code === null ? { type: 'task.completed' } : { type: 'task.failed', code };
  expect(endingOf(code)).toEqual(ending);
  expect(endingIn([{ type: 'request.received' }, last, { type: 'response.returned' }])).toEqual(ending);
});

test('work without an event of its end was answered', () => {
  expect(endingIn([{ type: 'request.received' }, { type: 'response.returned' }])).toEqual({ status: 'succeeded' });
});
