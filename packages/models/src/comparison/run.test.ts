/** Comparisons of the zoo from answers to outcomes, and every defect of answers. */

import { utf8 } from '@assay/encoding/bytes';
import { expectCode } from '@assay/testing';
import { bodyOf, compareZoo, planOf, SMALL_RECIPE, type TextModel, TWIN_WORST, ZOO_KEY, zooOf } from '@assay/testing/model-zoo';
import { describe, expect, it } from 'vitest';
import { parseAnswer } from './answer.ts';
import { challengeText } from './challenge.ts';
import { challengeRequest } from './challenge-request.ts';
import { pairVariation, roundingOf, worstVariation } from './distance.ts';
import type { PlanDocument } from './plan.ts';
import { ComparisonRun } from './run.ts';

const zoo = zooOf(SMALL_RECIPE);
const model = (name: string, weights = zoo.base): TextModel => zoo.textModel(name, weights);
const base = model('base');

const relatives: Readonly<Record<string, TextModel>> = {
  base,
  Q8_0: model('Q8_0', zoo.stored('Q8_0')),
  Q4_0: model('Q4_0', zoo.stored('Q4_0')),
  'one step': model('one step', zoo.fineTuned(1)),
  '0.1 % noise': model('noise', zoo.noisy(0.001)),
  '1 % noise': model('more noise', zoo.noisy(0.01)),
  'other seed': model('other seed', zoo.otherSeed()),
};

describe('log probabilities against the reference', () => {
  it.each<[string, string, number]>([
    ['base', 'SAME', 12],
    ['Q8_0', 'DIFFERENT', 15],
    ['Q4_0', 'DIFFERENT', 6],
    ['one step', 'DIFFERENT', 15],
    ['1 % noise', 'DIFFERENT', 15],
    ['other seed', 'DIFFERENT', 6],
  ])('%s is %s within %i queries', (name, verdict, most) => {
    const { outcome } = compareZoo(planOf(), () => relatives[name]!);
    expect(outcome.verdict).toBe(verdict);
    expect(outcome.queries).toBeLessThanOrEqual(most);
  });

  it('noise of a tenth of a per cent is never the same at a tolerance below it', () => {
    const worst = TWIN_WORST.map(() => 1e-5);
    const { outcome } = compareZoo(
      planOf({ tolerance: 2e-5, calibration: { conditions: [], worst } }),
      () => relatives['0.1 % noise']!,
    );
    expect(outcome.verdict).toBe('DIFFERENT');
  });

  it('says what a SAME cannot tell apart', () => {
    const names = ['F16', 'Q8_0', 'Q5_0', 'Q4_0', '0.1% noise', '1% noise'] as const;
    const formsOf = (f16: number | null): PlanDocument['alternatives'] =>
      names.map((name) => ({ name, variation: name === 'F16' ? f16 : 0.004 }));
    const sameOf = (alternatives: PlanDocument['alternatives']) => compareZoo(planOf({ alternatives }), () => base).outcome;
    const coarse = sameOf(formsOf(0.0002));
    expect(coarse).toMatchObject({ verdict: 'SAME', coarse: true, inside: ['F16'] });
    expect(coarse.basis).toContain('cannot tell F16 from the reference');
    const others = 'Q8_0, Q5_0, Q4_0, 0.1% noise, 1% noise';
    const fine = sameOf(formsOf(null));
    expect(fine).toMatchObject({ verdict: 'SAME', coarse: false, inside: [] });
    expect(fine.basis).toMatch(new RegExp(`; ${others} would have been told apart$`));
    const some = sameOf(formsOf(null).slice(1));
    expect(some).toMatchObject({ verdict: 'SAME', coarse: true, inside: [] });
    expect(some.basis).toContain(`${others} would have been told apart; F16 not measured`);
    const none = sameOf([]);
    expect(none).toMatchObject({ verdict: 'SAME', coarse: true, inside: [] });
    expect(none.basis).toContain('no perturbed form of the reference was measured');
  });

  it('a model that changes half-way is found', () => {
    const { outcome } = compareZoo(planOf(), (index) => (index < 4 ? base : relatives.Q4_0!));
    expect(outcome.verdict).toBe('DIFFERENT');
  });

  it('a candidate that cheats on one request in ten is never the same in an audit', () => {
    const plan = planOf({ mode: 'audit', maxQueries: 120 });
    const { outcome } = compareZoo(plan, (index) => (index % 10 === 3 ? relatives['other seed']! : base));
    expect(['DIFFERENT', 'UNDECIDED']).toContain(outcome.verdict);
  });

  it('budgets end it, and say so', () => {
    const few = compareZoo(planOf({ maxQueries: 3 }), () => base).outcome;
    expect(few).toMatchObject({ verdict: 'UNDECIDED', reason: 'query-budget', queries: 3 });
    const tokens = compareZoo(planOf({ max_tokens: 60 }), () => base).outcome;
    expect(tokens).toMatchObject({ verdict: 'UNDECIDED', reason: 'token-budget' });
    expect(tokens.tokens).toBeLessThan(60 + 120);
  });
});

