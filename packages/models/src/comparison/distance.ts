/**
 * Distances between two answers at one position, as lower bounds of the total variation, and the reasons why an answer's log probabilities
 * cannot be used (spec/model-comparison.md §1). What is doubtful is no score: it can neither prove SAME nor DIFFERENT.
 */

import { ModelError } from '../errors.ts';
import type { AnswerPosition, ModelAnswer } from './answer.ts';
import { type LogProbabilities, totalVariation } from './score.ts';

/**
 * What the reference says of the tokens in {@link AnswerPosition.top}: natural log probabilities, `null` for a text that is none or several of
 * its tokens.
 */
export type KnownLogprobs = readonly (readonly (number | null)[])[];

export interface DistanceRule {
  /** Tokens of a reply that were asked for. */
  readonly asked: number;
  /** Likeliest tokens that a list has, as a rule; texts that several tokens share may make it shorter. */
  readonly listed: number;
  /** τ. */
  readonly tolerance: number;
  /** Step to which the endpoint rounds log probabilities; 0: it does not. Half of it is taken off each distance. */
  readonly rounding: number;
}

/** Of the whole probability: so much may be missing from a list that is shorter than was asked for. */
const WHOLE = 0.9999;
/** Steps of rounding that are looked for, coarse ones first. */
const STEPS = [0.1, 0.01, 0.001, 0.0001] as const;
/** Probability that may stand on tokens that cannot be compared by their texts; with more, it is another tokenizer. */
const MOST_LEFT_OUT = 0.1;
/** Of a list's usual length. */
const LEAST_SHARE = 0.75;
/** Words of servers for a reply that the model ended by itself. */
const ENDED: ReadonlySet<string | null> = new Set(['stop', 'eos', 'eos_token', 'end_turn']);
const REPLACEMENT = '\ufffd';
/** Factors and names of other logarithms. */
const OTHER_BASES = [
  [Math.LN2, 'base 2'],
  [Math.LN10, 'base 10'],
] as const;

/**
 * The worst distance over the positions of an answer, against a reference that followed the same tokens.
 * @throws {ModelError} `comparison/bad-logprobs` for lists that are short, unsorted, renormalised, of another base or of another tokenizer, and
 * for an answer that breaks off.
 * @example worstVariation(parseAnswer(body), known, rule) > rule.tolerance
 */
export function worstVariation(answer: ModelAnswer, known: KnownLogprobs, rule: DistanceRule): number {
  assertWhole(answer, rule.asked);
  const positions = usablePositions(answer, rule.listed);
  const compared = positions.slice(0, known.length);
  if (compared.length === 0) throw bad('at least one position', 'none');
  const apart = (change: (log: number, position: number) => number): number =>
    Math.max(
      ...compared.map(({ top }, index) => {
        const [theirs, ours] = joined(top, known[index] ?? []);
        const changed = new Map([...theirs].map(([token, log]) => [token, Math.min(0, change(log, index))]));
        return Math.max(0, totalVariation(changed, ours) - rule.rounding / 2);
      }),
    );
  const worst = apart((log) => log);
  if (worst <= rule.tolerance) return worst;
  for (const [factor, name] of OTHER_BASES) {
    // A distribution in another base sums to less than the reference's, and fits when its base is put right.
    if (fits(() => apart((log) => log * factor), rule)) throw bad('natural log probabilities', `logarithms of ${name}`);
  }
  const masses = compared.map((_, index) => massOf(known[index] ?? []));
  const isRenormalised = compared.every(({ top }) => Math.abs(1 - massOf(top.map(([, log]) => log))) < 1e-3);
  if (isRenormalised && fits(() => apart((log, index) => log + Math.log(masses[index] ?? 1)), rule))
    throw bad('probabilities over all tokens', 'ones that were renormalised over the list');
  return worst;
}

function fits(distance: () => number, { tolerance }: DistanceRule): boolean {
  try {
    return distance() <= tolerance;
  } catch (error) {
    if (!ModelError.is(error)) throw error;
    return false;
  }
}

/**
 * The worst distance between two answers with log probabilities, over the positions that both reached through the same tokens. A token that
 * one list lacks is at most as likely there as the last one of that list.
 * @throws {ModelError} `comparison/bad-logprobs`, also when one answer ends where the other goes on with the same tokens: what it would have
 * said there is not known.
 * @example pairVariation(parseAnswer(body), parseAnswer(otherBody), rule)
 */
export function pairVariation(one: ModelAnswer, other: ModelAnswer, rule: DistanceRule): number {
  for (const answer of [one, other]) assertWhole(answer, rule.asked);
  const [first, second] = [usablePositions(one, rule.listed), usablePositions(other, rule.listed)];
  let worst = 0;
  for (let index = 0; index < Math.max(first.length, second.length); index += 1) {
    const [a, b] = [first[index], second[index]];
    if (a === undefined || b === undefined)
      throw bad('two answers up to where they part', `one that ends after ${index} equal tokens`);
    worst = Math.max(worst, excess(a, b), excess(b, a));
    if (a.token !== b.token) break;
  }
  return Math.max(0, worst - rule.rounding / 2);
}

