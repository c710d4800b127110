/** No two jobs of one process have the same user id at the same time, whichever sandbox they belong to. */

import { expectRefusal } from '@assay/testing';
import { expect, test } from 'vitest';
import { UserIds } from './user-ids.ts';

test('two sandboxes never have the same id, and an id comes back when it was given back', () => {
  const [one, other] = [new UserIds(), new UserIds()];
  const ids = [one.take(), other.take(), one.take(), other.take()];
  expect(new Set(ids).size).toBe(4);
  one.give(ids[0] as number);
  expect(other.take()).toBe(ids[0]);
  for (const id of ids) one.give(id);
});

test('more than there are ids is refused', async () => {
  const pool = new UserIds();
  const ids: number[] = [];
  const takeAll = async () => {
    for (;;) ids.push(pool.take());
  };
  await expectRefusal(takeAll(), 'sandbox/busy', ['256']);
  expect(new Set(ids).size).toBe(ids.length);
  for (const id of ids) pool.give(id);
});
