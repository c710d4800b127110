/** Bills that are right, padded, and without anything to count. */

import { describe, expect, it } from 'vitest';
import { billingOf } from './billing.ts';

const answer = (listed: number, reported: number | undefined): { readonly response: string | null } => ({
  response: JSON.stringify({
    choices: [
      {
        text: 'x',
        logprobs: { content: Array(listed).fill({ token: 'x', logprob: 0, top_logprobs: [{ token: 'x', logprob: 0 }] }) },
      },
    ],
    ...(reported === undefined ? {} : { usage: { prompt_tokens: 5, completion_tokens: reported } }),
  }),
});

describe('bills', () => {
  it.each([
    ['exact', 20, 20, 'BILLED AS COUNTED'],
    ['with the end of the reply', 20, 21, 'BILLED AS COUNTED'],
    ['below what was written', 20, 15, 'BILLED AS COUNTED'],
    ['padded by a half', 20, 30, 'OVERBILLED'],
    ['doubled', 20, 40, 'OVERBILLED'],
    ['padded by a fifth', 20, 25, 'OVERBILLED'],
  ])('%s: %i listed, %i reported: %s', (_, listed, reported, verdict) => {
    const found = billingOf(Array(60).fill(answer(listed, reported)), 0.01);
    expect(found).toMatchObject({ verdict, answers: 60, counted: 60 * listed, reported: 60 * reported });
  });

  it('one answer in five that is doubled is found', () => {
    const queries = Array.from({ length: 200 }, (_, index) => answer(20, index % 5 === 1 ? 41 : 20));
    expect(billingOf(queries, 0.01).verdict).toBe('OVERBILLED');
  });

  it('nothing to count decides nothing', () => {
    for (const queries of [
      [],
      [{ response: null }],
      [{ response: 'no JSON' }],
      Array(60).fill(answer(20, undefined)),
      Array(60).fill(answer(0, 5)),
    ])
      expect(billingOf(queries, 0.01)).toMatchObject({ verdict: 'UNDECIDED', answers: 0 });
    expect(billingOf([answer(20, 20)], 0.01)).toMatchObject({ verdict: 'UNDECIDED', answers: 1 });
  });
});
