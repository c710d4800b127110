/** Records of comparisons: what was logged, asked, answered and concluded must agree. */

import { canonicalJson, type JsonObject } from '@assay/encoding/json';
import { expectCode } from '@assay/testing';
import { compareZoo, planOf, SMALL_RECIPE, sha256, TWIN_WORST, ZOO_KEY, zooOf } from '@assay/testing/model-zoo';
import { describe, expect, it } from 'vitest';
import { challengeRequest } from './challenge-request.ts';
import { COMPARISON_MODES } from './comparison.ts';
import { planDigest } from './plan.ts';
import { recordDigest, verifyComparison } from './record.ts';
import { ComparisonRun } from './run.ts';
import { assertParties, type ComparedReceipt, type PartyReceipts } from './signed-answers.ts';

const zoo = zooOf(SMALL_RECIPE);
const endpointParty = () =>
  ({ kind: 'endpoint', name: 'https://ref.example', model_hash: null, profile_hash: null, keyset_hash: null }) as const;

describe('records', () => {
  const keyset = sha256('keyset');
  const endpoint = { kind: 'endpoint', name: 'https://agent.example', keyset_hash: keyset, profile_hash: null } as const;
  const plan = planOf({ candidate: { ...endpoint, model_hash: sha256('weights') } });
  const { queries, outcome } = compareZoo(plan, () => zoo.textModel('Q4_0', zoo.stored('Q4_0')));
  const key = Buffer.from(ZOO_KEY).toString('hex');
  const record = { plan, key, queries, outcome };
  const receipt = (index: number, ...events: ComparedReceipt['events'][number][]): ComparedReceipt => ({
    ...{ id: `rcpt_${index}`, digest: sha256(JSON.stringify([index, events])), signature: '', servedAt: 0 },
    ...{ endpoint: '', method: '', index, events, keyset, time: 0 },
  });
  const logOf = (of: typeof record, [first, second] = [1, 2]): ComparedReceipt[] => [
    receipt(first!, { type: 'comparison.planned', plan_hash: planDigest(of.plan), key_hash: of.plan.key_hash }),
    receipt(second!, { type: 'models.compared', plan_hash: planDigest(of.plan), record_hash: recordDigest(of) }),
  ];
  const fileOf = (of: object): JsonObject =>
    JSON.parse(
      canonicalJson({ format: 'assay-comparison/1', ...of, log: null, candidate_log: null, reference_log: null }),
    ) as JsonObject;
  const called = { type: 'model.called', provider: 'embedded', model: 'm', model_hash: sha256('weights') } as const;
  const signed = queries.map(({ request, response }, index) =>
    receipt(index, { type: 'request.received', body_hash: sha256(request) }, called, {
      type: 'response.returned',
      body_hash: sha256(response ?? ''),
    }),
  );
  const of = (given: readonly ComparedReceipt[], successions: PartyReceipts['successions'] = []): PartyReceipts => ({
    receipts: given,
    successions,
  });
  const receipts = { log: logOf(record), candidate: of(signed), reference: null };

  it('verify, with the answers that the candidate signed', () => {
    expect(verifyComparison(fileOf(record), receipts).outcome).toMatchObject({ verdict: 'DIFFERENT' });
  });

  const edited = (
    change: (copy: { -readonly [Name in keyof typeof record]: (typeof record)[Name] } & Record<string, unknown>) => void,
  ): typeof record => {
    const copy = structuredClone(record);
    change(copy as never);
    return copy;
  };
  it.each<[string, typeof record, string]>([
    [
      'another verdict',
      edited((copy) => Object.assign(copy.outcome, { verdict: 'SAME', coarse: false, inside: [] })),
      'comparison/edited',
    ],
    [
      'an outcome without a word',
      edited((copy) => Object.assign(copy, { outcome: { verdict: { toString: 1 }, logDifferent: [{ valueOf: 1 }] } })),
      'comparison/edited',
    ],
    ['no outcome', edited((copy) => Object.assign(copy, { outcome: null })), 'comparison/malformed'],
    ['another wealth', edited((copy) => Object.assign(copy.outcome, { logDifferent: 9 })), 'comparison/edited'],
    [
      'another key',
      edited((copy) => {
        copy.key = '00'.repeat(32);
      }),
      'comparison/challenge-mismatch',
    ],
    [
      'a query less',
      edited((copy) => {
        copy.queries = copy.queries.slice(1);
      }),
      'comparison/challenge-mismatch',
    ],
    [
      'a query too many',
      edited((copy) => {
        const at = copy.queries.length;
        copy.queries = [
          ...copy.queries,
          { ...copy.queries[0]!, index: at, request: challengeRequest(plan, ZOO_KEY, { index: at, variant: 0 }) },
        ];
      }),
      'comparison/edited',
    ],
    [
      'a question of its own',
      edited((copy) => Object.assign(copy.queries[0]!, { request: '{}' })),
      'comparison/challenge-mismatch',
    ],
    [
      'an answer of its own',
      edited((copy) => Object.assign(copy.queries[0]!, { response: copy.queries[1]!.response })),
      'comparison/edited',
    ],
    ['a wider tolerance', edited((copy) => Object.assign(copy.plan, { tolerance: 0.5 })), 'comparison/malformed'],
    ['no format', edited((copy) => Object.assign(copy, { queries: 'none' })), 'comparison/malformed'],
  ])('%s is found, even when the result was logged again', async (_, of, code) => {
    const log = [
      logOf(record)[0]!,
      receipt(2, { type: 'models.compared', plan_hash: planDigest(of.plan), record_hash: recordDigest(of) }),
    ];
    await expectCode(() => verifyComparison(fileOf(of), { ...receipts, log }), code);
  });

  it('what was logged decides', async () => {
    const file = fileOf(record);
    const expectRefused = (log: ComparedReceipt[], code: string) =>
      expectCode(() => verifyComparison(file, { ...receipts, log }), code);
    const [planned, ended] = logOf(record);
    await expectRefused([], 'comparison/not-committed');
    await expectRefused([ended!], 'comparison/not-committed');
    await expectRefused([planned!], 'comparison/edited');
    await expectRefused(logOf(record, [2, 1]), 'comparison/not-committed');
    await expectRefused([planned!, planned!, ended!], 'comparison/not-committed');
    await expectRefused(
      [planned!, receipt(2, { type: 'models.compared', plan_hash: planDigest(plan), record_hash: sha256('other') })],
      'comparison/edited',
    );
  });

  const other = sha256('another keyset');
  const changed = (change: (receipt: ComparedReceipt) => object): PartyReceipts =>
    of(signed.map((each, index) => (index === 1 ? { ...each, ...change(each) } : each)));
  it.each<[string, PartyReceipts | null, string]>([
    ['no bundles at all', null, 'comparison/answer-unsigned'],
    ['no bundle', of([]), 'comparison/answer-unsigned'],
    ['an answer without a receipt', of(signed.slice(1)), 'comparison/answer-unsigned'],
    ['a receipt of another answer', of([signed[1]!, ...signed.slice(1)]), 'comparison/answer-unsigned'],
    ['a receipt under another keyset', changed(() => ({ keyset: other })), 'comparison/answer-unsigned'],
    [
      'a keyset that names the one of the plan, not the other way round',
      { ...changed(() => ({ keyset: other })), successions: [{ ending: other, next: keyset }] },
      'comparison/answer-unsigned',
    ],
    [
      'a receipt without a call of the model',
      changed(({ events }) => ({ events: events.filter(({ type }) => type !== 'model.called') })),
      'comparison/model-mismatch',
    ],
    [
      'a call that failed, and none that did not',
      changed(({ events }) => ({
        events: events.map((event) => (event.type === 'model.called' ? { ...event, error: 'model/unreachable' } : event)),
      })),
      'comparison/model-mismatch',
    ],
    [
      'a call without weights',
      changed(({ events }) => ({
        events: events.map((event) => (event.type === 'model.called' ? { ...event, model_hash: null } : event)),
      })),
      'comparison/model-mismatch',
    ],
    [
      'two calls, one of other weights',
      changed(({ events }) => ({ events: [...events, { ...called, model_hash: sha256('other') }] })),
      'comparison/model-mismatch',
    ],
  ])('an attested candidate: %s is found', async (_, candidate, code) => {
    await expectCode(() => verifyComparison(fileOf(record), { ...receipts, candidate }), code);
    expect(() => assertParties(record, { candidate, reference: null }, { planned: 0, ended: 0 })).toThrow();
  });

  it('a keyset that the one of the plan led to signs for it', () => {
    const third = sha256('third');
    const candidate = of(
      signed.map((each, index) => ({ ...each, keyset: [keyset, other, third][Math.min(2, index)]! })),
      [
        { ending: other, next: third },
        { ending: keyset, next: other },
      ],
    );
    expect(verifyComparison(fileOf(record), { ...receipts, candidate }).outcome.verdict).toBe('DIFFERENT');
  });

  it('bundles of a party without a keyset are refused', async () => {
    await expectCode(() => verifyComparison(fileOf(record), { ...receipts, reference: of([]) }), 'comparison/malformed');
  });

  it('one receipt does not stand for the answers of both parties', async () => {
    const paired = planOf({ tier: 'pairs-logprobs', candidate: plan.candidate, reference: plan.candidate });
    const found = compareZoo(paired, () => zoo.textModel('base', zoo.base));
    const twice = { plan: paired, key, ...found };
    const own = (from: number): readonly ComparedReceipt[] =>
      found.queries.map(({ request, response }, index) =>
        receipt(from + index, { type: 'request.received', body_hash: sha256(request) }, called, {
          type: 'response.returned',
          body_hash: sha256(response ?? ''),
        }),
      );
    const log = logOf(twice as never);
    expect(found.queries.every(({ reference, response }) => reference?.kind === 'answer' && reference.body === response)).toBe(
      true,
    );
    const verified = (candidate: PartyReceipts, reference: PartyReceipts) =>
      verifyComparison(fileOf(twice), { log, candidate, reference }).outcome.verdict;
    expect(verified(of(own(0)), of(own(1000)))).toBe('SAME');
    await expectCode(() => verified(of(own(0)), of(own(0))), 'comparison/answer-unsigned');
  });

  it.each<[string, (query: (typeof queries)[number]) => object]>([
    ['logits for what a tier of log probabilities asks', () => ({ reference: { kind: 'logits', positions: [] } })],
    ['an answer in place of what a file says', ({ response }) => ({ reference: { kind: 'answer', body: response } })],
    ['an answer that failed', () => ({ failure: 'timeout' })],
    ['a failure with a view', () => ({ response: null, failure: 'timeout' })],
    ['no answer and no failure', () => ({ response: null, reference: null })],
  ])('%s is no query', async (_, change) => {
    const of = edited((copy) => Object.assign(copy.queries[0]!, change(copy.queries[0]!)));
    await expectCode(() => verifyComparison(fileOf(of), { ...receipts, log: logOf(of) }), 'comparison/malformed');
  });

  it('an endpoint as reference gives answers only, whatever the tier', async () => {
    const zeros = '0'.repeat(64);
    const reference = { ...endpoint, name: 'https://ref.example', model_hash: null };
    const exact = planOf({ tier: 'profile', mode: 'audit', reference });
    const body = JSON.stringify({
      choices: [{ text: 'q', logprobs: { content: [{ token: 'q', logprob: 0, logits_sha256: zeros, top_logprobs: [] }] } }],
    });
    const made = Array.from({ length: 45 }, (_, index) => ({
      ...{ index, variant: 0, request: challengeRequest(exact, ZOO_KEY, { index, variant: 0 }), response: body, failure: null },
      reference: { kind: 'logits', positions: [{ token: 'q', logits: zeros }] } as const,
    }));
    const invented = { plan: exact, key, queries: made, outcome };
    await expectCode(
      () => verifyComparison(fileOf(invented), { log: logOf(invented as never), candidate: null, reference: null }),
      'comparison/malformed',
    );
  });

  it.each<[string, Parameters<typeof planOf>[0]]>([
    ['log probabilities against an endpoint', { reference: endpointParty() }],
    ['texts at the border against an endpoint', { tier: 'border', reference: endpointParty() }],
    ['pairs with a file', { tier: 'pairs-logprobs', reference: planOf().reference }],
    ['a file with a keyset', { candidate: { ...planOf().candidate, keyset_hash: sha256('keyset') } }],
    ['an α of its own', { test: { ...COMPARISON_MODES.quick, alpha: 0.3 } }],
    ['a β of its own', { test: { ...COMPARISON_MODES.quick, beta: 0.3 } }],
    ['an ε_D of its own', { test: { ...COMPARISON_MODES.quick, epsilonDifferent: 0.49 } }],
    ['an ε_S of its own', { test: { ...COMPARISON_MODES.quick, epsilonSame: 0.99 } }],
    [
      'ε_S of scores on the tier of equal bits',
      { tier: 'profile', mode: 'audit', test: { ...COMPARISON_MODES.audit, epsilonSame: 0.5 } },
    ],
    ['lists of four tokens', { listed: 4 }],
    ['a tolerance wider than twice the noise', { tolerance: 0.1 }],
    ['a gap of its own', { tier: 'border', tolerance: 0.5 }],
    ['a form without a name of ours', { alternatives: [{ name: 'Q2_K' as never, variation: 1 }] }],
    [
      'a form twice',
      {
        alternatives: [
          { name: 'F16', variation: 1 },
          { name: 'F16', variation: null },
        ],
      },
    ],
  ])('%s is no plan', async (_, change) => {
    await expectCode(() => planOf(change), 'comparison/malformed');
  });

  it('twenty-nine queries of a twin are too few', async () => {
    const calibration = { conditions: [], worst: TWIN_WORST.slice(0, 29) };
    await expectCode(() => planOf({ calibration }), 'comparison/bad-logprobs');
  });

  it.each<['logprobs' | 'border' | 'pairs-logprobs', number]>([
    ['logprobs', 0.26],
    ['pairs-logprobs', 1],
    ['border', 1],
  ])('a reference that is noise, or a twin that is another model, makes no plan on tier %s', async (tier, noise) => {
    const calibration = { conditions: [], worst: TWIN_WORST.map(() => noise) };
    await expectCode(() => planOf({ tier, calibration, tolerance: Math.min(1, 2 * noise) }), 'comparison/too-noisy');
  });

  it.each<[string, number, number]>([
    ['two minutes before the plan', 1000, 880],
    ['two minutes after the record', 1000, 1120],
  ])('an answer that the agent gave %s is refused', async (_, logged, served) => {
    const at = (time: number) => (each: ComparedReceipt) => ({ ...each, time: time * 1000, servedAt: time });
    const log = receipts.log.map(at(logged));
    const given = (time: number) => ({ log, candidate: of(signed.map(at(time))), reference: null });
    expect(verifyComparison(fileOf(record), given(logged)).outcome.verdict).toBe('DIFFERENT');
    await expectCode(() => verifyComparison(fileOf(record), given(served)), 'comparison/not-committed');
  });

  it('a run takes each query once, in order, and none after its end', async () => {
    const run = new ComparisonRun(plan);
    await expectCode(() => run.push(queries[1]!), 'comparison/bad-score');
    for (const query of queries) run.push(query);
    await expectCode(() => run.push(queries[0]!), 'comparison/bad-score');
    expect(new ComparisonRun(plan).outcome()).toMatchObject({ verdict: 'UNDECIDED', reason: 'interrupted' });
  });
});
