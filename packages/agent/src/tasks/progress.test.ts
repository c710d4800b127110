import { expect, test } from 'vitest';
import { Progress, type ProgressEvent } from './progress.ts';

const never = new AbortController().signal;

async function collect(events: AsyncGenerator<ProgressEvent>): Promise<number[]> {
  const seen: number[] = [];
  for await (const event of events) seen.push(event.sequence);
  return seen;
}

test('followers from before, in the middle and after see the same events', async () => {
  const progress = new Progress('t', () => 5);
  const before = collect(progress.follow(0, never));
  progress.emit({ type: 'accepted', task: 'execute', receipt_id: 'r' });
  const middle = collect(progress.follow(0, never));
  await new Promise((resolve) => setTimeout(resolve, 5));
  progress.emit({ type: 'sealing' });
  progress.emit({ type: 'done', success: true, status: 'succeeded', error: null });
  progress.emit({ type: 'sealing' }); // after the end
  expect(await before).toEqual([1, 2, 3]);
  expect(await middle).toEqual([1, 2, 3]);
  expect(await collect(progress.follow(1, never))).toEqual([2, 3]);
  expect(await collect(progress.follow(99, never))).toEqual([]);
});

test('a follower that leaves is let go', async () => {
  const progress = new Progress('t', () => 0);
  const leave = new AbortController();
  const events = collect(progress.follow(0, leave.signal));
  leave.abort();
  expect(await events).toEqual([]);
});

test('streamed text is bounded, steps are not lost', async () => {
  const progress = new Progress('t', () => 0);
  for (let index = 0; index < 40; index += 1) progress.emit({ type: 'stdout', attempt: 1, text: 'x'.repeat(64 * 1024) });
  progress.emit({ type: 'done', success: true, status: 'succeeded', error: null });
  const seen = await collect(progress.follow(0, never));
  expect(seen.length).toBe(17); // 16 pieces of 64 KiB, and the end
  expect(progress.newest?.type).toBe('done');
});
