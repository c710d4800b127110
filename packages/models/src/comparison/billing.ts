/**
 * Whether an endpoint bills the tokens that it wrote: a bet on the share by which reported counts exceed the listed tokens
 * (spec/model-comparison.md §9). It says nothing about which model wrote them.
 */

import { ModelError } from '../errors.ts';
import { type ModelAnswer, parseAnswer } from './answer.ts';
import type { ComparedQuery } from './run.ts';
import { wealthAgainstAtLeast, wealthAgainstAtMost } from './wealth.ts';

export type BillingVerdict = 'BILLED AS COUNTED' | 'OVERBILLED' | 'UNDECIDED';

export interface Billing {
  readonly verdict: BillingVerdict;
  /** Answers with a report and a list. */
  readonly answers: number;
  /** Reply tokens, as reported and as listed. */
  readonly reported: number;
  readonly counted: number;
}

/** A mean excess up to the first share is none; from the second share on it is overbilling. */
const [NO_EXCESS, EXCESS] = [0.02, 0.25];

/**
 * The end of a reply may be one token that is not listed, so one token more is no excess.
 * @param error chance of each wrong verdict, at any number of queries.
 * @example billingOf(record.queries, 0.01).verdict // 'BILLED AS COUNTED'
 */
export function billingOf(queries: readonly Pick<ComparedQuery, 'response'>[], error: number): Billing {
  const over = wealthAgainstAtMost(NO_EXCESS);
  const honest = wealthAgainstAtLeast(EXCESS);
  let verdict: BillingVerdict = 'UNDECIDED';
  let [answers, reported, counted] = [0, 0, 0];
  for (const { response } of queries) {
    const answer = response === null ? null : answerIn(response);
    const listed = answer?.positions?.length ?? 0;
    if (answer === null || listed === 0 || answer.completionTokens === null) continue;
    answers += 1;
    reported += answer.completionTokens;
    counted += listed;
    if (verdict !== 'UNDECIDED') continue;
    const share = Math.max(0, Math.min(1, (answer.completionTokens - listed - 1) / listed));
    over.push(share);
    honest.push(share);
    if (over.log >= -Math.log(error)) verdict = 'OVERBILLED';
    else if (honest.log >= -Math.log(error)) verdict = 'BILLED AS COUNTED';
  }
  return { verdict, answers, reported, counted };
}

function answerIn(body: string): ModelAnswer | null {
  try {
    return parseAnswer(body);
  } catch (error) {
    if (ModelError.is(error)) return null;
    throw error;
  }
}