type Entry = { token: string; bytes: number[]; logprob: number | string; top_logprobs: Entry[] };

/** Changes every list of an answer. */
const lists = (change: (list: Entry[]) => Entry[]) => (body: string) => {
  const json = JSON.parse(body) as { choices: { logprobs: { content: Entry[] } }[] };
  for (const entry of json.choices[0]!.logprobs.content) entry.top_logprobs = change(entry.top_logprobs);
  return JSON.stringify(json);
};
const logs = (change: (log: number, list: Entry[]) => number | string) =>
  lists((list) => list.map((entry) => ({ ...entry, logprob: change(entry.logprob as number, list) })));
const massOf = (list: Entry[]): number => list.reduce((sum, { logprob }) => sum + Math.exp(logprob as number), 0);

describe('answers that cannot be used', () => {
  it.each<[string, (body: string) => string | null]>([
    ['an outage', () => null],
    ['no log probabilities', (body) => JSON.stringify({ ...JSON.parse(body), choices: [{ text: 'x' }] })],
    ['lists that are too short', lists((list) => list.slice(0, 1))],
    ['log probabilities of base 2', (body) => logs((log) => log / Math.LN2)(ownToo(body, (log) => log / Math.LN2))],
    ['lists that were renormalised', (body) => logs((log, list) => log - Math.log(massOf(list)))(body)],
    [
      'lists in the wrong order',
      lists((list) => list.map((entry, index) => ({ ...entry, logprob: list.at(-1 - index)!.logprob }))),
    ],
    ['texts in place of numbers', logs(() => 'NaN')],
    ['zeros', logs(() => 0)],
    [
      'tokens of another tokenizer',
      lists((list) => list.map((entry, index) => ({ ...entry, bytes: [...utf8(`~${index}~`)] }))),
    ],
    ['a page of HTML', () => '<html>'],
    ['an error in JSON', () => '{"error":{"message":"no"}}'],
  ])('%s proves nothing', (_, spoil) => {
    const { outcome } = compareZoo(planOf(), () => base, spoil);
    expect(outcome).toMatchObject({ verdict: 'UNDECIDED', queries: 8, logDifferent: 0 });
    expect(outcome).toMatchObject({ reason: expect.stringMatching(/^(outage|unusable-answers)$/) });
    expect(compareZoo(planOf(), () => relatives.Q4_0!, spoil).outcome.verdict).not.toBe('SAME');
  });

  it('rounding is allowed for when it was there from the start, and refused when it comes later', () => {
    const rounded = logs((log) => Math.round(log * 100) / 100);
    const plan = planOf({ rounding: 0.01 });
    expect(compareZoo(plan, () => base, rounded).outcome.verdict).toBe('SAME');
    expect(compareZoo(plan, () => relatives['other seed']!, rounded).outcome.verdict).toBe('DIFFERENT');
    const alternatives = [{ name: 'Q8_0', variation: 0.004 } as const];
    expect(compareZoo(planOf({ rounding: 0.01, alternatives }), () => base, rounded).outcome).toMatchObject({
      ...{ coarse: true, inside: ['Q8_0'] },
    });
    expect(compareZoo(planOf(), () => base, rounded).outcome).toMatchObject({
      verdict: 'UNDECIDED',
      reason: 'unusable-answers',
    });
    const request = challengeRequest(plan, ZOO_KEY, { index: 0, variant: 0 });
    expect(roundingOf(parseAnswer(rounded(bodyOf(request, base))))).toBe(0.01);
    expect(roundingOf(parseAnswer(bodyOf(request, base)))).toBe(0);
  });

  it('some of them delay SAME only', () => {
    const { outcome } = compareZoo(
      planOf(),
      () => base,
      (body, index) => (index % 5 === 1 ? null : body),
    );
    expect(outcome).toMatchObject({ verdict: 'SAME' });
    expect(outcome.failed).toBeGreaterThan(0);
  });

  it('are named one by one', async () => {
    for (const body of ['', '[]', '{"choices":[]}', '{"choices":[{}]}', '{"choices":[{"message":{"content":5}}]}'])
      await expectCode(() => parseAnswer(body), 'comparison/bad-answer');
    for (const logprobs of [
      { content: [{}] },
      { content: [{ token: 'a', logprob: null, top_logprobs: [] }] },
      { tokens: ['a'], token_logprobs: [0], top_logprobs: [[]] },
    ])
      await expectCode(() => parseAnswer(JSON.stringify({ choices: [{ text: '', logprobs }] })), 'comparison/bad-logprobs');
    const empty = parseAnswer('{"choices":[{"text":"","logprobs":{"content":[]}}]}');
    await expectCode(
      () => worstVariation(empty, [], { asked: 1, listed: 1, tolerance: 0.1, rounding: 0 }),
      'comparison/bad-logprobs',
    );
  });
});

