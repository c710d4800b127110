/**
 * Calibration: how far the reference is from itself under the conditions in which it may be served, and how far from forms of itself that were
 * changed on purpose. From the first comes the tolerance, from the second what a SAME cannot tell apart.
 */

import { createWriteStream } from 'node:fs';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ReferenceEngine } from '@assay/agent';
import {
  assertQuiet,
  type ComparisonTier,
  type ModelAnswer,
  ModelError,
  PERTURBATIONS,
  type PerturbationName,
  type PlanDocument,
  pairVariation,
  parseAnswer,
  perturbedGguf,
  toleranceOf,
} from '@assay/models';
import { type NamedPath, withModelFiles } from '../../command-line/model-files.ts';
import type { Endpoint } from './endpoint.ts';
import { type Bounds, type Prompts, twinVariations } from './file-reference.ts';

export interface Calibrated {
  readonly tolerance: number;
  readonly calibration: NonNullable<PlanDocument['calibration']>;
}

/** Queries of each condition of a twin; τ wants 30 in all. */
const TWIN_QUERIES = 18;
/** Of each perturbed form. */
const FORM_QUERIES = 5;
const PAIRS = 32;

export type OpenEngine = (file: string, more?: { readonly kvType?: 'F16' | 'F32' }) => Promise<ReferenceEngine>;

/**
 * The tolerance of a file, from a twin that evaluates token by token, and one whose cache has another number format.
 * @throws {ModelError} `comparison/twin-substituted` when the file behind the twin is another one; `comparison/too-noisy`.
 */
export async function calibrateFile(
  reference: ReferenceEngine,
  { path, open, prompts, tier, bounds }: FileCalibration,
): Promise<Calibrated> {
  const conditions = ['prompt and reply in one batch, and token by token', 'keys and values in F16, and in F32'] as const;
  const worst = [
    ...(await twinVariations({ reference, twin: reference }, { prompts, tier, from: 0, count: TWIN_QUERIES }, bounds)),
  ];
  const twin = await open(path, { kvType: 'F32' });
  try {
    if (twin.facts.sha256 !== reference.facts.sha256)
      throw new ModelError(
        'comparison/twin-substituted',
        `expected a twin with SHA-256 ${reference.facts.sha256}, got ${twin.facts.sha256}; leave the file of the reference alone, and start again`,
      );
    worst.push(
      ...(await twinVariations({ reference, twin }, { prompts, tier, from: TWIN_QUERIES, count: TWIN_QUERIES }, bounds)),
    );
  } finally {
    twin.close();
  }
  const tolerance = toleranceOf(worst);
  assertQuiet(tolerance, tier);
  return { tolerance, calibration: { conditions: [...conditions], worst } };
}

export interface FileCalibration {
  /** Of the reference. */
  readonly path: string;
  readonly open: OpenEngine;
  readonly prompts: Prompts;
  readonly tier: ComparisonTier;
  readonly bounds: Bounds;
}

/** The medians of the worst distances of perturbed forms; `null` for a form that is the reference. */
export async function measureForms(
  reference: ReferenceEngine,
  named: NamedPath,
  { open, prompts, tier, bounds }: FileCalibration,
  onForm: (name: string) => void,
): Promise<PlanDocument['alternatives']> {
  const { signal } = bounds;
  const folder = await mkdtemp(join(tmpdir(), 'assay-forms-'));
  const found: PlanDocument['alternatives'][number][] = [];
  try {
    for (const name of Object.keys(PERTURBATIONS) as PerturbationName[]) {
      signal.throwIfAborted();
      onForm(name);
      const file = join(folder, 'form.gguf');
      await withModelFiles([named], async ([source]) => {
        if (source !== undefined)
          await pipeline(Readable.from(perturbedGguf(source, PERTURBATIONS[name])), createWriteStream(file), { signal });
      });
      if ((await stat(file)).size === 0) continue;
      const twin = await open(file);
      try {
        const worst = await twinVariations({ reference, twin }, { prompts, tier, from: 1000, count: FORM_QUERIES }, bounds);
        const variation = Math.min(1, worst.toSorted((a, b) => a - b)[Math.floor(worst.length / 2)] ?? 1);
        const own = await twinVariations(
          { reference, twin: reference },
          { prompts, tier, from: 1000, count: FORM_QUERIES },
          bounds,
        );
        // A form that differs exactly as the reference does from itself has the same weights.
        const isReference = worst.every((each, index) => each === own[index]);
        found.push({ name, variation: isReference ? null : variation });
      } finally {
        twin.close();
      }
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return found;
}

/**
 * The tolerance of an endpoint, from its own answers to the same question. `tokens`: spent on it.
 * @throws {ModelError} `comparison/bad-logprobs` with fewer than 30 usable pairs; `comparison/too-noisy` for one that answers at random.
 */
export async function calibrateEndpoint(
  endpoint: Endpoint,
  bodies: readonly string[],
  rule: {
    readonly endpoint: PlanDocument['endpoint'];
    readonly asked: number;
    readonly listed: number;
    readonly rounding: number;
  },
): Promise<Calibrated & { readonly tokens: number }> {
  const worst: number[] = [];
  let tokens = 0;
  for (const body of bodies) {
    const [one, other] = [await endpoint.ask(rule.endpoint, body), await endpoint.ask(rule.endpoint, body)];
    if ('failure' in one || 'failure' in other) continue;
    const answers = [parseAnswer(one.body), parseAnswer(other.body)] as const;
    for (const answer of answers) tokens += (answer.promptTokens ?? 0) + (answer.completionTokens ?? 0);
    const distance = distanceOf(answers, rule);
    if (distance !== null) worst.push(distance);
  }
  const calibration = { conditions: ['the same question twice'], worst };
  const tolerance = toleranceOf(worst);
  assertQuiet(tolerance, 'pairs-logprobs');
  return { tolerance, calibration, tokens };
}

/** `null` for answers that have none, as in a comparison. */
function distanceOf(
  [one, other]: readonly [ModelAnswer, ModelAnswer],
  rule: { readonly asked: number; readonly listed: number; readonly rounding: number },
): number | null {
  try {
    return pairVariation(one, other, { ...rule, tolerance: 1 });
  } catch (error) {
    if (!ModelError.is(error) || error.kind !== 'malformed') throw error;
    return null;
  }
}

/** Questions that an endpoint is asked twice. */
export const CALIBRATION_QUESTIONS = PAIRS;
