/** An event that lacks what is read of it is no absent event. */

import type { Receipt } from '@assay/receipt';
import { expectRefusal } from '@assay/testing';
import { expect, test } from 'vitest';
import { wholeEvents } from './whole-events.ts';

const HASH = `sha256:${'0'.repeat(64)}`;
const receipt = (...events: object[]): Receipt => ({ receipt_id: 'rcpt_1', event_log: events }) as unknown as Receipt;
const collected = { type: 'file.collected', path: '/tmp/a', content_hash: HASH, bytes: 1, media_type: 'text/plain' };

test('events of the type, in order, and no others', () => {
  const second = { ...collected, path: '/tmp/b', attempt: 2 };
  const told = receipt(collected, { type: 'request.received' }, second);
  expect(wholeEvents(told, 'file.collected')).toEqual([collected, second]);
  expect(wholeEvents(told, 'task.completed')).toEqual([]);
});

test.each<[string, object]>([
  ['a member that is absent', { type: 'file.collected', path: '/tmp/a', bytes: 1, media_type: 'text/plain' }],
  ['a member in another form', { ...collected, bytes: '1' }],
])('%s is refused', async (_, event) => {
  await expectRefusal(() => wholeEvents(receipt(collected, event), 'file.collected'), 'client/receipt-mismatch', [
    'file.collected',
    'got 1 without',
  ]);
});
