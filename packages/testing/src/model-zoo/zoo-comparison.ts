/** Comparisons of the zoo in one process, without a network: plans, answers as servers write them, and what the base model says of them. */

import { createHash } from 'node:crypto';
import {
  type ComparedQuery,
  type ComparisonOutcome,
  ComparisonRun,
  challengeRequest,
  type PlanDocument,
  parseAnswer,
  parsePlan,
  type ReferenceView,
  testOfMode,
  usablePositions,
} from '@assay/models';
import { type TextModel, write } from './text-model.ts';
import { SMALL_RECIPE, zooOf } from './zoo.ts';

export const ZOO_KEY = new Uint8Array(32).fill(9);
/** Trained when it is first asked for. */
const baseModel = (): TextModel => zooOf(SMALL_RECIPE).textModel('base', zooOf(SMALL_RECIPE).base);
export const sha256 = (bytes: Uint8Array | string): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

export const TWIN_WORST = Array.from({ length: 40 }, () => 0.0005);

/** A plan of the mode `quick` as far as `given` does not say otherwise. */
export function planOf({ maxQueries, ...more }: Partial<PlanDocument> & { readonly maxQueries?: number } = {}): PlanDocument {
  const party = { kind: 'file', name: 'base', model_hash: null, profile_hash: null, keyset_hash: null } as const;
  const { tier = 'logprobs', mode = 'quick' } = more;
  const test = testOfMode(mode, tier);
  const texts = tier === 'border' || tier === 'pairs-text';
  const free = tier === 'profile' || tier === 'pairs-text';
  return parsePlan({
    ...{ format: 'assay-comparison-plan/1', run: 'ab'.repeat(16), key_hash: sha256(ZOO_KEY), tier, mode },
    ...{
      test: { ...test, maxQueries: maxQueries ?? test.maxQueries },
      max_tokens: null,
      endpoint: 'completions',
      model: 'm',
      reference_model: 'm',
    },
    ...{ reply_tokens: 10, top: texts ? 0 : 10, listed: texts ? 0 : 10, variants: 1, rounding: 0 },
    tolerance: free ? null : tier === 'border' ? 0.01 : 0.001,
    calibration: free ? null : { conditions: ['batch'], worst: tier === 'border' ? TWIN_WORST.map(() => 0.005) : TWIN_WORST },
    ...{ alternatives: [], candidate: party },
    reference: tier === 'pairs-logprobs' || tier === 'pairs-text' ? { ...party, kind: 'endpoint' } : party,
    ...more,
  });
}

/** The body that a server over `candidate` answers with. */
export function bodyOf(request: string, candidate: TextModel): string {
  const {
    prompt,
    max_tokens: maxTokens,
    logprobs: top = 0,
    temperature,
    seed = 1,
  } = JSON.parse(request) as {
    prompt: string;
    max_tokens: number;
    logprobs?: number;
    temperature: number;
    seed?: number;
  };
  const tokens = candidate.encode(prompt);
  const written = write(candidate, { prompt: tokens, maxTokens, top, temperature, seed });
  const entry = ({ token, logprob }: { token: number; logprob: number }) => ({
    ...{ token: 'x', bytes: [...candidate.bytesOf(token)], logprob },
  });
  const content = written.map((position) => ({
    ...entry(position),
    top_logprobs: position.top.map(entry),
    logits_sha256: sha256(JSON.stringify(position.top)).slice(7),
  }));
  const text = Buffer.concat(written.map(({ token }) => candidate.bytesOf(token))).toString('utf8');
  return JSON.stringify({
    choices: [{ text, finish_reason: written.length < maxTokens ? 'stop' : 'length', logprobs: { content } }],
    usage: { prompt_tokens: tokens.length, completion_tokens: written.length },
  });
}

/** The base model's view of an answer. */
function viewOf(plan: PlanDocument, request: string, body: string): ReferenceView {
  const base = baseModel();
  const { prompt } = JSON.parse(request) as { prompt: string };
  if (plan.tier === 'pairs-text' || plan.tier === 'pairs-logprobs') {
    return { kind: 'answer', body: bodyOf(request, base) };
  }
  if (plan.tier === 'border') {
    const written = write(base, { prompt: base.encode(prompt), maxTokens: plan.reply_tokens, top: 2, temperature: 0, seed: 1 });
    return {
      kind: 'greedy',
      tokens: written.map(({ token, top }) => ({
        token: Buffer.from(base.bytesOf(token)).toString('utf8'),
        gap: top[0]!.logprob - top[1]!.logprob,
      })),
    };
  }
  if (plan.tier === 'profile') {
    const own = parseAnswer(bodyOf(request, base)).positions ?? [];
    return { kind: 'logits', positions: own.map(({ token, logits }) => ({ token, logits: logits ?? '' })) };
  }
  const session = base.session();
  let logits: ArrayLike<number> = [];
  for (const token of base.encode(prompt)) logits = session.step(token);
  const numbersOf = new Map<string, number[]>();
  for (let token = 0; token < SMALL_RECIPE.shape.vocabulary; token += 1) {
    const text = new TextDecoder().decode(base.bytesOf(token));
    numbersOf.set(text, [...(numbersOf.get(text) ?? []), token]);
  }
  let positions: ReturnType<typeof usablePositions>;
  try {
    positions = usablePositions(parseAnswer(body), plan.listed);
  } catch {
    return { kind: 'known', logprobs: [] };
  }
  const logprobs = positions.map(({ token, top }) => {
    const values = Array.from(logits);
    const most = Math.max(...values);
    const total = most + Math.log(values.reduce((sum, value) => sum + Math.exp(value - most), 0));
    const known = top.map(([text]) => {
      const tokens = numbersOf.get(text);
      return tokens?.length === 1 ? values[tokens[0]!]! - total : null;
    });
    const [next] = numbersOf.get(token) ?? [];
    if (next !== undefined && !token.includes('\ufffd')) logits = session.step(next);
    return known;
  });
  return { kind: 'known', logprobs };
}

export interface ZooComparison {
  readonly outcome: ComparisonOutcome;
  readonly queries: readonly ComparedQuery[];
}

export function compareZoo(
  plan: PlanDocument,
  candidate: (index: number) => TextModel,
  spoil: (body: string, index: number) => string | null = (body) => body,
): ZooComparison {
  const run = new ComparisonRun(plan);
  const queries: ComparedQuery[] = [];
  while (!run.state.ended) {
    const index = run.state.queries;
    const request = challengeRequest(plan, ZOO_KEY, { index, variant: 0 });
    const response = spoil(bodyOf(request, candidate(index)), index);
    const own = challengeRequest(plan, ZOO_KEY, { index, variant: 0, party: 'reference' });
    const reference = response === null ? null : viewOf(plan, own, response);
    const query = { index, variant: 0, request, response, failure: response === null ? 'model/unreachable' : null, reference };
    queries.push(query);
    run.push(query);
  }
  return { outcome: run.outcome(), queries };
}
