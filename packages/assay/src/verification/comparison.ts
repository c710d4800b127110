/** Verifies the record of a comparison (spec/model-comparison.md §8): its bundles, then everything that was concluded, computed again. */

import { type Check, formatInstant, notChecked, pass } from '@assay/attestation';
import { utf8 } from '@assay/encoding/bytes';
import { canonicalJson, type Json, type JsonObject } from '@assay/encoding/json';
import {
  billingOf,
  type ComparedReceipt,
  type ComparisonProofs,
  type ComparisonRecord,
  comparisonPath,
  ModelError,
  type PartyReceipts,
  type PlanDocument,
  type VerifiedComparison,
  verifyComparison,
} from '@assay/models';
import { digestJson } from '@assay/receipt';
import type { BundleVerifier, OpenedBundle } from './bundle.ts';
import type { ResolvedOptions } from './options.ts';
import { type BundleVerdict, concluded, failedVerdict } from './verdict.ts';

const SPEC = 'spec/model-comparison.md';
const MOST_BUNDLES = 64;
const PARTIES = ['candidate', 'reference'] as const;

/** The verdict on the log of the party that compared, with the checks of the record around it; the policy is held against the agents as well. */
export async function comparisonVerdict(
  file: JsonObject,
  options: ResolvedOptions,
  bundles: BundleVerifier,
): Promise<BundleVerdict> {
  try {
    const opened = await bundles.openBundle(utf8(canonicalJson(file.log ?? null)), options);
    const candidate = await openAll(file.candidate_log, options, bundles);
    const reference = await openAll(file.reference_log, options, bundles);
    const record = verifyComparison(file, {
      log: receiptsOf(opened.bundle),
      candidate: partyOf(candidate),
      reference: partyOf(reference),
    });
    const verdict = bundles.openedVerdict(opened, options);
    const { plan, outcome } = record;
    const told = `${wordOf(record)}: ${plan.candidate.name} against ${plan.reference.name}, ${outcome.basis}`;
    const agents = { candidate, reference };
    const appraisals = PARTIES.flatMap((party) => (agents[party] ?? []).flatMap((each) => each.appraisals));
    const found = concluded({
      ...verdict,
      comparison: comparisonPath(record),
      checks: [...checksOf(record), ...verdict.checks, ...PARTIES.flatMap((party) => appraisedChecks(party, agents[party]))],
      warnings: [...new Set([...verdict.warnings, ...appraisals.flatMap(({ warnings }) => warnings), ...warningsOf(record)])],
      simulated: verdict.simulated || appraisals.some(({ simulated }) => simulated),
    });
    return { ...found, scope: `${told}; ${found.scope}` };
  } catch (error) {
    return failedVerdict('bundle', error, options.now);
  }
}

/** What the policy says of an agent that answered; the same of several bundles is said once. */
function appraisedChecks(party: string, opened: readonly OpenedBundle[] | null): readonly Check[] {
  const checks = (opened ?? []).flatMap(({ appraisals }) => appraisals.flatMap((each) => each.checks));
  return [...new Map(checks.map((check) => [JSON.stringify(check), { ...check, id: `${party}/${check.id}` }])).values()];
}

async function openAll(
  logs: Json | undefined,
  options: ResolvedOptions,
  { openBundle }: BundleVerifier,
): Promise<readonly OpenedBundle[] | null> {
  if (!Array.isArray(logs)) return null;
  if (logs.length > MOST_BUNDLES)
    throw new ModelError(
      'comparison/malformed',
      `expected at most ${MOST_BUNDLES} bundles, got ${logs.length}; have the comparison made again`,
    );
  const opened: OpenedBundle[] = [];
  for (const log of logs as readonly Json[]) opened.push(await openBundle(utf8(canonicalJson(log)), options));
  return opened;
}

