/**
 * The ladder of a real model: SmolLM2-135M (Q4_1, as fetched) and its F16 form as references, against forms that PyPI `gguf` 0.19.0 wrote, against
 * themselves under other conditions, and on the tier of equal bits. Each reference is calibrated once for five runs of each case. The runs of a case
 * have each their own key; the cases share these keys, so that an answer of one candidate to one prompt is made once.
 */

import { randomBytes } from 'node:crypto';
import { openReferenceEngine, type ReferenceEngine } from '@assay/agent';
import type { ComparisonTier, PlanDocument } from '@assay/models';
import { type Endpoint, localEndpoint } from '../../packages/assay/src/commands/compare/endpoint.ts';
import { calibrated, compareOnce, type RunKey, signal } from './compare-once.ts';
import { type Row, type Runs, rounds } from './rows.ts';

/** Noise of 0.1 % may stay undecided. */
const NOISE_QUERIES = 30;

type Conditions = { readonly batchTokens?: number; readonly kvType?: 'F16' | 'F32' };

interface Case {
  readonly name: string;
  readonly form: keyof RealModel['forms'];
  readonly tier: ComparisonTier;
  readonly more?: Conditions;
  readonly maxQueries?: number;
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

const other = (form: keyof RealModel['forms'], tier: ComparisonTier): Case => ({ name: form, form, tier, wrong: ['SAME'] });

const itself = (form: 'F16' | 'Q4_1'): readonly Case[] => {
  const same = { form, wrong: ['DIFFERENT'] };
  return [
    { ...same, name: 'itself', tier: 'logprobs' },
    { ...same, name: 'itself', tier: 'profile' },
    { ...same, name: 'itself, batches of 64', tier: 'logprobs', more: { batchTokens: 64 } },
    { ...same, name: 'itself, keys and values in F32', tier: 'logprobs', more: { kvType: 'F32' } },
  ];
};

const CASES: Readonly<Record<'F16' | 'Q4_1', readonly Case[]>> = {
  F16: [
    ...(['Q8_0', 'Q5_0', 'Q4_0', 'noise', 'Q4_1'] as const).map((form) => other(form, 'profile')),
    ...(['Q8_0', 'Q5_0', 'Q4_0'] as const).map((form) => other(form, 'logprobs')),
    ...itself('F16'),
    { ...other('noise', 'logprobs'), maxQueries: NOISE_QUERIES },
  ],
  Q4_1: [
    ...(['Q4_0', 'Q5_0', 'Q8_0', 'F16'] as const).map((form) => other(form, 'profile')),
    ...(['Q4_0', 'Q5_0'] as const).map((form) => other(form, 'logprobs')),
    ...itself('Q4_1'),
  ],
};

/** Runs the cases that have too few runs, in rounds, and returns the rows of all. */
export async function realModelRows({ dataDir, forms, runs, mode, made }: RealModel): Promise<readonly Row[]> {
  const open = (file: string, more: Conditions = {}) => openReferenceEngine({ dataDir, file, ...more });
  const titleOf = (name: string, { name: candidate, tier }: Case): string => `${name} against ${candidate}, ${tier}`;
  const keys: RunKey[] = [];
  const keyOf = (index: number): RunKey => {
    const own = keys[index] ?? { key: randomBytes(32), run: randomBytes(16).toString('hex') };
    keys[index] = own;
    return own;
  };
  const answers = new Map<string, string>();
  for (const count of rounds(runs))
    for (const name of ['F16', 'Q4_1'] as const) {
      const missing = CASES[name].filter((each) => made.row(titleOf(name, each), []).verdicts.length < count);
      if (missing.length === 0) continue;
      const reference = await open(forms[name]);
      const found = await calibrated(reference, forms[name], open, randomBytes(32));
      console.log(`${name}: τ = ${found.tolerance.toPrecision(3)}`);
      for (const each of missing) {
        const { form, more, tier, maxQueries } = each;
        const candidate = remembering(`${form} ${JSON.stringify(more)}`, answers, () => open(forms[form], more));
        await made.fill(titleOf(name, each), count, (index) =>
          compareOnce({ reference, candidate, calibrated: found, mode, tier, maxQueries, ...keyOf(index) }),
        );
        candidate.close();
      }
      reference.close();
    }
  return (['F16', 'Q4_1'] as const).flatMap((name) => CASES[name].map((each) => made.row(titleOf(name, each), each.wrong)));
}

/** A file that answers as an endpoint would, whose engine is started when a question is put for the first time. */
function remembering(
  name: string,
  answers: Map<string, string>,
  open: () => Promise<ReferenceEngine>,
): Endpoint & { close(): void } {
  let engine: ReferenceEngine | null = null;
  return {
    ...{ url: name, agent: null, models: () => Promise.resolve([name]) },
    ask: async (endpoint, request) => {
      const at = `${name}\n${request}`;
      const known = answers.get(at);
      if (known !== undefined) return { body: known, receiptId: null };
      engine ??= await open();
      const asked = await localEndpoint(name, engine, signal).ask(endpoint, request);
      if (!('failure' in asked)) answers.set(at, asked.body);
      return asked;
    },
    close: () => engine?.close(),
  };
}
