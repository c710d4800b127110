/** The plan of a comparison (spec/model-comparison.md §6): everything that is fixed, and logged, before the first query. */

import { utf8 } from '@assay/encoding/bytes';
import { canonicalJson, type JsonObject } from '@assay/encoding/json';
import { z } from 'zod';
import { ModelError } from '../errors.ts';
import { hexDigest } from '../identity/byte-source.ts';
import { PERTURBATIONS, type PerturbationName } from '../weights/perturbed.ts';
import { COMPARISON_MODES, type ComparisonPlan } from './comparison.ts';
import { EXACT_EPSILON } from './exact.ts';
import { toleranceOf } from './score.ts';

/**
 * What is compared. `profile`: all logits, bit by bit, of two engines with one profile. `logprobs`: log probabilities against a reference that
 * follows the candidate's tokens. `border`: texts at temperature 0, where the reference is sure but not by much. `pairs-logprobs` and
 * `pairs-text`: two endpoints.
 */
export const COMPARISON_TIERS = ['profile', 'logprobs', 'border', 'pairs-logprobs', 'pairs-text'] as const;
export type ComparisonTier = (typeof COMPARISON_TIERS)[number];

/** What the reference of each tier is; `null`: either. */
const REFERENCES = {
  profile: null,
  logprobs: 'file',
  border: 'file',
  'pairs-logprobs': 'endpoint',
  'pairs-text': 'endpoint',
} as const satisfies Readonly<Record<ComparisonTier, 'file' | 'endpoint' | null>>;

/** A reference that is further than this from itself is too noisy to be compared with; of `border`, nats, of others, total variation. */
const MOST_TOLERANCE = { border: 0.99, other: 0.5 } as const;
/** Shorter lists show too little to be compared. */
export const LEAST_LISTED = 5;
const FORMS = Object.keys(PERTURBATIONS) as readonly PerturbationName[];

const digest = z.string().regex(/^sha256:[0-9a-f]{64}$/);
const share = z.number().gt(0).lt(1);
const count = z.int().min(1).max(1_000_000);
const name = z.string().min(1).max(400);

const partySchema = z.strictObject({
  kind: z.enum(['file', 'endpoint']),
  name,
  /** Of a file: the model digest (spec/model-identity.md). Of an attested agent: of the weights that it says it runs. */
  model_hash: digest.nullable(),
  /** Of an attested agent's profile (spec/model-profile.md). */
  profile_hash: digest.nullable(),
  /** Of an attested agent's keyset. */
  keyset_hash: digest.nullable(),
});

const planSchema = z.strictObject({
  format: z.literal('assay-comparison-plan/1'),
  run: z.string().regex(/^[0-9a-f]{32}$/),
  /** SHA-256 of K. */
  key_hash: digest,
  tier: z.enum(COMPARISON_TIERS),
  mode: z.enum(['quick', 'standard', 'audit', 'extended']),
  test: z.strictObject({ epsilonDifferent: share, epsilonSame: share, alpha: share, beta: share, maxQueries: count }),
  /** Tokens of prompts and replies after which the comparison ends. */
  max_tokens: count.nullable(),
  endpoint: z.enum(['completions', 'chat']),
  /** Names of the model in requests. */
  model: name,
  reference_model: name,
  reply_tokens: z.int().min(1).max(256),
  top: z.int().min(0).max(64),
  /** Tokens of each list that the candidate gave before the plan; lists with less than three quarters of it have no score. */
  listed: z.int().min(0).max(64),
  /** Prompts to choose from for each query. */
  variants: z.int().min(1).max(32),
  rounding: z.number().min(0).max(0.1),
  /** τ; for `border` the gap of natural log probabilities above which the reference is sure. `null` where none is needed. */
  tolerance: z.number().gt(0).max(100).nullable(),
  calibration: z
    .strictObject({ conditions: z.array(name).max(16), worst: z.array(z.number().min(0).max(100)).max(4096) })
    .nullable(),
  /** Perturbed forms of the reference, with the median of their worst distances; `null`: the form is the reference. */
  alternatives: z
    .array(z.strictObject({ name: z.enum(FORMS), variation: z.number().min(0).max(1).nullable() }))
    .max(FORMS.length),
  reference: partySchema,
  candidate: partySchema,
});