function receiptsOf({ receipts }: OpenedBundle['bundle']): readonly ComparedReceipt[] {
  return receipts.map(({ receipt, index, keysetDigest, time }) => ({
    ...{ id: receipt.receipt_id, digest: digestJson(receipt), signature: receipt.signature, servedAt: receipt.served_at },
    ...{ endpoint: receipt.endpoint, method: receipt.method, events: receipt.event_log, index, keyset: keysetDigest, time },
  }));
}

function partyOf(opened: readonly OpenedBundle[] | null): PartyReceipts | null {
  return opened === null
    ? null
    : {
        receipts: opened.flatMap(({ bundle }) => receiptsOf(bundle)),
        successions: opened.flatMap(({ bundle }) => bundle.successions),
      };
}

function wordOf({ outcome }: Pick<ComparisonRecord, 'outcome'>): string {
  return outcome.verdict === 'SAME' && outcome.coarse ? 'SAME (coarse)' : outcome.verdict;
}

/** Each from what its step of the verification returned. @example checksOf(verifyComparison(file, logs)) */
export function checksOf({ plan, queries, outcome, proofs }: VerifiedComparison): readonly Check[] {
  return [
    pass('comparison.verdict', SPEC, `${wordOf({ outcome })} on tier ${plan.tier}: ${outcome.basis}`),
    pass('comparison.parties', SPEC, `${plan.candidate.name} against ${plan.reference.name}`),
    ...billingChecks(queries, plan.test.alpha),
    committedCheck(proofs, queries.length),
    ...PARTIES.flatMap((party) => timeChecks(party, plan[party], proofs.signed[party])),
    pass('comparison.recomputed', SPEC, 'scores, both wealths and the verdict follow from the answers'),
  ];
}

function committedCheck({ logged, challenges }: ComparisonProofs, queries: number): Check {
  const id = 'comparison.committed';
  const planned = formatInstant(logged.planned);
  return challenges === queries
    ? pass(id, SPEC, `plan and key were logged at ${planned}, before the record of ${queries} queries that follow from them`)
    : notChecked(id, SPEC, `${challenges} of ${queries} queries were made again from the key`);
}

/** An agent's clock dates its answers; nothing dates those of other endpoints, and a file needs no date. */
function timeChecks(party: string, { kind }: PlanDocument['candidate'], signed: number | null): readonly Check[] {
  if (kind === 'file') return [];
  const id = `comparison.${party}-asked-after-plan`;
  return [
    signed === null || signed === 0
      ? notChecked(id, SPEC, 'no receipt dates these answers')
      : pass(id, SPEC, `${party}: answers given between plan and record, by the agent's own clock`),
  ];
}

/** What was billed: it says nothing about the model, and refuses nothing. */
function billingChecks(queries: ComparisonRecord['queries'], error: number) {
  const { verdict, answers, reported, counted } = billingOf(queries, error);
  return answers === 0
    ? []
    : [pass('comparison.billing', SPEC, `${verdict}: ${reported} reply tokens reported, ${counted} listed`)];
}

/** What no attestation stands behind, party by party. */
export function warningsOf({ plan }: Pick<ComparisonRecord, 'plan'>): readonly string[] {
  const keyset = plan.candidate.keyset_hash;
  return [
    ...PARTIES.flatMap((party) => {
      const { kind, keyset_hash: own, model_hash: model } = plan[party];
      if (kind === 'file')
        return [`what the ${party} says is the word of the party that compared; ask it again with the same file to be sure.`];
      if (own === null)
        return [`the ${party} is not attested: that it gave these answers is the word of the party that compared.`];
      return model === null
        ? [`the receipts of the ${party} name no weights: which model answered is the word of the agent's provider.`]
        : [];
    }),
    ...(plan.calibration === null
      ? []
      : ['the tolerance τ rests on questions that the record does not hold: it is the word of the party that compared.']),
    ...(keyset !== null && keyset === plan.reference.keyset_hash
      ? ['both parties have one keyset: an agent was compared with itself.']
      : []),
  ];
}
