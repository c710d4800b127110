/**
 * Judges a bundle (spec/bundle.md): everything in it is authentic and logged, and the TEE that signed it is one the policy accepts
 * *as of the time it was sealed*.
 */

import {
  type Appraisal,
  appraise,
  type Check,
  collectEndorsements,
  formatInstant,
  type VerifiedClaims,
} from '@assay/attestation';
import { type Receipt, taskNonce, type VerifiedBundle, verifyBundle } from '@assay/receipt';
import { verifyAgentEvidence } from './agent-evidence.ts';
import type { JudgeRequest } from './request.ts';
import { concluded, failedVerdict, type Verdict } from './verdict.ts';

const NONCE_SPEC = 'spec/policy.md nonce';
const FRESHNESS_SPEC = 'spec/policy.md freshness';

/** What an authentic bundle was found to say, and how its evidence was appraised. */
export interface JudgedBundle {
  readonly bundle: VerifiedBundle<VerifiedClaims>;
  readonly appraisals: readonly Appraisal[];
}

/**
 * @throws {ReceiptError | AttestationError | ClientError} at the first thing that is not authentic.
 */
export async function openBundle(bytes: Uint8Array, request: JudgeRequest): Promise<JudgedBundle> {
  const bundle = await verifyBundle<VerifiedClaims>(bytes, {
    trustedWitnesses: request.trustedWitnesses ?? [],
    verifyEvidence: ({ evidence, collateral, time }) =>
      verifyAgentEvidence(evidence, {
        time,
        endorsements: [...collectEndorsements(collateral), ...(request.endorsements ?? [])],
        additionalAnchors: request.additionalAnchors ?? [],
      }),
  });
  const { nonce: _, ...expected } = request.expected ?? {};
  const appraisals = bundle.evidence.map(({ claims, time }) =>
    appraise(claims, { now: time, expected, ...(request.policy === undefined ? {} : { policy: request.policy }) }),
  );
  return { bundle, appraisals };
}

/** @example const verdict = await judgeBundle(bytes, { now: Date.now(), policy: STRICT_POLICY }); */
export async function judgeBundle(bytes: Uint8Array, request: JudgeRequest): Promise<Verdict> {
  try {
    return bundleVerdict(await openBundle(bytes, request), request);
  } catch (error) {
    return failedVerdict('bundle', error, request.now);
  }
}

export function bundleVerdict({ bundle, appraisals }: JudgedBundle, request: JudgeRequest): Verdict {
  const { receipts, evidence } = bundle;
  const checks = [
    ...bundle.checks,
    nonceCheck(bundle, request),
    freshnessCheck(bundle, request),
    ...appraisals.flatMap((appraisal, index) => appraisal.checks.map((check) => named(check, appraisals.length, index))),
  ];
  const simulated = appraisals.some((appraisal) => appraisal.simulated);
  const at = formatInstant(request.now);
  const tees = [...new Set(evidence.map(({ claims }) => claims.type))].join(', ');
  return concluded({
    type: 'bundle',
    subject: `${simulated ? 'SIMULATED ' : ''}bundle of ${receipts.length} receipt${receipts.length === 1 ? '' : 's'} sealed in ${tees}, hardware judged as of sealing`,
    claims: {
      receipts: receipts.map(({ receipt, index, time, payloads }) => ({
        receipt_id: receipt.receipt_id,
        endpoint: receipt.endpoint,
        log_index: index,
        time: formatInstant(time),
        events: receipt.event_log.map(({ type }) => type),
        payloads: payloads.map(({ name, hash, content }) => ({ name, hash, included: content !== null })),
      })),
      evidence: evidence.map(({ claims, time }) => ({ time: formatInstant(time), ...claims })),
      log: { origin: bundle.log.origin, size: bundle.log.size },
    },
    checks,
    tcb: evidence[0]?.claims.tcb ?? null,
    warnings: [
      ...new Set([...modelWarnings(receipts.map(({ receipt }) => receipt)), ...appraisals.flatMap(({ warnings }) => warnings)]),
    ],
    limits: [
      'That the answers are right: a receipt shows what the attested code recorded, not that it is true.',
      "When it happened, beyond the enclave's own clock, unless a trusted witness cosigned the log.",
      'That the hardware is still in good standing today: it was judged as of the time of sealing.',
      ...new Set(appraisals.flatMap(({ limits }) => limits)),
    ],
    simulated,
    policy: appraisals[0]?.policy ?? null,
    at,
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

/** The caller's nonce is one of the work, kept in the receipt; the evidence answers the nonce of whoever asked for the report. */
function nonceCheck({ receipts, evidence }: VerifiedBundle<VerifiedClaims>, { expected, policy }: JudgeRequest): Check {
  const wanted = expected?.nonce;
  if (wanted === undefined) {
    return policy?.nonce === 'required'
      ? { id: 'bundle.nonce', outcome: 'fail', expected: 'a nonce of the caller', actual: 'none given', spec: NONCE_SPEC }
      : { id: 'bundle.nonce', outcome: 'not-checked', expected: null, actual: 'no nonce given', spec: NONCE_SPEC };
  }
  const found = [...receipts.map(({ receipt }) => taskNonce(receipt.event_log)), ...evidence.map(({ report }) => report.nonce)];
  const actual = found.filter((nonce) => nonce !== null).join(', ') || 'none';
  return { id: 'bundle.nonce', outcome: found.includes(wanted) ? 'pass' : 'fail', expected: wanted, actual, spec: NONCE_SPEC };
}

function freshnessCheck({ receipts }: VerifiedBundle<VerifiedClaims>, { now, policy }: JudgeRequest): Check {
  const id = 'bundle.freshness';
  const oldest = Math.min(...receipts.map(({ time }) => time));
  const newest = Math.max(...receipts.map(({ time }) => time));
  const actual = `sealed ${formatInstant(oldest)}`;
  const rule = policy?.freshness;
  const skew = (rule?.skewSeconds ?? 300) * 1000;
  if (newest > now + skew)
    return { id, outcome: 'fail', expected: `sealed before ${formatInstant(now + skew)}`, actual, spec: FRESHNESS_SPEC };
  if (rule === undefined)
    return { id, outcome: 'not-checked', expected: null, actual: `no maximum age given; ${actual}`, spec: FRESHNESS_SPEC };
  const expected = `at most ${rule.maxAgeSeconds} s old`;
  return { id, outcome: now - oldest <= rule.maxAgeSeconds * 1000 ? 'pass' : 'fail', expected, actual, spec: FRESHNESS_SPEC };
}
