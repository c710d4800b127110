/** A budget gives no more than it has, gives it back, and names its limit when it refuses. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Budget } from './budget.ts';

describe('Budget', () => {
  it('refuses what does not fit, whole, and names the limit', () => {
    const budget = new Budget({ name: 'bytes held for requests', limit: 10 });
    budget.reserve(6);
    expect(() => budget.reserve(5)).toThrow(
      expect.objectContaining({
        code: 'budget/exceeded',
        message: expect.stringMatching(/^expected at most 10 bytes held for requests, got 5 with 4 left; ask for less/),
      }),
    );
    expect(budget.used).toBe(6);
    budget.reserve(4);
    expect(budget.left).toBe(0);
  });

  it('throws the error of its owner when it has one', () => {
    const budget = new Budget({ name: 'tasks', limit: 1, refuse: ({ name, wanted }) => new RangeError(`${name} ${wanted}`) });
    expect(() => budget.reserve(2)).toThrow(new RangeError('tasks 2'));
  });

  it('takes from the budget around it too, and from neither when one refuses', () => {
    const all = new Budget({ name: 'all', limit: 10 });
    const run = (): Budget => new Budget({ name: 'a run', limit: 8, parent: all });
    const [first, second] = [run(), run()];
    const held = first.reserve(7);
    expect(() => second.reserve(4)).toThrow('10 all');
    expect([first.used, second.used, all.used]).toEqual([7, 0, 7]);
    expect(second.left).toBe(3);
    held.release();
    expect([first.used, all.used]).toEqual([0, 0]);
  });

  it('gives back once, however often it is asked', () => {
    const budget = new Budget({ name: 'x', limit: 10 });
    const held = budget.reserve(3);
    budget.reserve(2);
    held.shrinkTo(1);
    held.shrinkTo(9);
    expect(budget.used).toBe(3);
    held.release();
    held.release();
    held.shrinkTo(0);
    expect(budget.used).toBe(2);
    expect(() => held.grow(1)).toThrow('reserve again');
  });

  it.each([Number.NaN, -1, 0.5, Number.POSITIVE_INFINITY, 2 ** 60])('refuses the amount %d', (amount) => {
    const budget = new Budget({ name: 'x', limit: 10 });
    const refusal = expect.objectContaining({ code: 'budget/bad-amount' });
    expect(() => budget.reserve(amount)).toThrow(refusal);
    expect(() => new Budget({ name: 'x', limit: amount })).toThrow(refusal);
  });

  it('never holds more than its limit, whatever is done', () => {
    const step = fc.record({
      kind: fc.constantFrom('reserve', 'grow', 'shrink', 'release'),
      amount: fc.nat(30),
      at: fc.nat(5),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const all = new Budget({ name: 'all', limit: 60 });
        const one = new Budget({ name: 'one', limit: 50, parent: all });
        const held: ReturnType<Budget['reserve']>[] = [];
        for (const { kind, amount, at } of steps) {
          const which = held[at % Math.max(1, held.length)];
          try {
            if (kind === 'reserve') held.push(one.reserve(amount));
            else if (kind === 'grow') which?.grow(amount);
            else if (kind === 'shrink') which?.shrinkTo(amount);
            else which?.release();
          } catch {
            // refused: nothing may have changed
          }
          const sum = held.reduce((total, each) => total + each.amount, 0);
          expect([one.used, all.used]).toEqual([sum, sum]);
          expect(sum).toBeLessThanOrEqual(50);
        }
      }),
    );
  });
});
