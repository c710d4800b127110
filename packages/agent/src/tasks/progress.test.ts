import { expect, test } from 'vitest';
import type { ProgressEvent } from '../ports/task-events.ts';
import { MAX_STREAM_TEXT, Progress } from './progress.ts';

const never = new AbortController().signal;

async function collect(events: AsyncGenerator<ProgressEvent>): Promise<number[]> {
  const seen: number[] = [];
  for await (const event of events) seen.push(event.sequence);
  return seen;
}

test('followers from before, in the middle and after see the same events', async () => {
  const progress = new Progress('t', () => 5);
  const before = collect(progress.follow(0, never));
  progress.emit({ type: 'accepted', task: 'execute', receipt_id: 'r', title: 'x' });
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

async function all(progress: Progress): Promise<ProgressEvent[]> {
  progress.emit({ type: 'done', success: true, status: 'succeeded', error: null });
  const events: ProgressEvent[] = [];
  for await (const event of progress.follow(0, never)) events.push(event);
  return events;
}

const textOf = (events: readonly ProgressEvent[], attempt: number): string =>
  events.map((event) => (event.type === 'stdout' && event.attempt === attempt ? event.text : '')).join('');

test('each stream of each attempt is bounded, and says where it was cut; steps are not lost', async () => {
  const progress = new Progress('t', () => 0);
  for (const attempt of [1, 2])
    for (let index = 0; index < 40; index += 1) progress.emit({ type: 'stdout', attempt, text: 'x'.repeat(64 * 1024) });
  progress.emit({ type: 'stderr', attempt: 2, text: 'why' });
  const events = await all(progress);
  expect([1, 2].map((attempt) => textOf(events, attempt).length)).toEqual([MAX_STREAM_TEXT, MAX_STREAM_TEXT]);
  expect(events.filter(({ type }) => type !== 'stdout').map(({ type }) => type)).toEqual([
    'omitted',
    'omitted',
    'stderr',
    'done',
  ]);
  expect(progress.newest?.type).toBe('done');
});

test('a program that prints letter by letter costs few events, and nothing of it is lost', async () => {
  const unread = new Progress('t', () => 0);
  const letters = 'abcdefgh'.repeat(4000);
  for (const letter of letters) unread.emit({ type: 'stdout', attempt: 1, text: letter });
  const events = await all(unread);
  expect(textOf(events, 1)).toBe(letters);
  expect(events.length).toBeLessThan(20);
});

test('a follower gets each piece as it comes, until there are many; then pieces are joined', async () => {
  const progress = new Progress('t', () => 0);
  const seen: ProgressEvent[] = [];
  const following = (async () => {
    for await (const event of progress.follow(0, never)) seen.push(event);
  })();
  const letters = 'abcdefgh'.repeat(1500);
  for (const letter of letters) {
    progress.emit({ type: 'stdout', attempt: 1, text: letter });
    await Promise.resolve();
    await Promise.resolve();
    await Promise.resolve();
  }
  progress.emit({ type: 'done', success: true, status: 'succeeded', error: null });
  await following;
  expect(textOf(seen, 1)).toBe(letters);
  expect(seen.length).toBeGreaterThan(1000);
  expect(seen.length).toBeLessThan(2100);
  expect(seen.map(({ sequence }) => sequence)).toEqual(seen.map((_, index) => index + 1));
});

test('where a task stands follows from its events', () => {
  const progress = new Progress('t', () => 7);
  expect([progress.status, progress.endedAt, progress.attempts]).toEqual(['running', null, 0]);
  progress.emit({ type: 'queued', ahead: 2 });
  expect(progress.status).toBe('queued');
  progress.emit({ type: 'running', attempt: 2, language: 'python', lane: 'wasm' });
  expect([progress.status, progress.attempts]).toEqual(['running', 2]);
  progress.emit({ type: 'done', success: false, status: 'cancelled', error: 'task/cancelled' });
  expect([progress.status, progress.endedAt, progress.code]).toEqual(['cancelled', 7, 'task/cancelled']);
});