/**
 * An answer has at least one position, and as many as were asked for unless the model ended it.
 * @throws {ModelError} `comparison/bad-logprobs`.
 */
export function assertWhole({ positions, finish }: ModelAnswer, asked: number): void {
  if (positions === null) throw bad('log probabilities', 'none');
  if (positions.length === 0) throw bad('at least one position', 'none');
  if (positions.length < asked && !ENDED.has(finish))
    throw bad(
      `${asked} positions, or an answer that the model ended`,
      `${positions.length} (finish_reason ${finish ?? 'none'})`,
    );
}

/** How much more of the probability `a` gives to the tokens of its list than `b` can. */
function excess(a: AnswerPosition, b: AnswerPosition): number {
  const known = sums(b.top);
  const least = Math.exp(Math.min(...b.top.map(([, log]) => log)));
  let sum = 0;
  for (const [token, p] of sums(a.top)) sum += Math.max(0, p - (known.get(token) ?? least));
  return Math.min(1, sum);
}

/**
 * The step that all log probabilities of an answer are multiples of; 0 when there is none.
 * @example roundingOf(parseAnswer(body)) // 0 when nothing is rounded
 */
export function roundingOf({ positions }: ModelAnswer): number {
  const values = (positions ?? []).flatMap(({ top }) => top.map(([, log]) => log)).filter((log) => log !== 0);
  if (values.length < 4) return 0;
  return STEPS.find((step) => values.every((log) => Math.abs(log / step - Math.round(log / step)) < 1e-6)) ?? 0;
}

/**
 * Positions whose lists can be relied on.
 * @throws {ModelError} `comparison/bad-logprobs`.
 * @example usablePositions(parseAnswer(body), 20).length
 */
export function usablePositions({ positions }: ModelAnswer, listed: number): readonly AnswerPosition[] {
  if (positions === null) throw bad('log probabilities', 'none');
  for (const { token, logprob, top: list } of positions) {
    const mass = massOf(list.map(([, log]) => log));
    if (!list.every(([, log]) => log <= 1e-6)) throw bad('natural log probabilities', 'ones above 0');
    if (mass > 1 + 1e-3) throw bad('probabilities of at most 1 in sum', String(mass));
    if (list.length < Math.ceil(LEAST_SHARE * listed) && mass < WHOLE)
      throw bad(`the ${listed} likeliest tokens of each position`, String(list.length));
    const most = Math.max(...list.map(([, log]) => log));
    // At temperature 0 the token is the likeliest, and its own log probability is the one in the list.
    if (logprob < most - 0.011)
      throw bad('the likeliest token at temperature 0', 'a less likely one, or lists in another order');
    const [own] = list.filter(([each]) => each === token);
    if (own === undefined || Math.abs(own[1] - logprob) > 0.011)
      throw bad('each token among its likeliest with the same log probability', 'another one');
  }
  // What lies behind a token that is no whole text cannot be followed.
  const end = positions.findIndex(({ token }) => token.includes(REPLACEMENT));
  return end < 0 ? positions : positions.slice(0, end + 1);
}

/** Both sides by token. Tokens that are no whole text, or none of the reference's, are left to the rest of the probability. */
function joined(
  top: readonly (readonly [string, number])[],
  known: readonly (number | null)[],
): readonly [LogProbabilities, LogProbabilities] {
  const [theirs, ours] = [new Map<string, number>(), new Map<string, number>()];
  let leftOut = 0;
  for (const [index, [token, log]] of top.entries()) {
    const own = known[index];
    if (own === null || own === undefined || token.includes(REPLACEMENT) || ours.has(token)) leftOut += Math.exp(log);
    else {
      theirs.set(token, Math.min(0, log));
      ours.set(token, Math.min(0, own));
    }
  }
  if (leftOut > MOST_LEFT_OUT) throw bad('tokens that the reference has', 'others, of another tokenizer');
  return [theirs, ours];
}

function sums(top: readonly (readonly [string, number])[]): ReadonlyMap<string, number> {
  const found = new Map<string, number>();
  for (const [token, log] of top) found.set(token, (found.get(token) ?? 0) + Math.exp(log));
  return found;
}

function massOf(logs: readonly (number | null)[]): number {
  return logs.reduce<number>((sum, log) => sum + (log === null ? 0 : Math.exp(log)), 0);
}

function bad(expected: string, got: string): ModelError {
  return new ModelError('comparison/bad-logprobs', `expected ${expected}, got ${got}; compare on another tier`);
}
