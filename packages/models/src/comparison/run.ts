/**
 * One comparison, query by query: scores, both wealths, and the outcome. The program that asks and a reader of the record use this same code, so
 * that whatever was concluded can be concluded again (spec/model-comparison.md §7).
 */

import { ModelError } from '../errors.ts';
import { type AnswerPosition, type ModelAnswer, parseAnswer } from './answer.ts';
import { Comparison } from './comparison.ts';
import { assertWhole, type KnownLogprobs, pairVariation, roundingOf, usablePositions, worstVariation } from './distance.ts';
import { CERTAIN, exactWealthAgainstAtLeast } from './exact.ts';
import { type PlanDocument, unmeasuredForms } from './plan.ts';
import { queryScore, resolutionOf } from './score.ts';
import { TextPairBet } from './text-pairs.ts';
import type { Wealth } from './wealth.ts';

/** What the reference says to one query, in the form that its tier needs. */
export type ReferenceView =
  /** Natural log probabilities of the candidate's listed tokens, position by position; `null`: not a token of the reference. */
  | { readonly kind: 'known'; readonly logprobs: readonly (readonly (number | null)[])[] }
  /** What the reference writes at temperature 0, with the gap to its second choice, nats. */
  | { readonly kind: 'greedy'; readonly tokens: readonly { readonly token: string; readonly gap: number }[] }
  /** Hex SHA-256 of all logits, position by position. */
  | { readonly kind: 'logits'; readonly positions: readonly { readonly token: string; readonly logits: string }[] }
  /** The exact body of the reference's own answer. */
  | { readonly kind: 'answer'; readonly body: string };

export interface ComparedQuery {
  readonly index: number;
  /** Which of the query's prompts was asked. */
  readonly variant: number;
  /** Exact bodies, as text; `null` for a query that kept failing. */
  readonly request: string;
  readonly response: string | null;
  /** Code of the failure; `null` when there was an answer. */
  readonly failure: string | null;
  readonly reference: ReferenceView | null;
}

export type UndecidedReason = 'query-budget' | 'token-budget' | 'outage' | 'unusable-answers' | 'interrupted';

interface Numbers {
  readonly queries: number;
  /** Queries without an answer. */
  readonly failed: number;
  /** Answers that could not be scored. */
  readonly unusable: number;
  /** Tokens of prompts and replies, as far as they are known. */
  readonly tokens: number;
  /** Natural logarithms of the wealths. */
  readonly logDifferent: number;
  readonly logSame: number;
}

/** The end of a comparison. `basis` says in words what the verdict rests on and what it cannot tell. */
export type ComparisonOutcome =
  | (Numbers & {
      readonly verdict: 'SAME';
      readonly coarse: boolean;
      readonly inside: readonly string[];
      readonly basis: string;
    })
  | (Numbers & { readonly verdict: 'DIFFERENT'; readonly basis: string })
  | (Numbers & { readonly verdict: 'UNDECIDED'; readonly reason: UndecidedReason; readonly basis: string });

export interface RunState extends Numbers {
  readonly ended: boolean;
  /** Score of the last query; `null`: it had none. */
  readonly lastScore: number | null;
  /** Why the last query had none: the error's code and message. */
  readonly lastProblem: string | null;
}

/** Of logits: SHA-256 in hex. */
const DIGEST = /^[0-9a-f]{64}$/;
/** So many queries in a row without a score end the comparison. */
const MOST_IN_A_ROW = 8;

/**
 * @example
 * const run = new ComparisonRun(plan);
 * while (!run.state.ended) run.push(await ask(run.state.queries));
 * run.outcome().verdict; // 'SAME'
 */
export class ComparisonRun {
  readonly #plan: PlanDocument;
  readonly #test: TierTest;
  #queries = 0;
  #failed = 0;
  #unusable = 0;
  #tokens = 0;
  #inARow = 0;
  #lastScore: number | null = null;
  #lastProblem: string | null = null;

  /** @throws {ModelError} `comparison/bad-plan`. */
  constructor(plan: PlanDocument) {
    this.#plan = plan;
    this.#test = testOf(plan);
  }

