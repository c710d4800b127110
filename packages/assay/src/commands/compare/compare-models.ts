/** One comparison from two parties to a record: tier, calibration, plan in the log, queries, outcome. */

import { createHash, randomBytes } from 'node:crypto';
import type { Notary, ReferenceEngine } from '@assay/agent';
import { canonicalJson, type Json } from '@assay/encoding/json';
import {
  COMPARISON_FORMAT,
  type COMPARISON_MODES,
  type ComparedQuery,
  type ComparisonRecord,
  ComparisonRun,
  type ComparisonTier,
  challengeBody,
  challengeRequest,
  challengeText,
  LEAST_LISTED,
  type PlanDocument,
  parsePlan,
  type ReferenceView,
  type RunState,
  roundingOf,
  testOfMode,
} from '@assay/models';
import { CliError } from '../../command-line/errors.ts';
import { interruptOf } from '../../command-line/interrupted.ts';
import type { Agent } from '../../index.ts';
import {
  CALIBRATION_QUESTIONS,
  type Calibrated,
  calibrateEndpoint,
  calibrateFile,
  measureForms,
  type OpenEngine,
} from './calibration.ts';
import { logPlan, logRecord } from './comparison-log.ts';
import { borderView, knownView, logitsView, type Prompts, promptOf } from './file-reference.ts';
import { listedIn, type Opened, opened, REPLY_TOKENS, TOP } from './opened-party.ts';
import { type FileParty, type Party, planParty } from './parties.ts';
import { bundlesOf, isSameProfile, matchesEngine } from './profiles.ts';

export type ModeName = keyof typeof COMPARISON_MODES;

export interface CompareOptions {
  readonly reference: Party;
  readonly candidate: Party;
  readonly mode: ModeName;
  readonly maxQueries: number | null;
  readonly maxTokens: number | null;
  /** `null`: found out. */
  readonly tier: ComparisonTier | null;
  readonly endpoint: PlanDocument['endpoint'] | null;
  /** Name of the model in requests; `null`: the first that the endpoint lists. */
  readonly model: string | null;
  readonly referenceModel: string | null;
  /** Perturbed forms of the reference are measured. */
  readonly resolution: boolean;
  readonly openEngine: OpenEngine;
  readonly openNotary: () => Promise<Notary>;
  readonly signal: AbortSignal;
  /** One line for people about what is done now. */
  readonly say: (line: string) => void;
  /** Called when the plan is in the log. */
  readonly onPlan: (plan: PlanDocument) => void;
  readonly onQuery: (state: RunState, plan: PlanDocument) => void;
}

/** A record, as the file has it. */
export type ComparisonFile = ComparisonRecord & {
  readonly format: typeof COMPARISON_FORMAT;
  readonly log: Json;
  readonly candidate_log: readonly Json[] | null;
  readonly reference_log: readonly Json[] | null;
};

const VARIANTS = 4;
const BORDER_TOKENS = 12;
const TEXT_TOKENS = 48;
/** How long the receipts of a comparison may still take when it is interrupted. A record without them does not verify. */
const INTERRUPTED_MS = 5000;

/**
 * Compares; the result is a record that `verifyComparison` accepts. With the signal it ends at once: before the plan with the signal's reason, behind
 * it with the record of what was asked so far, or with the reason when an agent does not give the receipts for it within some seconds.
 * @throws {CliError} `cli/agent-failed` when a party does not answer at all, `cli/bad-option`; {ModelError} `comparison/twin-substituted`,
 * `comparison/bad-logprobs` for a reference that cannot be calibrated.
 */
export async function compareModels(options: CompareOptions): Promise<ComparisonFile> {
  const engines: ReferenceEngine[] = [];
  const open: OpenEngine = async (file, more) => {
    const engine = await options.openEngine(file, more);
    engines.push(engine);
    return engine;
  };
  const notary = await options.openNotary();
  try {
    const engine = options.reference.kind === 'file' ? await open(options.reference.path.path) : null;
    const how = { open, format: options.endpoint, signal: options.signal };
    const candidate = await opened(options.candidate, { ...how, named: options.model });
    const reference =
      options.reference.kind === 'file' ? null : await opened(options.reference, { ...how, named: options.referenceModel });
    return await new ModelComparison(options, { engine, candidate, reference, notary, open }).run();
  } finally {
    for (const engine of engines) engine.close();
    await notary.close();
  }
}

interface Parts {
  readonly engine: ReferenceEngine | null;
  readonly candidate: Opened;
  readonly reference: Opened | null;
  readonly notary: Notary;
  readonly open: OpenEngine;
}

class ModelComparison {
  readonly #options: CompareOptions;
  readonly #parts: Parts;
  readonly #key = randomBytes(32);
  readonly #run = randomBytes(16).toString('hex');
  readonly #receipts = { candidate: [] as string[], reference: [] as string[] };

  constructor(options: CompareOptions, parts: Parts) {
    this.#options = options;
    this.#parts = parts;
  }

