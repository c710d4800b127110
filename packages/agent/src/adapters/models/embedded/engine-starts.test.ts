/** When an engine is started, and when it is not started again. */

import { expectCode } from '@assay/testing';
import { describe, expect, test } from 'vitest';
import { ServerError } from '../../../errors.ts';
import { EngineStarts } from './engine-starts.ts';

const FAILED = new ServerError('model/engine-failed', 'expected an engine, got none; start it again');

/** Engines by number; `attempts` says how each start goes. */
function startsOf(...attempts: readonly ('starts' | 'fails' | 'hangs')[]) {
  const engines: { ended: ServerError | null; closed: boolean; readonly close: () => void }[] = [];
  let asked = 0;
  const starts = new EngineStarts(async (signal) => {
    const attempt = attempts[asked] ?? 'starts';
    asked += 1;
    if (attempt === 'fails') throw FAILED;
    if (attempt === 'hangs')
      await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true }));
    const engine = {
      ended: null,
      closed: false,
      close: () => {
        engine.closed = true;
      },
    };
    engines.push(engine);
    return { handle: engine, number: engines.length };
  });
  return { starts, engines, asked: () => asked };
}

describe('an engine', () => {
  test('that runs is the one for every order', async () => {
    const { starts, asked } = startsOf();
    const found = await Promise.all([starts.current(), starts.current(), starts.current()]);
    expect([found.map(({ number }) => number), asked()]).toEqual([[1, 1, 1], 1]);
  });

  test('whose start failed is started again by the next order', async () => {
    const { starts, asked } = startsOf('fails', 'fails', 'starts');
    await expectCode(() => starts.current(), 'model/engine-failed');
    await expectCode(() => starts.current(), 'model/engine-failed');
    expect([(await starts.current()).number, (await starts.current()).number, asked()]).toEqual([1, 1, 3]);
  });

  test.each([
    ['the first', []],
    ['one after the first ended', ['starts']],
  ] as const)('whose start failed, %s, is not started again by those who waited for it', async (_, before) => {
    const { starts, engines, asked } = startsOf(...before, 'fails', 'starts');
    if (before.length > 0) await starts.current();
    for (const engine of engines) engine.ended = FAILED;
    const waiting = [1, 2, 3].map(() => expectCode(() => starts.current(), 'model/engine-failed'));
    await Promise.all(waiting);
    expect(asked()).toBe(before.length + 1);
    await starts.current();
    expect(asked()).toBe(before.length + 2);
  });

  test('that ended is started again once, for all who wait; a failure on the way is not kept', async () => {
    const { starts, engines, asked } = startsOf('starts', 'fails', 'starts');
    await starts.current();
    engines[0]!.ended = FAILED;
    await expectCode(() => starts.current(), 'model/engine-failed');
    const found = await Promise.all([starts.current(), starts.current()]);
    expect([found.map(({ number }) => number), asked()]).toEqual([[2, 2], 3]);
  });

  test('ends with its owner, and so does a start that is under way', async () => {
    const { starts, engines } = startsOf();
    await starts.current();
    starts.close();
    await expectCode(() => starts.current(), 'server/stopping');
    expect(engines[0]!.closed).toBe(true);
    const hanging = startsOf('hangs');
    const waiting = expectCode(() => hanging.starts.current(), 'server/stopping');
    hanging.starts.close();
    await waiting;
    await expectCode(() => hanging.starts.current(), 'server/stopping');
    expect(hanging.asked()).toBe(1);
    const late = startsOf('starts');
    const started = expectCode(() => late.starts.current(), 'server/stopping');
    late.starts.close();
    await started;
    expect(late.engines[0]!.closed).toBe(true);
  });
});
