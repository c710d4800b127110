/** Turns are taken in order, and one that is given up is passed on. */

import { expect, test } from 'vitest';
import { Turns } from './turns.ts';

const { signal } = new AbortController();

test('the next one comes when a turn ends, once', async () => {
  const turns = new Turns(1);
  const order: string[] = [];
  const end = await turns.take(signal);
  const second = turns.take(signal).then((done) => {
    order.push('second');
    return done;
  });
  const third = turns.take(signal).then(() => order.push('third'));
  expect([turns.taken, turns.waiting]).toEqual([true, 2]);
  end();
  end(); // does not count twice
  const endSecond = await second;
  expect([order, turns.waiting]).toEqual([['second'], 1]);
  endSecond();
  await third;
  expect(order).toEqual(['second', 'third']);
});

test('who leaves the line takes no turn', async () => {
  const turns = new Turns(1);
  const end = await turns.take(signal);
  const leaving = new AbortController();
  const left = turns.take(leaving.signal);
  const next = turns.take(signal);
  leaving.abort(new Error('gone'));
  await expect(left).rejects.toThrow('gone');
  end();
  (await next)();
  expect([turns.taken, turns.waiting]).toEqual([false, 0]);
  await expect(turns.take(leaving.signal)).rejects.toThrow('gone');
});
