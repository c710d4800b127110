/** The plan of a comparison (spec/model-comparison.md §6): everything that is fixed, and logged, before the first query. */

import { utf8 } from '@assay/encoding/bytes';
import { canonicalJson, type JsonObject } from '@assay/encoding/json';
import { ModelError } from '../errors.ts';
import { hexDigest } from '../identity/byte-source.ts';
import { PERTURBATIONS, type PerturbationName } from '../weights/perturbed.ts';
import { COMPARISON_MODES, type ComparisonPlan } from './comparison.ts';
import { EXACT_EPSILON } from './exact.ts';
import { toleranceOf } from './score.ts';
import { list, nullable, number, object, oneOf, positive, type Shaped, text } from './shape.ts';

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

const digest = text({ pattern: /^sha256:[0-9a-f]{64}$/ });
const LARGEST_BELOW_ONE = 1 - Number.EPSILON / 2;
const share = positive(LARGEST_BELOW_ONE);
const count = number({ least: 1, most: 1_000_000, whole: true });
const name = text({ least: 1, most: 400 });

const partyShape = object({
  kind: oneOf(['file', 'endpoint']),
  name,
  /** Of a file: the model digest (spec/model-identity.md). Of an attested agent: of the weights that it says it runs. */
  model_hash: nullable(digest),
  /** Of an attested agent's profile (spec/model-profile.md). */
  profile_hash: nullable(digest),
  /** Of an attested agent's keyset. */
  keyset_hash: nullable(digest),
});

const planShape = object({
  format: oneOf(['assay-comparison-plan/1']),
  run: text({ pattern: /^[0-9a-f]{32}$/ }),
  /** SHA-256 of K. */
  key_hash: digest,
  tier: oneOf(COMPARISON_TIERS),
  mode: oneOf(['quick', 'standard', 'audit', 'extended']),
  test: object({ epsilonDifferent: share, epsilonSame: share, alpha: share, beta: share, maxQueries: count }),
  /** Tokens of prompts and replies after which the comparison ends. */
  max_tokens: nullable(count),
  endpoint: oneOf(['completions', 'chat']),
  /** Names of the model in requests. */
  model: name,
  reference_model: name,
  reply_tokens: number({ least: 1, most: 256, whole: true }),
  top: number({ least: 0, most: 64, whole: true }),
  /** Tokens of each list that the candidate gave before the plan; lists with less than three quarters of it have no score. */
  listed: number({ least: 0, most: 64, whole: true }),
  /** Prompts to choose from for each query. */
  variants: number({ least: 1, most: 32, whole: true }),
  rounding: number({ least: 0, most: 0.1 }),
  /** τ; for `border` the gap of natural log probabilities above which the reference is sure. `null` where none is needed. */
  tolerance: nullable(positive(100)),
  calibration: nullable(object({ conditions: list(name, 16), worst: list(number({ least: 0, most: 100 }), 4096) })),
  /** Perturbed forms of the reference, with the median of their worst distances; `null`: the form is the reference. */
  alternatives: list(object({ name: oneOf(FORMS), variation: nullable(number({ least: 0, most: 1 })) }), FORMS.length),
  reference: partyShape,
  candidate: partyShape,
});

export type PlanDocument = Shaped<typeof planShape>;
export type PlanParty = PlanDocument['reference'];

/**
 * The numbers of the test on a tier, by its mode; a plan may only choose how many queries it has.
 * @example const { maxQueries } = testOfMode('standard', 'logprobs')
 */
export function testOfMode(mode: PlanDocument['mode'], tier: ComparisonTier): ComparisonPlan {
  const test = COMPARISON_MODES[mode];
  return tier === 'profile' ? { ...test, epsilonSame: EXACT_EPSILON[mode] } : test;
}

/**
 * @throws {ModelError} `comparison/malformed`, also for a test that is not the one of its mode, and for a tolerance that does not follow from its
 * calibration; `comparison/too-noisy` for a tolerance that would let another model pass.
 * @example const { mode, tier } = parsePlan(parseJson(bytes))
 */
export function parsePlan(value: unknown): PlanDocument {
  const plan = planShape(value, 'plan');
  const { tier, tolerance, calibration, top, reference, candidate } = plan;
  const wanted = REFERENCES[tier];
  if (wanted !== null && reference.kind !== wanted)
    throw malformed(`a reference of the kind ${wanted} on tier ${tier}`, reference.kind);
  if ([reference, candidate].some(({ kind, keyset_hash: keyset }) => kind === 'file' && keyset !== null))
    throw malformed('a keyset of endpoints only', 'one of a file');
  const { mode, test, listed, alternatives } = plan;
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
  return plan;
}

/**
 * A reference that answers the same question in wholly different ways, or a twin that is another model, must not make everything the same.
 * @throws {ModelError} `comparison/too-noisy`.
 * @example assertQuiet(tolerance, plan.tier)
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

/**
 * `sha256:` and hex, of the JCS form.
 * @example planDigest(parsePlan(parseJson(bytes))) // sha256:…
 */
export function planDigest(plan: PlanDocument): string {
  return `sha256:${hexDigest(utf8(canonicalJson(plan as unknown as JsonObject)))}`;
}

function malformed(expected: string, got: string): ModelError {
  return new ModelError('comparison/malformed', `expected ${expected}, got ${got}; have the comparison made again`);
}
