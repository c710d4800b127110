/** A chain that is ahead of this state: what other agents wrote is read before it is taken for a state that was put back. */

import { describe, expect, test } from 'vitest';
import type { Operator } from './operator.ts';
import type { TransactionBook } from './transaction-book.ts';
import { readIfBehind } from './wallet-refusals.ts';

/** A state with `next` nonces, whose rows can be read at the asks in `readable`, and then hold `found`. */
function seen({ next, readable, found }: { readonly next: number; readonly readable: boolean; readonly found: number }): {
  readonly operator: Operator;
  readonly book: TransactionBook;
  readonly asked: () => number;
} {
  let asks = 0;
  let known = next;
  const operator = {
    state: { settled: () => Promise.resolve() },
    fresh: () => {
      asks += 1;
      if (readable) known = found;
      return Promise.resolve(readable);
    },
  } as unknown as Operator;
  return { operator, book: { nonces: { next: () => known } } as unknown as TransactionBook, asked: () => asks };
}

describe('reads when the chain is ahead', () => {
  test.each([
    ['not when the chain is level', { next: 3, readable: false, found: 3 }, 3, 0],
    ['what others wrote', { next: 3, readable: true, found: 5 }, 5, 1],
    ['and leaves it to the refusal when no other wrote it', { next: 3, readable: true, found: 3 }, 5, 1],
  ])('%s', async (_, given, confirmedNonce, asks) => {
    const { operator, book, asked } = seen(given);
    await readIfBehind(operator, book, { chainId: 1, confirmedNonce });
    expect(asked()).toBe(asks);
  });

  test('a write of this agent that keeps it from reading makes it decide again', async () => {
    const { operator, book } = seen({ next: 3, readable: false, found: 5 });
    await expect(readIfBehind(operator, book, { chainId: 1, confirmedNonce: 5 })).rejects.toMatchObject({
      code: 'operator/state-moved',
    });
  });
});
