/** Verdicts on records of comparisons: what has no signature is refused or warned of. The bundles are stand-ins; their own defects are tested elsewhere. */

import { notChecked } from '@assay/attestation';
import { canonicalJson, type JsonObject } from '@assay/encoding/json';
import { type ComparisonRecord, ComparisonRun, type PlanDocument, planDigest, recordDigest } from '@assay/models';
import { expectAdvice } from '@assay/testing';
import { compareZoo, planOf, SMALL_RECIPE, sha256, ZOO_KEY, zooOf } from '@assay/testing/model-zoo';
import { describe, expect, it } from 'vitest';
import type { BundleVerifier, OpenedBundle } from './bundle.ts';
import { checksOf, comparisonVerdict, warningsOf } from './comparison.ts';
import { resolveOptions } from './options.ts';

const zoo = zooOf(SMALL_RECIPE);
const KEYSETS = { candidate: sha256('candidate'), reference: sha256('reference') } as const;
const WEIGHTS = sha256('weights');

const partyOf = (party: 'candidate' | 'reference', attested: boolean): PlanDocument['candidate'] => ({
  ...{ kind: 'endpoint', name: `https://${party}.example`, profile_hash: null },
  ...{ model_hash: attested ? WEIGHTS : null, keyset_hash: attested ? KEYSETS[party] : null },
});

function recordOf(attested: boolean): ComparisonRecord {
  const plan = planOf({
    tier: 'pairs-logprobs',
    candidate: partyOf('candidate', attested),
    reference: partyOf('reference', attested),
  });
  const { queries, outcome } = compareZoo(plan, () => zoo.textModel('base', zoo.base));
  return { plan, key: Buffer.from(ZOO_KEY).toString('hex'), queries, outcome };
}

type Event = { readonly type: string } & JsonObject;
const START = 1_800_000_000_000;

/** A bundle that was verified, as far as the verdict looks at it. */
const opened = (
  keyset: string,
  lists: readonly (readonly Event[])[],
  more: { readonly time?: number; readonly check?: 'fail' } = {},
) =>
  ({
    bundle: {
      receipts: lists.map((events, index) => ({
        ...{ index, time: more.time ?? START + index, keysetDigest: keyset },
        receipt: {
          ...{ receipt_id: `${keyset} ${index}`, signature: 'x', served_at: Math.floor((more.time ?? START) / 1000) },
          ...{ endpoint: '', method: '', event_log: events },
        },
      })),
      successions: [],
    },
    appraisals:
      more.check === undefined
        ? []
        : [{ checks: [{ ...notChecked('tee.debug', 'x', 'on'), outcome: 'fail' }], warnings: ['debug'], simulated: true }],
  }) as unknown as OpenedBundle;

const logOf = (record: ComparisonRecord): OpenedBundle =>
  opened('own', [
    [{ type: 'comparison.planned', plan_hash: planDigest(record.plan), key_hash: record.plan.key_hash }],
    [{ type: 'models.compared', plan_hash: planDigest(record.plan), record_hash: recordDigest(record) }],
  ]);

const answersOf = ({ queries }: ComparisonRecord, party: 'candidate' | 'reference'): readonly (readonly Event[])[] =>
  queries.map(({ request, response, reference }) => [
    { type: 'request.received', body_hash: sha256(request) },
    { type: 'model.called', provider: 'embedded', model: 'm', model_hash: WEIGHTS },
    {
      type: 'response.returned',
      body_hash: sha256((party === 'candidate' ? response : reference?.kind === 'answer' ? reference.body : null) ?? ''),
    },
  ]);

type Logs = Readonly<Record<'candidate' | 'reference', readonly OpenedBundle[] | null>>;

/** The verdict, with bundles that stand for the names in the file. */
function verdictOn(record: ComparisonRecord, { candidate, reference }: Logs, log = logOf(record)) {
  const known = [log, ...(candidate ?? []), ...(reference ?? [])];
  const numbers = (bundles: readonly OpenedBundle[] | null) => bundles?.map((bundle) => known.indexOf(bundle)) ?? null;
  const logs = { log: 0, candidate_log: numbers(candidate), reference_log: numbers(reference) };
  const file = JSON.parse(canonicalJson({ format: 'assay-comparison/1', ...record, ...logs } as never)) as JsonObject;
  const bundles: BundleVerifier = {
    openBundle: async (bytes) => known[Number(new TextDecoder().decode(bytes as Uint8Array))]!,
    openedVerdict: () =>
      ({
        ...{ outcome: 'accepted', type: 'bundle', subject: 'log', scope: '', checks: [], warnings: [] },
        policy: null,
      }) as never,
  };
  return comparisonVerdict(file, resolveOptions({ now: START }), bundles);
}

const TAU = expect.stringContaining('the tolerance τ rests on questions that the record does not hold');
const checkOf = ({ checks }: Awaited<ReturnType<typeof verdictOn>>, name: string) =>
  checks.find(({ id }) => id === name)?.outcome;
const attested = recordOf(true);
const signed = {
  candidate: [opened(KEYSETS.candidate, answersOf(attested, 'candidate'))],
  reference: [opened(KEYSETS.reference, answersOf(attested, 'reference'))],
};