  async run(): Promise<ComparisonFile> {
    const { notary } = this.#parts;
    const { signal } = this.#options;
    const plan = await this.#plan();
    signal.throwIfAborted();
    const planned = await logPlan(notary, plan);
    this.#options.onPlan(plan);
    this.#options.say(`plan ${planned} is in the log; the first query leaves now`);
    const queries = await this.#ask(plan);
    const run = new ComparisonRun(plan);
    for (const query of queries) run.push(query);
    const record = { plan, key: this.#key.toString('hex'), queries, outcome: run.outcome() };
    const log = await logRecord(notary, record, planned);
    const { candidate, reference } = this.#parts;
    const until = laterThan(signal, INTERRUPTED_MS);
    const bundles = (agent: Agent | null, receipts: readonly string[]) => bundlesOf(agent, receipts, until);
    return {
      ...{ format: COMPARISON_FORMAT, ...record, log },
      candidate_log: await bundles(candidate.endpoint.agent, this.#receipts.candidate),
      reference_log: reference === null ? null : await bundles(reference.endpoint.agent, this.#receipts.reference),
    };
  }

  async #plan(): Promise<PlanDocument> {
    const { mode, maxQueries, maxTokens, reference, candidate } = this.#options;
    const { candidate: opened, reference: other } = this.#parts;
    const tier = this.#tier();
    const withLists = tier !== 'border' && tier !== 'pairs-text';
    const top = withLists ? TOP : 0;
    const listed = withLists
      ? Math.max(LEAST_LISTED, Math.min(listedIn(opened.answer), other === null ? TOP : listedIn(other.answer)))
      : 0;
    const replyTokens = tier === 'border' ? BORDER_TOKENS : tier === 'pairs-text' ? TEXT_TOKENS : REPLY_TOKENS;
    const rounding =
      tier === 'logprobs' || tier === 'pairs-logprobs'
        ? Math.max(roundingOf(opened.answer), other === null ? 0 : roundingOf(other.answer))
        : 0;
    const { calibrated, alternatives, tokens } = await this.#calibrate(tier, { top, listed, replyTokens, rounding });
    const left = maxTokens === null ? null : maxTokens - tokens;
    if (left !== null && left < 1)
      throw new CliError(
        'cli/bad-option',
        `--max-tokens: expected more than the ${tokens} that calibration took, got ${maxTokens}; raise it`,
      );
    const test = testOfMode(mode, tier);
    return parsePlan({
      ...{ format: 'assay-comparison-plan/1', run: this.#run, mode, tier, max_tokens: left },
      key_hash: `sha256:${createHash('sha256').update(this.#key).digest('hex')}`,
      test: { ...test, maxQueries: maxQueries ?? (tier === 'pairs-text' ? TEXT_QUERIES : test.maxQueries) },
      ...{
        endpoint: opened.format,
        model: opened.model,
        reference_model: other?.model ?? opened.model,
        reply_tokens: replyTokens,
        top,
        listed,
        rounding,
      },
      variants: tier === 'border' ? VARIANTS : 1,
      tolerance: calibrated?.tolerance ?? null,
      calibration: calibrated?.calibration ?? null,
      alternatives,
      reference: planParty(reference, other?.profile ?? null),
      candidate: planParty(candidate, opened.profile),
    });
  }

  /** The strongest tier that both parties allow, or the one that was asked for. */
  #tier(): ComparisonTier {
    const { candidate, reference, engine } = this.#parts;
    const lists = (party: Opened | null): boolean => party !== null && listedIn(party.answer) >= LEAST_LISTED;
    const found = ((): ComparisonTier => {
      if (reference !== null) {
        const [one, two] = [reference.profile, candidate.profile];
        if (one !== null && two !== null && isSameProfile(one, two)) return 'profile';
        return lists(reference) && lists(candidate) ? 'pairs-logprobs' : 'pairs-text';
      }
      if (candidate.profile !== null && engine !== null && matchesEngine(candidate.profile, engine.profile)) return 'profile';
      return lists(candidate) ? 'logprobs' : 'border';
    })();
    const { tier } = this.#options;
    if (tier === null || tier === found) return found;
    const possible =
      reference === null
        ? (['profile', 'logprobs', 'border'] as const)
        : (['profile', 'pairs-logprobs', 'pairs-text'] as const);
    if (possible.some((each) => each === tier)) return tier;
    throw new CliError(
      'cli/bad-option',
      `--tier: expected one of ${possible.join(', ')} for these parties, got ${tier}; leave it out`,
    );
  }

  async #calibrate(
    tier: ComparisonTier,
    {
      top,
      listed,
      replyTokens,
      rounding,
    }: { readonly top: number; readonly listed: number; readonly replyTokens: number; readonly rounding: number },
  ): Promise<{
    readonly calibrated: Calibrated | null;
    readonly alternatives: PlanDocument['alternatives'];
    readonly tokens: number;
  }> {
    const { reference, signal, say, resolution } = this.#options;
    const { engine, reference: other, candidate, open } = this.#parts;
    if (tier === 'profile' || tier === 'pairs-text') return { calibrated: null, alternatives: [], tokens: 0 };
    if (other !== null) {
      say('asking the reference the same questions twice, to learn its noise');
      const bodies = Array.from({ length: CALIBRATION_QUESTIONS }, (_, index) => {
        const text = challengeText({ key: this.#key, run: this.#calibrationRun, index, variant: 0 });
        return challengeBody({
          endpoint: other.format,
          model: other.model,
          text,
          maxTokens: replyTokens,
          top,
          temperature: 0,
          seed: null,
        });
      });
      const { tokens, ...calibrated } = await calibrateEndpoint(other.endpoint, bodies, {
        endpoint: other.format,
        asked: replyTokens,
        listed,
        rounding,
      });
      return { calibrated, alternatives: [], tokens };
    }
    const { path } = reference as FileParty;
    if (engine === null) throw new TypeError('a reference is a file or an endpoint');
    const prompts = { key: this.#key, run: this.#calibrationRun, endpoint: candidate.format };
    const asked = { path: path.path, open, prompts, tier, bounds: { replyTokens, listed, signal } };
    say('asking the reference and its twin, to learn their noise');
    const calibrated = await calibrateFile(engine, asked);
    const onForm = (name: string): void => say(`asking the reference in the form ${name}`);
    const alternatives = resolution ? await measureForms(engine, path, asked, onForm) : [];
    return { calibrated, alternatives, tokens: 0 };
  }

  /** Prompts of calibration are none of the queries'. */
  get #calibrationRun(): string {
    return `${this.#run} calibration`;
  }

  async #ask(plan: PlanDocument): Promise<readonly ComparedQuery[]> {
    const { signal, onQuery } = this.#options;
    const run = new ComparisonRun(plan);
    const queries: ComparedQuery[] = [];
    while (!run.state.ended && !signal.aborted) {
      const query = await this.#queryUnlessAborted(plan, queries.length);
      if (query === null) break;
      // What is scored is what the record will have: numbers as JSON has them.
      const kept = JSON.parse(canonicalJson(query as never)) as ComparedQuery;
      queries.push(kept);
      onQuery(run.push(kept), plan);
    }
    return queries;
  }

  /** `null`: it was interrupted, and is no query of the record. */
  async #queryUnlessAborted(plan: PlanDocument, index: number): Promise<ComparedQuery | null> {
    try {
      return await this.#query(plan, index);
    } catch (error) {
      if (interruptOf(error) !== null) return null;
      throw error;
    }
  }

  async #query(plan: PlanDocument, index: number): Promise<ComparedQuery> {
    const { candidate, engine, reference } = this.#parts;
    const { signal } = this.#options;
    const prompts: Prompts = { key: this.#key, run: plan.run, endpoint: plan.endpoint };
    const bounds = { replyTokens: plan.reply_tokens, listed: plan.listed, signal };
    const border =
      plan.tier === 'border' && engine !== null
        ? await borderView(
            engine,
            Array.from({ length: plan.variants }, (_, variant) => promptOf(prompts, index, variant)),
            plan.tolerance ?? 1,
            bounds,
          )
        : null;
    const variant = border?.variant ?? 0;
    const request = challengeRequest(plan, this.#key, { index, variant });
    const failed = (failure: string): ComparedQuery => ({ index, variant, request, response: null, failure, reference: null });
    if (plan.tier === 'border' && border === null) return failed('reference-unsure');
    const asked = await candidate.endpoint.ask(plan.endpoint, request);
    if ('failure' in asked) return failed(asked.failure);
    if (asked.receiptId !== null) this.#receipts.candidate.push(asked.receiptId);
    let view: ReferenceView | null = border?.view ?? null;
    if (reference !== null) {
      const own = await reference.endpoint.ask(
        plan.endpoint,
        challengeRequest(plan, this.#key, { index, variant, party: 'reference' }),
      );
      if ('failure' in own) return failed(`reference-${own.failure}`);
      if (own.receiptId !== null) this.#receipts.reference.push(own.receiptId);
      view = { kind: 'answer', body: own.body };
    } else if (engine !== null && plan.tier === 'profile') view = await logitsView(engine, promptOf(prompts, index), bounds);
    else if (engine !== null && plan.tier === 'logprobs')
      view = await knownView(engine, promptOf(prompts, index), asked.body, bounds);
    return { index, variant, request, response: asked.body, failure: null, reference: view };
  }
}

/** Pairs of texts say little each. */
const TEXT_QUERIES = 800;

/** A signal that comes so many milliseconds after another one, with its reason. */
function laterThan(signal: AbortSignal, milliseconds: number): AbortSignal {
  const later = new AbortController();
  const begin = (): void => void setTimeout(() => later.abort(signal.reason), milliseconds).unref();
  if (signal.aborted) begin();
  else signal.addEventListener('abort', begin, { once: true });
  return later.signal;
}
