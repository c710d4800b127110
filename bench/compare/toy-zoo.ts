/**
 * The toy zoo over HTTP: its base model in the engine as reference, its relatives behind a server of their own, each query together with seven
 * others. The reference is calibrated once for five runs of each case; each run has its own key.
 */

import { randomBytes } from 'node:crypto';
import { openReferenceEngine } from '@assay/agent';
import type { PlanDocument } from '@assay/models';
import { startModelServer, type TextModel, type Zoo } from '@assay/testing/model-zoo';
import { openEndpoint } from '../../packages/assay/src/commands/compare/endpoint.ts';
import { calibrated, compareOnce, signal } from './compare-once.ts';
import { type Row, type Runs, rounds } from './rows.ts';

const OTHERS = 7;

type Weights = Parameters<Zoo['textModel']>[1];

export interface ToyZoo {
  readonly dataDir: string;
  readonly zoo: Zoo;
  /** Of the base model, as GGUF. */
  readonly file: string;
  readonly runs: number;
  readonly mode: PlanDocument['mode'];
  readonly made: Runs;
}

/** Makes the runs of all cases that are missing, and gives the rows. */
export async function toyZooRows({ dataDir, zoo, file, runs, mode, made }: ToyZoo): Promise<readonly Row[]> {
  const open = (path: string, more = {}) => openReferenceEngine({ dataDir, file: path, ...more });
  const models = new Map<string, TextModel>();
  const modelOf = (what: string, weights: () => Weights): TextModel => {
    const model = models.get(what) ?? zoo.textModel('m', weights());
    models.set(what, model);
    return model;
  };
  const groups = [nearOnes(zoo), farOnes(zoo)];
  for (const cases of groups)
    for (const count of rounds(runs)) {
      const missing = Object.entries(cases).filter(([what]) => made.row(what, []).verdicts.length < count);
      if (missing.length === 0) continue;
      const reference = await open(file);
      const found = await calibrated(reference, file, open, randomBytes(32));
      console.log(`base: τ = ${found.tolerance.toPrecision(3)}`);
      for (const [what, weights] of missing) {
        const server = await startModelServer({ model: modelOf(what, weights) });
        const fetch = withOthers(server.url);
        const candidate = openEndpoint({ url: new URL(server.url), fetch, apiKey: null, agent: null, signal });
        await made.fill(what, count, () => {
          const run = { key: randomBytes(32), run: randomBytes(16).toString('hex') };
          return compareOnce({ reference, candidate, calibrated: found, mode, tier: 'logprobs', ...run });
        });
        await server.close();
      }
      reference.close();
    }
  return groups.flatMap((cases) =>
    Object.keys(cases).map((what) => made.row(what, what === SAME_WEIGHTS ? ['DIFFERENT'] : ['SAME'])),
  );
}

const SAME_WEIGHTS = 'same weights';

const nearOnes = (zoo: Zoo) => ({
  [SAME_WEIGHTS]: () => zoo.base,
  Q8_0: () => zoo.stored('Q8_0'),
  Q4_0: () => zoo.stored('Q4_0'),
  'one fine-tune step': () => zoo.fineTuned(1),
  'noise of 0.1 %': () => zoo.noisy(0.001),
});

/** Trained for minutes each, so they are made last. */
const farOnes = (zoo: Zoo) => ({
  distilled: () => zoo.distilled(),
  'other seed': () => zoo.otherSeed(),
});

/** Sends seven other requests with each. */
function withOthers(url: string): typeof globalThis.fetch {
  return async (input, init) => {
    const others = Array.from({ length: OTHERS }, async (_, index) => {
      const body = JSON.stringify({ prompt: `Anna ${index}`, max_tokens: 10 });
      const answer = await fetch(`${url}/completions`, { method: 'POST', body });
      await answer.arrayBuffer();
    });
    const [answer] = await Promise.all([fetch(input, init), ...others]);
    return answer;
  };
}