/** Keeps the first positions, and says why the answer ended. */
const cut = (positions: number, finish: string | null) => (body: string) => {
  const json = JSON.parse(body) as {
    choices: { text: string; finish_reason: string | null; logprobs: { content: Entry[] } }[];
  };
  const [choice] = json.choices;
  choice!.logprobs.content = choice!.logprobs.content.slice(0, positions);
  choice!.finish_reason = finish;
  return JSON.stringify(json);
};

describe('answers that are empty or break off', () => {
  const profile = { tier: 'profile', mode: 'quick' } as const;
  const tiers: readonly [string, ReturnType<typeof planOf>][] = [
    ['logprobs', planOf()],
    ['pairs-logprobs', planOf({ tier: 'pairs-logprobs' })],
    ['profile', planOf(profile)],
  ];
  it.each(
    tiers.flatMap(([tier, plan]) => [
      [`no position, tier ${tier}`, plan, cut(0, 'stop')] as const,
      [`one position, tier ${tier}`, plan, cut(1, 'length')] as const,
      [`one position and no reason, tier ${tier}`, plan, cut(1, null)] as const,
    ]),
  )('%s: no score, whichever model it was', (_, plan, spoil) => {
    for (const candidate of [base, relatives['other seed']!])
      expect(compareZoo(plan, () => candidate, spoil).outcome).toMatchObject({
        ...{ verdict: 'UNDECIDED', reason: 'unusable-answers', unusable: 8, logDifferent: 0 },
      });
  });

  it('one that says it ended where the reference goes on proves nothing in a pair', () => {
    const { outcome } = compareZoo(planOf({ tier: 'pairs-logprobs' }), () => base, cut(1, 'stop'));
    expect(outcome).toMatchObject({ verdict: 'UNDECIDED', unusable: 8, logDifferent: 0 });
  });

  it.each(['border', 'pairs-text'] as const)('without a word: no score on tier %s', (tier) => {
    const { outcome } = compareZoo(
      planOf({ tier }),
      () => base,
      () => '{"choices":[{"text":" ","finish_reason":"stop"}]}',
    );
    expect(outcome).toMatchObject({ verdict: 'UNDECIDED', unusable: 8, logDifferent: 0 });
  });

  it('two that both ended are compared as far as they go', () => {
    const rule = { asked: 10, listed: 10, tolerance: 0.1, rounding: 0 };
    const plan = planOf({ tier: 'pairs-logprobs' });
    const body = bodyOf(challengeRequest(plan, ZOO_KEY, { index: 0, variant: 0 }), base);
    const ended = parseAnswer(cut(3, 'stop')(body));
    expect(pairVariation(ended, ended, rule)).toBe(0);
  });

  it.each<[string, readonly object[], string]>([
    ['no position of either', [], 'unusable-answers'],
    ['digests that are none', [{ token: 'q', logprob: 0, top_logprobs: [], logits_sha256: '00' }], 'unusable-answers'],
  ])('logits: %s is not equal', (_, content, reason) => {
    const plan = planOf({ ...profile, reply_tokens: 1 });
    const run = new ComparisonRun(plan);
    const response = JSON.stringify({ choices: [{ text: 'q', finish_reason: 'stop', logprobs: { content } }] });
    const positions = content.length === 0 ? [] : [{ token: 'q', logits: '00' }];
    while (!run.state.ended)
      run.push({
        ...{ index: run.state.queries, variant: 0, request: '', response, failure: null },
        reference: { kind: 'logits', positions },
      });
    expect(run.outcome()).toMatchObject({ verdict: 'UNDECIDED', reason, logDifferent: 0 });
  });
});

