/** Nonces: the lowest free one, two in a row for an authorisation, and what is given back. */

import { expect, it } from 'vitest';
import { Nonces } from './nonces.ts';

it('two in a row are taken together, and neither is taken again', () => {
  const nonces = new Nonces();
  expect([nonces.take(1), nonces.take(1, 2), nonces.take(1)]).toEqual([0, 1, 3]);
  expect(nonces.next(1)).toBe(4);
  expect(nonces.take(2, 2)).toBe(0); // another chain
});

it('what owners know to be used is not taken again, although it was given back', () => {
  const nonces = new Nonces();
  for (let n = 0; n < 4; n += 1) nonces.take(1);
  for (const nonce of [1, 3]) nonces.giveBack(1, nonce);
  nonces.usedBelow(1, 3);
  expect([nonces.take(1), nonces.take(1)]).toEqual([3, 4]);
  nonces.usedBelow(1, 9);
  nonces.usedBelow(1, 2);
  expect([nonces.take(1), nonces.next(2)]).toEqual([9, 0]);
});

it('what was given back is taken first, by two only where two are free in a row', () => {
  const nonces = new Nonces();
  for (let n = 0; n < 6; n += 1) nonces.take(1);
  for (const nonce of [1, 3, 4]) nonces.giveBack(1, nonce);
  expect([nonces.take(1, 2), nonces.take(1), nonces.take(1)]).toEqual([3, 1, 6]);
  nonces.giveBack(1, 6);
  expect([nonces.take(1, 2), nonces.next(1)]).toEqual([6, 8]);
});