  get state(): RunState {
    const { verdict, logDifferent, logSame } = this.#test;
    const numbers = {
      ...{ queries: this.#queries, failed: this.#failed, unusable: this.#unusable, tokens: this.#tokens },
      ...{ logDifferent, logSame },
    };
    const ended = verdict !== null || this.#limit() !== null;
    return { ...numbers, ended, lastScore: this.#lastScore, lastProblem: this.#lastProblem };
  }

  /** Takes the next query, whose index is {@link RunState.queries}. @throws {ModelError} `comparison/bad-score` after the end. */
  push(query: ComparedQuery): RunState {
    if (this.state.ended || query.index !== this.#queries)
      throw new ModelError(
        'comparison/bad-score',
        `expected query ${this.#queries} of a comparison that goes on, got ${query.index}; start another`,
      );
    this.#queries += 1;
    this.#lastScore = null;
    this.#lastProblem = query.failure;
    if (query.response === null || query.failure !== null) this.#failed += 1;
    else this.#take(query.response, query);
    if (this.#lastScore === null) {
      this.#test.failure();
      this.#inARow += 1;
    } else this.#inARow = 0;
    return this.state;
  }

  /** The end, or `UNDECIDED` with the reason `interrupted` while it goes on. */
  outcome(): ComparisonOutcome {
    const { ended, lastScore, lastProblem, ...numbers } = this.state;
    const { verdict } = this.#test;
    const plan = this.#plan;
    if (verdict === 'DIFFERENT') return { ...numbers, verdict, basis: differentBasis(plan) };
    if (verdict === 'SAME') {
      const found = plan.tolerance === null ? { coarse: false, inside: [] } : resolution(plan, plan.tolerance);
      return { ...numbers, verdict, ...found, basis: sameBasis(plan, found.inside) };
    }
    const reason = this.#limit() ?? 'interrupted';
    const why = lastProblem === null ? '' : ` (last: ${lastProblem})`;
    return { ...numbers, verdict: 'UNDECIDED', reason, basis: `${UNDECIDED_WORDS[reason]}${why}` };
  }

  #take(response: string, query: ComparedQuery): void {
    let answer: ModelAnswer | null = null;
    try {
      answer = parseAnswer(response);
      this.#lastScore = this.#test.score(answer, query);
    } catch (error) {
      if (!ModelError.is(error) || error.kind !== 'malformed') throw error;
      this.#unusable += 1;
      this.#lastProblem = `${error.code}: ${error.message}`;
    }
    const reply = answer?.completionTokens ?? answer?.positions?.length ?? this.#plan.reply_tokens;
    this.#tokens += (answer?.promptTokens ?? Math.ceil(query.request.length / 4)) + reply;
  }

  #limit(): UndecidedReason | null {
    const { test, max_tokens: most } = this.#plan;
    if (this.#inARow >= MOST_IN_A_ROW)
      return this.#lastProblem?.startsWith('comparison/') === true ? 'unusable-answers' : 'outage';
    if (this.#queries >= test.maxQueries) return 'query-budget';
    return most !== null && this.#tokens >= most ? 'token-budget' : null;
  }
}

const UNDECIDED_WORDS: Readonly<Record<UndecidedReason, string>> = {
  'query-budget': 'the queries were used up before either wealth reached its bound',
  'token-budget': 'the tokens were used up before either wealth reached its bound',
  outage: `${MOST_IN_A_ROW} queries in a row had no answer`,
  'unusable-answers': `${MOST_IN_A_ROW} answers in a row could not be scored`,
  interrupted: 'the comparison was ended before either wealth reached its bound',
};

interface TierTest {
  readonly verdict: 'SAME' | 'DIFFERENT' | null;
  readonly logDifferent: number;
  readonly logSame: number;
  /** Scores one answer and bets on it. @throws {ModelError} of kind `malformed` for an answer that has no score. */
  score(answer: ModelAnswer, query: ComparedQuery): number;
  failure(): void;
}

function testOf(plan: PlanDocument): TierTest {
  switch (plan.tier) {
    case 'profile':
      return exactTest(plan);
    case 'pairs-text':
      return textTest(plan);
    default:
      return scoredTest(plan);
  }
}

function scoredTest(plan: PlanDocument): TierTest {
  // The run counts queries itself, so that a comparison may end with the last one.
  const comparison = new Comparison({ ...plan.test, maxQueries: plan.test.maxQueries + 1 });
  return {
    get verdict() {
      const { verdict } = comparison.state;
      return verdict === 'UNDECIDED' ? null : verdict;
    },
    get logDifferent() {
      return comparison.state.logDifferent;
    },
    get logSame() {
      return comparison.state.logSame;
    },
    score: (answer, query) => {
      const value = scoreOf(plan, answer, query.reference);
      comparison.score(value);
      return value;
    },
    failure: () => void comparison.failure(),
  };
}

function exactTest({ test, reply_tokens: asked }: PlanDocument): TierTest {
  const same: Wealth = exactWealthAgainstAtLeast(test.epsilonSame);
  let different = false;
  return {
    get verdict() {
      if (different) return 'DIFFERENT';
      return same.log >= -Math.log(test.beta) ? 'SAME' : null;
    },
    get logDifferent() {
      return different ? CERTAIN : 0;
    },
    get logSame() {
      return same.log;
    },
    score: (answer, { reference }) => {
      const value = equalLogits(answer, reference, asked) ? 0 : 1;
      if (value === 1) different = true;
      same.push(value);
      return value;
    },
    failure: () => same.push(1),
  };
}

function textTest({ test }: PlanDocument): TierTest {
  const bet = new TextPairBet();
  return {
    get verdict() {
      return bet.log >= -Math.log(test.alpha) ? 'DIFFERENT' : null;
    },
    get logDifferent() {
      return bet.log;
    },
    logSame: 0,
    score: (answer, { reference, request }) => {
      const before = bet.log;
      const one = answerOf(reference);
      for (const each of [one, answer]) assertWords(each);
      bet.push({ prompt: request, one: one.text, other: answer.text });
      return bet.log > before ? 1 : 0;
    },
    failure: () => undefined,
  };
}

/** What the reference of a plan gives to a query: an endpoint its answer, a file what its tier asks of it. */
export function viewKindOf({ tier, reference }: PlanDocument): ReferenceView['kind'] {
  if (reference.kind === 'endpoint') return 'answer';
  return tier === 'profile' ? 'logits' : tier === 'border' ? 'greedy' : 'known';
}

function scoreOf(plan: PlanDocument, answer: ModelAnswer, reference: ReferenceView | null): number {
  const { tier, tolerance, listed, rounding, reply_tokens: asked } = plan;
  const rule = { asked, listed, rounding, tolerance: tolerance ?? 1 };
  if (tier === 'border') return borderScore(answer, reference, rule.tolerance);
  if (roundingOf(answer) > rounding)
    throw bad('log probabilities as exact as at the start', `ones in steps of ${roundingOf(answer)}`);
  if (tier === 'pairs-logprobs') return queryScore([pairVariation(answer, answerOf(reference), rule)], rule.tolerance);
  assertWhole(answer, asked);
  if (reference?.kind !== 'known')
    throw new ModelError(
      'comparison/malformed',
      'expected what the reference knows of each token, got none; have the comparison made again',
    );
  const { logprobs } = reference;
  assertFollowed(usablePositions(answer, listed), logprobs);
  return queryScore([worstVariation(answer, logprobs, rule)], rule.tolerance);
}

/** The reference followed to the end, or to a token that it does not have: a view that ends earlier would leave out what differs. */
function assertFollowed(positions: readonly AnswerPosition[], known: KnownLogprobs): void {
  const last = positions[known.length - 1];
  const own = last?.top.findIndex(([token]) => token === last.token) ?? -1;
  const stopped = own >= 0 && (known.at(-1)?.[own] ?? null) === null;
  if (known.length > 0 && known.length <= positions.length && (known.length === positions.length || stopped)) return;
  throw new ModelError(
    'comparison/malformed',
    `expected the reference at ${positions.length} positions, got ${known.length}; have the comparison made again`,
  );
}

/** 1 when the candidate leaves the reference's path where the reference is sure, by more than `gap` nats at each token. */
function borderScore(answer: ModelAnswer, reference: ReferenceView | null, gap: number): number {
  if (reference?.kind !== 'greedy')
    throw new ModelError(
      'comparison/malformed',
      'expected what the reference writes, got none; have the comparison made again',
    );
  assertWords(answer);
  const end = reference.tokens.findIndex((token) => !(token.gap > gap));
  const sure = (end < 0 ? reference.tokens : reference.tokens.slice(0, end)).map(({ token }) => token).join('');
  const wanted = withoutReplacement(sure.trimStart());
  if (wanted === '') throw bad('a prompt at which the reference is sure', 'none');
  return answer.text.trimStart().startsWith(wanted) ? 0 : 1;
}

/** An answer without a word may be a fault on the way, and says nothing about the model. */
function assertWords({ text }: ModelAnswer): void {
  if (text.trim() === '') throw bad('an answer with words', 'none');
}

/** Up to the first token that is no whole text by itself. */
function withoutReplacement(text: string): string {
  const end = text.indexOf('\ufffd');
  return end < 0 ? text : text.slice(0, end);
}

/** Position by position; both must have the logits of at least one, and be whole. */
function equalLogits(answer: ModelAnswer, reference: ReferenceView | null, asked: number): boolean {
  const others = logitsOf(reference, asked);
  if (others === null || others.length === 0)
    throw new ModelError('comparison/malformed', "expected the reference's logits, got none; have the comparison made again");
  assertWhole(answer, asked);
  const positions = answer.positions ?? [];
  if ([...positions, ...others].some(({ logits }) => !DIGEST.test(logits ?? '')))
    throw bad('logits_sha256 of 64 hex digits at each position', 'none, or something else');
  return (
    positions.length === others.length &&
    positions.every(({ token, logits }, index) => {
      const own = others[index];
      return own !== undefined && own.logits === logits && own.token === token;
    })
  );
}

function logitsOf(
  reference: ReferenceView | null,
  asked: number,
): readonly { readonly token: string; readonly logits: string | null }[] | null {
  if (reference?.kind === 'logits') return reference.positions;
  if (reference?.kind !== 'answer') return null;
  const answer = answerOf(reference);
  assertWhole(answer, asked);
  return answer.positions;
}

function answerOf(reference: ReferenceView | null): ModelAnswer {
  if (reference?.kind === 'answer') return parseAnswer(reference.body);
  throw new ModelError(
    'comparison/malformed',
    'expected the answer of the reference, got none; have the comparison made again',
  );
}

function resolution(plan: PlanDocument, tolerance: number): { readonly coarse: boolean; readonly inside: readonly string[] } {
  const others = plan.alternatives.flatMap(({ name, variation }) => (variation === null ? [] : [[name, variation] as const]));
  // Texts never show what log probabilities show.
  if (plan.tier === 'border') return { coarse: true, inside: others.map(([name]) => name) };
  const { coarse, inside } = resolutionOf(tolerance + plan.rounding / 2, Object.fromEntries(others));
  return { coarse: coarse || unmeasuredForms(plan).length > 0, inside };
}

function sameBasis(plan: PlanDocument, inside: readonly string[]): string {
  const { tier, tolerance, test, alternatives } = plan;
  const share = `with confidence ${1 - test.beta}, fewer than ${test.epsilonSame * 100} % of such queries`;
  if (tier === 'profile') return `${share} differ in any bit of any logit`;
  const named = (names: readonly string[], words: string): readonly string[] =>
    names.length === 0 ? [] : [`${names.join(', ')} ${words}`];
  const told = alternatives.filter(({ name, variation }) => variation !== null && !inside.includes(name));
  const blind = [
    ...(inside.length > 0 ? [`cannot tell ${inside.join(', ')} from the reference`] : []),
    ...named(inside.length > 0 ? [] : told.map(({ name }) => name), 'would have been told apart'),
    ...(alternatives.length === 0
      ? ['no perturbed form of the reference was measured']
      : named(unmeasuredForms(plan), 'not measured')),
  ].join('; ');
  if (tier === 'border') return `${share} leave the reference's words where it is sure by ${tolerance} nats; ${blind}`;
  return `${share} have a position that differs by τ=${tolerance?.toPrecision(3)} or more; ${blind}`;
}

function differentBasis({ tier, tolerance, test }: PlanDocument): string {
  const chance = `a false DIFFERENT has a chance of at most ${test.alpha}`;
  if (tier === 'profile') return 'logits differ under one profile; equal weights and engines never do';
  if (tier === 'pairs-text') return `the two can be told apart by their words; ${chance}`;
  if (tier === 'border') return `leaves the reference's words where it is sure by ${tolerance} nats; ${chance}`;
  return `differs by more than τ=${tolerance?.toPrecision(3)} allows; ${chance}`;
}

function bad(expected: string, got: string): ModelError {
  return new ModelError('comparison/bad-logprobs', `expected ${expected}, got ${got}; compare on another tier`);
}
