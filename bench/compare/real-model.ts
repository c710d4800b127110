/**
 * The ladder of a real model: SmolLM2-135M (Q4_1, as fetched) and its F16 form as references, against forms that PyPI `gguf` 0.19.0 wrote, against
 * themselves under other conditions, and on the tier of equal bits. Each reference is calibrated once for five runs of each case; each run has its own key.
 */

import { randomBytes } from 'node:crypto';
import { openReferenceEngine, type ReferenceEngine } from '@assay/agent';
import { canonicalJson } from '@assay/encoding/json';
import {
  type ComparedQuery,
  ComparisonRun,
  type ComparisonTier,
  challengeRequest,
  type PlanDocument,
  parsePlan,
  testOfMode,
} from '@assay/models';
import { type Calibrated, calibrateFile } from '../../packages/assay/src/commands/compare/calibration.ts';
import { localEndpoint } from '../../packages/assay/src/commands/compare/endpoint.ts';
import { knownView, logitsView, promptOf } from '../../packages/assay/src/commands/compare/file-reference.ts';
import type { Row, Runs, Verdict } from './rows.ts';

/** Runs of a case under one calibration. */
const ROUND = 5;
const REPLY_TOKENS = 20;
const LISTED = 20;
const signal = new AbortController().signal;

interface Case {
  readonly name: string;
  readonly file: string;
  readonly tier: ComparisonTier;
  readonly more?: { readonly batchTokens?: number; readonly kvType?: 'F16' | 'F32' };
  /** Verdicts that are wrong by construction. */
  readonly wrong: readonly string[];
}

export interface RealModel {
  readonly dataDir: string;
  /** Files by form. */
  readonly forms: Readonly<Record<'Q4_1' | 'F16' | 'Q8_0' | 'Q5_0' | 'Q4_0' | 'noise', string>>;
  readonly runs: number;
  readonly mode: PlanDocument['mode'];
  readonly made: Runs;
}

/** Makes the runs of all cases that are missing, in rounds, and gives the rows. */
export async function realModelRows({ dataDir, forms, runs, mode, made }: RealModel): Promise<readonly Row[]> {
  const open = (file: string, more: Case['more'] = {}) => openReferenceEngine({ dataDir, file, ...more });
  const other = (name: keyof RealModel['forms'], tier: ComparisonTier): Case => ({
    ...{ name, tier, file: forms[name], wrong: ['SAME'] },
  });
  const itself = (reference: 'F16' | 'Q4_1'): readonly Case[] => {
    const same = { file: forms[reference], wrong: ['DIFFERENT'] };
    return [
      { ...same, name: 'itself', tier: 'logprobs' },
      { ...same, name: 'itself, batches of 64', tier: 'logprobs', more: { batchTokens: 64 } },
      { ...same, name: 'itself, keys and values in F32', tier: 'logprobs', more: { kvType: 'F32' } },
      { ...same, name: 'itself', tier: 'profile' },
    ];
  };
  const cases = {
    F16: [
      ...itself('F16'),
      ...(['Q8_0', 'Q5_0', 'Q4_0', 'noise'] as const).map((name) => other(name, 'logprobs')),
      ...(['Q8_0', 'Q5_0', 'Q4_0', 'noise', 'Q4_1'] as const).map((name) => other(name, 'profile')),
    ],
    Q4_1: [
      ...itself('Q4_1'),
      ...(['Q4_0', 'Q5_0'] as const).map((name) => other(name, 'logprobs')),
      ...(['Q4_0', 'Q5_0', 'Q8_0', 'F16'] as const).map((name) => other(name, 'profile')),
    ],
  };
  const titleOf = (name: string, { name: candidate, tier }: Case): string => `${name} against ${candidate}, ${tier}`;
  for (let count = Math.min(ROUND, runs); count > 0; count = count < runs ? Math.min(runs, count + ROUND) : 0)
    for (const name of ['F16', 'Q4_1'] as const) {
      const missing = cases[name].filter((each) => made.row(titleOf(name, each), []).verdicts.length < count);
      if (missing.length === 0) continue;
      const reference = await open(forms[name]);
      const calibrated = await calibrateFile(reference, {
        ...{ path: forms[name], open, tier: 'logprobs' },
        prompts: { key: randomBytes(32), run: 'calibration', endpoint: 'completions' },
        bounds: { replyTokens: REPLY_TOKENS, listed: LISTED, signal },
      });
      console.log(`${name}: τ = ${calibrated.tolerance.toPrecision(3)}`);
      for (const each of missing) {
        const candidate = await open(each.file, each.more);
        await made.fill(titleOf(name, each), count, () =>
          compareOnce({ reference, candidate, calibrated, mode, tier: each.tier }),
        );
        candidate.close();
      }
      reference.close();
    }
  return (['F16', 'Q4_1'] as const).flatMap((name) => cases[name].map((each) => made.row(titleOf(name, each), each.wrong)));
}

interface Once {
  readonly reference: ReferenceEngine;
  readonly candidate: ReferenceEngine;
  readonly calibrated: Calibrated;
  readonly mode: PlanDocument['mode'];
  readonly tier: ComparisonTier;
}

async function compareOnce({ reference, candidate, calibrated, mode, tier }: Once): Promise<Verdict> {
  const key = randomBytes(32);
  const party = { kind: 'file', name: 'm', model_hash: null, profile_hash: null, keyset_hash: null };
  const free = tier === 'profile';
  const plan = parsePlan({
    ...{ format: 'assay-comparison-plan/1', run: randomBytes(16).toString('hex'), tier, mode, test: testOfMode(mode, tier) },
    ...{ key_hash: `sha256:${'0'.repeat(64)}`, max_tokens: null, endpoint: 'completions', model: 'm', reference_model: 'm' },
    ...{ reply_tokens: REPLY_TOKENS, top: LISTED, listed: LISTED, variants: 1, rounding: 0, alternatives: [] },
    ...{ tolerance: free ? null : calibrated.tolerance, calibration: free ? null : calibrated.calibration },
    ...{ reference: party, candidate: party },
  });
  const endpoint = localEndpoint('m', candidate, signal);
  const bounds = { replyTokens: REPLY_TOKENS, listed: LISTED, signal };
  const run = new ComparisonRun(plan);
  while (!run.state.ended) {
    const index = run.state.queries;
    const request = challengeRequest(plan, key, { index, variant: 0 });
    const asked = await endpoint.ask('completions', request);
    if ('failure' in asked) throw new Error(asked.failure);
    const prompt = promptOf({ key, run: plan.run, endpoint: 'completions' }, index);
    const view = free ? await logitsView(reference, prompt, bounds) : await knownView(reference, prompt, asked.body, bounds);
    const query = { index, variant: 0, request, response: asked.body, failure: null, reference: view };
    run.push(JSON.parse(canonicalJson(query as never)) as ComparedQuery);
  }
  return run.outcome();
}
