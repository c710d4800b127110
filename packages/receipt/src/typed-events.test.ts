/** Events narrow by type; what a reader does not know, or what has other fields, is unknown to it and harms nothing. */

import { describe, expect, test } from 'vitest';
import { parseEvent, type ReceiptEvent } from './events.ts';
import { eventsOf, typedEvent } from './typed-events.ts';

const HASH = `sha256:${'ab'.repeat(32)}`;
const collected = parseEvent({
  type: 'file.collected',
  path: '/tmp/a',
  content_hash: HASH,
  bytes: 3,
  media_type: 'text/plain',
});
const failed = parseEvent({ type: 'task.failed', code: 'task/cancelled', error_hash: null });

describe('an event', () => {
  test('of a known type has its fields', () => {
    const event = typedEvent(collected);
    if (event.type !== 'file.collected') throw new Error('expected a file');
    const { path, bytes }: { readonly path: string; readonly bytes: number } = event;
    expect([path, bytes]).toEqual(['/tmp/a', 3]);
    expect(typedEvent(failed).type).toBe('task.failed');
  });

  test.each<readonly [string, ReceiptEvent]>([
    ['of a later type', parseEvent({ type: 'model.asked-later', model: 'x' })],
    ['named like a member of every object', { type: 'constructor' } as ReceiptEvent],
    ['without a field', parseEvent({ type: 'file.collected', path: '/tmp/a', content_hash: HASH })],
    ['with a field of another type', { ...collected, bytes: '3' } as ReceiptEvent],
    ['with null where there is always a value', { ...collected, path: null } as ReceiptEvent],
  ])('%s is unknown, and kept as it is', (_, event) => {
    expect(typedEvent(event)).toEqual({ type: 'unknown', event });
  });
});

test('eventsOf gives those of one type, in order', () => {
  const second = { ...collected, path: '/tmp/b' } as ReceiptEvent;
  const files = eventsOf([collected, failed, { ...second, bytes: null } as ReceiptEvent, second], 'file.collected');
  expect(files.map(({ path }) => path)).toEqual(['/tmp/a', '/tmp/b']);
});