describe('a record of attested parties', () => {
  it('is accepted with a receipt for each answer; of the party that compared it takes τ only', async () => {
    const verdict = await verdictOn(attested, signed);
    expect(verdict).toMatchObject({ outcome: 'accepted', scope: expect.stringMatching(/^SAME \(coarse\)/), warnings: [TAU] });
    expect(verdict).toMatchObject({
      comparison: { outcome: { verdict: 'SAME' }, steps: attested.queries.map(() => ({ score: 0 })) },
    });
    expect(verdict.checks.map(({ id, outcome }) => `${id} ${outcome}`)).toEqual([
      'comparison.verdict pass',
      'comparison.parties pass',
      'comparison.billing pass',
      'comparison.committed pass',
      'comparison.candidate-asked-after-plan pass',
      'comparison.reference-asked-after-plan pass',
      'comparison.recomputed pass',
    ]);
  });

  it('does not call a record committed whose questions were not all made again', () => {
    const signed = { candidate: null, reference: null };
    const proofs = { logged: { planned: START, ended: START }, challenges: attested.queries.length - 1, signed };
    const [committed] = checksOf({ ...attested, proofs }).filter(({ id }) => id === 'comparison.committed');
    expect(committed?.outcome).toBe('not-checked');
  });

  it('with more bundles of a party than a record has is malformed, and none of them is opened', async () => {
    const reference = Array.from({ length: 65 }, () => signed.reference[0] as OpenedBundle);
    const { outcome, error } = await verdictOn(attested, { ...signed, reference });
    expect([outcome, error?.code]).toEqual(['malformed', 'comparison/malformed']);
    expectAdvice(error?.message ?? '', ['at most 64 bundles', 'got 65']);
  });

  it.each(['plan', 'outcome', 'key', 'queries'])('without its %s is malformed', async (name) => {
    const rest: Record<string, unknown> = { ...attested };
    delete rest[name];
    const verdict = await verdictOn(rest as never, signed, logOf(attested));
    expect(verdict).toMatchObject({ outcome: 'malformed', error: { code: 'comparison/malformed' } });
  });

  it('dates no answers where none were given', async () => {
    const record = { ...attested, queries: [], outcome: new ComparisonRun(attested.plan).outcome() };
    const [candidate, reference] = [[opened(KEYSETS.candidate, [])], [opened(KEYSETS.reference, [])]];
    const verdict = await verdictOn(record, { candidate, reference });
    expect(verdict.error).toBeUndefined();
    for (const party of ['candidate', 'reference'])
      expect(checkOf(verdict, `comparison.${party}-asked-after-plan`)).toBe('not-checked');
  });

  it.each<[string, number]>([
    ['before the plan', START - 120_000],
    ['after the record', START + 120_000],
  ])('is refused when an agent answered %s', async (_, time) => {
    const reference = [opened(KEYSETS.reference, answersOf(attested, 'reference'), { time })];
    const verdict = await verdictOn(attested, { ...signed, reference });
    expect(verdict).toMatchObject({ outcome: 'not-authentic', error: { code: 'comparison/not-committed' } });
  });

  const others = opened(sha256('other'), answersOf(attested, 'reference'));
  const unnamed = answersOf(attested, 'candidate').map((events) => events.filter(({ type }) => type !== 'model.called'));
  it.each<[string, Partial<Logs>, string]>([
    ['no logs', { candidate: null, reference: null }, 'comparison/answer-unsigned'],
    ['no log of the candidate', { candidate: null }, 'comparison/answer-unsigned'],
    ['no log of the reference', { reference: null }, 'comparison/answer-unsigned'],
    ['an empty log of the reference', { reference: [] }, 'comparison/answer-unsigned'],
    [
      'receipts of another keyset next to one of the right one',
      { reference: [opened(KEYSETS.reference, []), others] },
      'comparison/answer-unsigned',
    ],
    ['receipts without a call of the model', { candidate: [opened(KEYSETS.candidate, unnamed)] }, 'comparison/model-mismatch'],
  ])('with %s is refused', async (_, logs, code) => {
    const verdict = await verdictOn(attested, { ...signed, ...logs });
    expect(verdict).toMatchObject({ outcome: 'not-authentic', error: { code } });
  });

  it('is refused when the policy refuses an agent, and simulated when an agent is', async () => {
    const candidate = [opened(KEYSETS.candidate, answersOf(attested, 'candidate'), { check: 'fail' })];
    const verdict = await verdictOn(attested, { ...signed, candidate });
    expect(verdict).toMatchObject({ outcome: 'refused', simulated: true, warnings: ['debug', TAU] });
    expect(verdict.checks.map(({ id }) => id)).toContain('candidate/tee.debug');
  });
});

describe('warnings', () => {
  it('name each party without a keyset', async () => {
    const record = recordOf(false);
    const verdict = await verdictOn(record, { candidate: null, reference: null });
    const { warnings, outcome } = verdict;
    expect(outcome).toBe('accepted');
    expect(checkOf(verdict, 'comparison.candidate-asked-after-plan')).toBe('not-checked');
    expect(checkOf(verdict, 'comparison.reference-asked-after-plan')).toBe('not-checked');
    expect(warnings).toEqual([
      expect.stringContaining('the candidate is not attested'),
      expect.stringContaining('the reference is not attested'),
      TAU,
    ]);
  });

  it('name files, agents without weights, and an agent that was compared with itself', () => {
    const plan = { ...attested.plan, tolerance: null, calibration: null };
    const file = planOf().reference;
    expect(warningsOf({ plan })).toEqual([]);
    expect(warningsOf({ plan: { ...plan, candidate: file, reference: file } })).toEqual([
      expect.stringContaining('what the candidate says is the word'),
      expect.stringContaining('what the reference says is the word'),
    ]);
    expect(warningsOf({ plan: { ...plan, candidate: { ...plan.candidate, model_hash: null } } })).toEqual([
      expect.stringContaining('receipts of the candidate name no weights'),
    ]);
    expect(warningsOf({ plan: { ...plan, candidate: plan.reference } })).toEqual([
      expect.stringContaining('compared with itself'),
    ]);
  });
});