export type PlanDocument = Readonly<z.infer<typeof planSchema>>;
export type PlanParty = PlanDocument['reference'];

/** The numbers of the test on a tier, by its mode; a plan may only choose how many queries it has. */
export function testOfMode(mode: PlanDocument['mode'], tier: ComparisonTier): ComparisonPlan {
  const test = COMPARISON_MODES[mode];
  return tier === 'profile' ? { ...test, epsilonSame: EXACT_EPSILON[mode] } : test;
}

/**
 * @throws {ModelError} `comparison/malformed`, also for a test that is not the one of its mode, and for a tolerance that does not follow from its
 * calibration; `comparison/too-noisy` for a tolerance that would let another model pass.
 */
export function parsePlan(value: unknown): PlanDocument {
  const parsed = planSchema.safeParse(value);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw malformed(
      `a plan of format assay-comparison-plan/1`,
      `${issue?.path.join('.') || 'one'}: ${issue?.message ?? 'broken'}`,
    );
  }
  const { tier, tolerance, calibration, top, reference, candidate } = parsed.data;
  const wanted = REFERENCES[tier];
  if (wanted !== null && reference.kind !== wanted)
    throw malformed(`a reference of the kind ${wanted} on tier ${tier}`, reference.kind);
  if ([reference, candidate].some(({ kind, keyset_hash: keyset }) => kind === 'file' && keyset !== null))
    throw malformed('a keyset of endpoints only', 'one of a file');
  const { mode, test, listed, alternatives } = parsed.data;
  const wantedTest = { ...testOfMode(mode, tier), maxQueries: test.maxQueries };
  const differs = (Object.keys(wantedTest) as (keyof ComparisonPlan)[]).find((each) => test[each] !== wantedTest[each]);
  if (differs !== undefined)
    throw malformed(`${differs} ${wantedTest[differs]} in the mode ${mode} on tier ${tier}`, String(test[differs]));
  if (top > 0 && listed < LEAST_LISTED) throw malformed(`lists of at least ${LEAST_LISTED} tokens`, String(listed));
  if (new Set(alternatives.map(({ name: form }) => form)).size < alternatives.length)
    throw malformed('each form of the reference once', 'one of them twice');
  const needsTolerance = tier !== 'profile' && tier !== 'pairs-text';
  if (needsTolerance !== (tolerance !== null) || needsTolerance !== (calibration !== null))
    throw malformed(`a tolerance for tier ${tier} from a calibration, or none where none is needed`, String(tolerance));
  if (tolerance !== null && calibration !== null && toleranceOf(calibration.worst) !== tolerance)
    throw malformed(`a tolerance of ${toleranceOf(calibration.worst)} by its calibration`, String(tolerance));
  if (tolerance !== null) assertQuiet(tolerance, tier);
  if ((tier === 'border' || tier === 'pairs-text') !== (top === 0))
    throw malformed('log probabilities to be asked for where they are compared', String(top));
  return parsed.data;
}

/**
 * A reference that answers the same question in wholly different ways, or a twin that is another model, must not make everything the same.
 * @throws {ModelError} `comparison/too-noisy`.
 */
export function assertQuiet(tolerance: number, tier: ComparisonTier): void {
  const most = tier === 'border' ? MOST_TOLERANCE.border : MOST_TOLERANCE.other;
  if (tolerance <= most) return;
  throw new ModelError(
    'comparison/too-noisy',
    `expected a reference whose tolerance is at most ${most}, got ${tolerance.toPrecision(3)}; take a file as reference, or one that is served under one profile`,
  );
}

/** Forms of the reference that a plan has no distance of. */
export function unmeasuredForms({ alternatives }: Pick<PlanDocument, 'alternatives'>): readonly PerturbationName[] {
  return FORMS.filter((form) => alternatives.every(({ name: each }) => each !== form));
}

/** `sha256:` and hex, of the JCS form. */
export function planDigest(plan: PlanDocument): string {
  return `sha256:${hexDigest(utf8(canonicalJson(plan as unknown as JsonObject)))}`;
}

function malformed(expected: string, got: string): ModelError {
  return new ModelError('comparison/malformed', `expected ${expected}, got ${got}; have the comparison made again`);
}
