/**
 * Verifies a bundle (spec/bundle.md): everything in it is authentic and logged, and the TEE that signed it is one the policy accepts
 * *as of the time it was sealed*.
 */

import {
  type Appraisal,
  appraise,
  type Check,
  collectEndorsements,
  fail,
  formatInstant,
  notChecked,
  pass,
  type VerifiedClaims,
  verifyAgentEvidence,
} from '@assay/attestation';
import { loadedPart } from '@assay/encoding/loaded-part';
import {
  authenticateBundle,
  type BundleSource,
  type Receipt,
  ReceiptError,
  taskNonce,
  type VerifiedBundle,
} from '@assay/receipt';
import { modelWeightsChecks } from './model-weights.ts';
import { type ResolvedOptions, resolveOptions, type VerifyOptions } from './options.ts';
import { type AcceptedSubject, type BundleVerdict, concluded, failedVerdict, type RefusedSubject } from './verdict.ts';

const NONCE_SPEC = 'spec/policy.md nonce';
const FRESHNESS_SPEC = 'spec/policy.md freshness';
/** Of the enclave's clock when the policy says nothing, milliseconds. */
const SKEW_MS = 300_000;

/** What an authentic bundle was found to say, and how its evidence was appraised. */
export interface OpenedBundle {
  readonly bundle: VerifiedBundle<VerifiedClaims>;
  readonly appraisals: readonly Appraisal[];
  readonly provenance: readonly Check[];
}

/**
 * The verdict on a bundle; its receipts, times and payloads when it is authentic.
 * @throws {AttestationError | ClientError} of kind `misuse` only.
 * @example
 * const b = await verifyBundle(bytes, { policy });
 * if (b.outcome === 'accepted') for (const { receipt, time, payloads } of b.receipts) console.log(time, receipt.receipt_id, payloads.length);
 */
export async function verifyBundle(bytes: Uint8Array, options: VerifyOptions = {}): Promise<BundleVerdict> {
  return bundleVerdict(bytes, resolveOptions(options));
}

/** {@link verifyBundle} under options that were resolved already. */
export async function bundleVerdict(bytes: Uint8Array, options: ResolvedOptions): Promise<BundleVerdict> {
  try {
    return openedVerdict(await openBundle(bytes, options), options);
  } catch (error) {
    return failedVerdict('bundle', error, options.now);
  }
}

/**
 * @throws {ReceiptError | AttestationError | ClientError} at the first thing that is not authentic.
 */
export async function openBundle(source: BundleSource, options: ResolvedOptions): Promise<OpenedBundle> {
  const { witnesses, endorsements, trust, policy } = options;
  const bundle = await authenticateBundle<VerifiedClaims>(source, {
    trustedWitnesses: witnesses,
    verifyEvidence: ({ evidence, collateral, time }) =>
      verifyAgentEvidence(evidence, { time, trust, endorsements: [...collectEndorsements(collateral), ...endorsements] }),
  });
  const { nonce: _, ...expected } = options.expected;
  const provenance = await provenanceOf(bundle);
  const appraisals = bundle.evidence.map(({ claims, time }) => appraise(claims, { now: time, expected, policy }));
  return { bundle, appraisals, provenance };
}

/** For verifiers of files with bundles inside. They are loaded on demand and are given these, so that what all share stays in one file. */
export interface BundleVerifier {
  readonly openBundle: typeof openBundle;
  readonly openedVerdict: typeof openedVerdict;
}

/** Loads what checks builds only for bundles that have some. */
async function provenanceOf({ receipts, evidence }: VerifiedBundle<VerifiedClaims>): Promise<readonly Check[]> {
  if (!receipts.some(({ receipt }) => receipt.event_log.some(({ type }) => type === 'contract.built'))) return [];
  const { provenanceChecks } = await loadedPart('builds of contracts', () => import('./build-provenance.ts'));
  return provenanceChecks(
    receipts,
    evidence.map(({ report }) => report),
  );
}

/**
 * The verdict on a bundle that is open.
 * @throws {ReceiptError} `bundle/report-missing`.
 */
