/** One run of a table: a reference in an engine against an endpoint, with the code of `assay compare` but without its log. */

import type { ReferenceEngine } from '@assay/agent';
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
import { type Calibrated, calibrateFile, type OpenEngine } from '../../packages/assay/src/commands/compare/calibration.ts';
import type { Endpoint } from '../../packages/assay/src/commands/compare/endpoint.ts';
import { knownView, logitsView, promptOf } from '../../packages/assay/src/commands/compare/file-reference.ts';
import type { Verdict } from './rows.ts';

const REPLY_TOKENS = 20;
const LISTED = 20;
export const signal = new AbortController().signal;
const BOUNDS = { replyTokens: REPLY_TOKENS, listed: LISTED, signal };

/** The secret of a run, and the run's name: its prompts follow from both. */
export interface RunKey {
  readonly key: Uint8Array;
  readonly run: string;
}

export interface Once extends RunKey {
  readonly reference: ReferenceEngine;
  readonly candidate: Endpoint;
  readonly calibrated: Calibrated;
  readonly mode: PlanDocument['mode'];
  readonly tier: ComparisonTier;
  /** Default: that of the mode. */
  readonly maxQueries?: number | undefined;
}

/** The tolerance of a file, by prompts of its own. */
export function calibrated(reference: ReferenceEngine, path: string, open: OpenEngine, key: Uint8Array): Promise<Calibrated> {
  const prompts = { key, run: 'calibration', endpoint: 'completions' } as const;
  return calibrateFile(reference, { path, open, prompts, tier: 'logprobs', bounds: BOUNDS });
}

/** @throws when a party does not answer: a run without a verdict is no run of a table. */
export async function compareOnce(options: Once): Promise<Verdict> {
  const { reference, candidate, tier, key, run: name } = options;
  const plan = planOf(options);
  const run = new ComparisonRun(plan);
  while (!run.state.ended) {
    const index = run.state.queries;
    const request = challengeRequest(plan, key, { index, variant: 0 });
    const asked = await candidate.ask('completions', request);
    if ('failure' in asked) throw new Error(`${candidate.url} failed: ${asked.failure}`);
    const prompt = promptOf({ key, run: name, endpoint: 'completions' }, index);
    const view =
      tier === 'profile' ? await logitsView(reference, prompt, BOUNDS) : await knownView(reference, prompt, asked.body, BOUNDS);
    const query = { index, variant: 0, request, response: asked.body, failure: null, reference: view };
    run.push(JSON.parse(canonicalJson(query as never)) as ComparedQuery);
  }
  return run.outcome();
}

function planOf({ calibrated: found, mode, tier, run, maxQueries }: Once): PlanDocument {
  const party = { kind: 'file', name: 'm', model_hash: null, profile_hash: null, keyset_hash: null };
  const free = tier === 'profile';
  const test = testOfMode(mode, tier);
  return parsePlan({
    ...{ format: 'assay-comparison-plan/1', run, tier, mode, test: { ...test, maxQueries: maxQueries ?? test.maxQueries } },
    ...{ key_hash: `sha256:${'0'.repeat(64)}`, max_tokens: null, endpoint: 'completions', model: 'm', reference_model: 'm' },
    ...{ reply_tokens: REPLY_TOKENS, top: LISTED, listed: LISTED, variants: 1, rounding: 0, alternatives: [] },
    ...{ tolerance: free ? null : found.tolerance, calibration: free ? null : found.calibration },
    ...{ reference: party, candidate: party },
  });
}
