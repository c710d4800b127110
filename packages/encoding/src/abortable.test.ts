/** Waiting ends with the signal, and only with it. */

import { expect, test, vi } from 'vitest';
import { unlessAborted } from './abortable.ts';

const never = new Promise<string>(() => undefined);

test('work that ends first is what counts, good or bad', async () => {
  const { signal } = new AbortController();
  expect(await unlessAborted(Promise.resolve('done'), signal)).toBe('done');
  expect(await unlessAborted(Promise.resolve('done'), undefined)).toBe('done');
  await expect(unlessAborted(Promise.reject(new Error('failed')), signal)).rejects.toThrow('failed');
});

test.each([
  ['while it is waited for', (stop: AbortController) => queueMicrotask(() => stop.abort(new Error('enough')))],
  ['before', (stop: AbortController) => stop.abort(new Error('enough'))],
])('a signal that was aborted %s ends the waiting', async (_, abort) => {
  const stop = new AbortController();
  abort(stop);
  const told: string[] = [];
  await expect(unlessAborted(never, stop.signal, () => told.push('stopped'))).rejects.toThrow('enough');
  expect(told).toEqual(['stopped']);
});

test('a signal that comes after the work stops nothing, and is not listened to any more', async () => {
  const stop = new AbortController();
  const listeners = vi.spyOn(stop.signal, 'removeEventListener');
  const told: string[] = [];
  await unlessAborted(Promise.resolve(), stop.signal, () => told.push('stopped'));
  await expect.poll(() => listeners.mock.calls.length).toBe(1);
  stop.abort();
  expect(told).toEqual([]);
});