export function openedVerdict(
  { bundle, appraisals, provenance }: OpenedBundle,
  options: ResolvedOptions,
): AcceptedSubject<'bundle'> | RefusedSubject<'bundle'> {
  const { receipts, evidence, log } = bundle;
  const [first] = evidence;
  if (first === undefined)
    throw new ReceiptError('bundle/report-missing', 'expected a report in the bundle, got none; export it again');
  const simulated = appraisals.some((appraisal) => appraisal.simulated);
  const tees = [...new Set(evidence.map(({ claims }) => claims.type))].join(', ');
  const many = receipts.length === 1 ? '' : 's';
  return concluded({
    ...{ type: 'bundle', receipts, evidence, log, claims: first.claims, tcb: first.claims.tcb, simulated },
    subject: `${simulated ? 'SIMULATED ' : ''}bundle of ${receipts.length} receipt${many} sealed in ${tees}, hardware appraised as of sealing`,
    checks: [
      ...bundle.checks,
      ...modelWeightsChecks(receipts),
      ...provenance,
      nonceCheck(bundle, options),
      freshnessCheck(bundle, options),
      ...appraisals.flatMap(({ checks }, index) => checks.map((check) => named(check, appraisals.length, index))),
    ],
    warnings: [
      ...new Set([...modelWarnings(receipts.map(({ receipt }) => receipt)), ...appraisals.flatMap(({ warnings }) => warnings)]),
    ],
    limits: [
      'That the answers are right: a receipt shows what the attested code recorded, not that it is true.',
      "When it happened, beyond the enclave's own clock, unless a trusted witness cosigned the log.",
      'That the hardware is still in good standing today: it was appraised as of the time of sealing.',
      ...new Set(appraisals.flatMap(({ limits }) => limits)),
    ],
    policy: appraisals[0]?.policy ?? null,
    at: formatInstant(options.now),
  });
}

/** Answers that no model gave, and prompts that somebody else could read. */
export function modelWarnings(receipts: readonly Receipt[]): readonly string[] {
  const calls = receipts.flatMap(({ event_log }) => event_log.filter(({ type }) => type === 'model.called'));
  const simulated = receipts.some(({ event_log }) =>
    event_log.some(({ type, simulated: fake }) => /^upstream\.(signed|sealed)$/.test(type) && fake === true),
  );
  const provenances = new Set(calls.map((event) => event.provenance));
  return [
    ...(simulated ? ["SIMULATED: the model's TEE is a simulator; it proves nothing about hardware."] : []),
    ...(provenances.has('recorded') ? ['RECORDED: an answer was played back from a file; no model ran.'] : []),
    ...(provenances.has('unverified')
      ? ['the model behind the answer was not attested: its operator could read and change everything.']
      : []),
  ];
}

function named(check: Check, count: number, index: number): Check {
  return count === 1 ? check : { ...check, id: `report-${index}/${check.id}` };
}

/** The caller's nonce is one of the work, kept in the receipt; the evidence answers the nonce of the party that asked for the report. */
function nonceCheck({ receipts, evidence }: VerifiedBundle<VerifiedClaims>, { expected, policy }: ResolvedOptions): Check {
  const id = 'bundle.nonce';
  const wanted = expected.nonce;
  if (wanted === undefined) {
    return policy.nonce === 'required'
      ? fail(id, NONCE_SPEC, 'a nonce of the caller', 'none given')
      : notChecked(id, NONCE_SPEC, 'no nonce given');
  }
  const found = [...receipts.map(({ receipt }) => taskNonce(receipt.event_log)), ...evidence.map(({ report }) => report.nonce)];
  const actual = found.filter((nonce) => nonce !== null).join(', ') || 'none';
  return found.includes(wanted) ? pass(id, NONCE_SPEC, actual, wanted) : fail(id, NONCE_SPEC, wanted, actual);
}

function freshnessCheck({ receipts }: VerifiedBundle<VerifiedClaims>, { now, policy }: ResolvedOptions): Check {
  const id = 'bundle.freshness';
  const oldest = Math.min(...receipts.map(({ time }) => time));
  const newest = Math.max(...receipts.map(({ time }) => time));
  const actual = `sealed ${formatInstant(oldest)}`;
  const rule = policy.freshness;
  const latest = now + (rule === undefined ? SKEW_MS : rule.skewSeconds * 1000);
  if (newest > latest) return fail(id, FRESHNESS_SPEC, `sealed before ${formatInstant(latest)}`, actual);
  if (rule === undefined) return notChecked(id, FRESHNESS_SPEC, `no maximum age given; ${actual}`);
  const expected = `at most ${rule.maxAgeSeconds} s old`;
  const inTime = now - oldest <= rule.maxAgeSeconds * 1000;
  return inTime ? pass(id, FRESHNESS_SPEC, actual, expected) : fail(id, FRESHNESS_SPEC, expected, actual);
}