/** Changes the log probability of the written tokens as well. */
function ownToo(body: string, change: (log: number) => number): string {
  const json = JSON.parse(body) as { choices: { logprobs: { content: Entry[] } }[] };
  for (const entry of json.choices[0]!.logprobs.content) entry.logprob = change(entry.logprob as number);
  return JSON.stringify(json);
}

describe('texts at temperature 0', () => {
  it.each([
    ['base', 'SAME'],
    ['other seed', 'DIFFERENT'],
  ])('%s is %s, and a SAME by texts is coarse', (name, verdict) => {
    const { outcome } = compareZoo(planOf({ tier: 'border' }), () => relatives[name]!);
    expect(outcome.verdict).toBe(verdict);
    if (outcome.verdict === 'SAME') expect(outcome.coarse).toBe(true);
  });
});

describe('one profile', () => {
  const plan = planOf({ tier: 'profile', mode: 'standard' });
  it.each(Object.keys(relatives))('%s is decided exactly', (name) => {
    const { outcome } = compareZoo(plan, () => relatives[name]!);
    if (name === 'base') expect(outcome).toMatchObject({ verdict: 'SAME', queries: 7, coarse: false });
    else expect(outcome).toMatchObject({ verdict: 'DIFFERENT', queries: 1 });
  });

  it('a failure takes back more than an equal answer gave', () => {
    const { outcome } = compareZoo(
      plan,
      () => base,
      (body, index) => (index === 2 ? null : body),
    );
    expect(outcome.verdict).toBe('SAME');
    expect(outcome.queries).toBeGreaterThan(10);
    expect(
      compareZoo(
        plan,
        () => base,
        () => null,
      ).outcome,
    ).toMatchObject({ verdict: 'UNDECIDED', reason: 'outage' });
  });
});

describe('two endpoints', () => {
  it('with log probabilities: the same, and not', () => {
    const plan = planOf({ tier: 'pairs-logprobs' });
    expect(compareZoo(plan, () => base).outcome.verdict).toBe('SAME');
    for (const name of ['Q8_0', 'Q4_0', 'other seed'])
      expect(compareZoo(plan, () => relatives[name]!).outcome.verdict).toBe('DIFFERENT');
    const [a, b] = [base, relatives['other seed']!].map((each) =>
      parseAnswer(bodyOf(challengeRequest(plan, ZOO_KEY, { index: 0, variant: 0 }), each)),
    );
    const rule = { asked: 10, listed: 10, tolerance: 0.1, rounding: 0 };
    expect(pairVariation(a!, a!, rule)).toBe(0);
    expect(pairVariation(a!, b!, rule)).toBeGreaterThan(0.01);
  });

  it('with texts alone: never the same, and another model is found', () => {
    const plan = planOf({ tier: 'pairs-text', mode: 'standard', maxQueries: 250 });
    expect(compareZoo(plan, () => base).outcome).toMatchObject({ verdict: 'UNDECIDED', reason: 'query-budget', logSame: 0 });
    expect(compareZoo(plan, () => relatives['other seed']!).outcome.verdict).toBe('DIFFERENT');
  });
});

describe('texts of two endpoints', () => {
  it('find 20 steps of fine-tuning within 350 pairs', () => {
    const tuned = model('tuned', zoo.fineTuned(20));
    const sampled = { tier: 'pairs-text', mode: 'standard', maxQueries: 350, reply_tokens: 48 } as const;
    const { outcome } = compareZoo(planOf({ ...sampled, run: '01'.repeat(16) }), () => tuned);
    expect(outcome).toMatchObject({ verdict: 'DIFFERENT' });
  });
});

describe('challenges', () => {
  it('differ by key, run, index and variant, and read like sentences', () => {
    const at = { key: ZOO_KEY, run: 'a', index: 0, variant: 0 };
    const texts = [at, { ...at, index: 1 }, { ...at, variant: 1 }, { ...at, run: 'b' }, { ...at, key: new Uint8Array(32) }].map(
      challengeText,
    );
    expect(new Set(texts).size).toBe(5);
    for (const text of texts) expect(text).toMatch(/^[A-Z].* the .*\. [A-Z]\w+ /);
    const many = new Set(Array.from({ length: 2000 }, (_, index) => challengeText({ ...at, index })));
    expect(many.size).toBe(2000);
  });
});
