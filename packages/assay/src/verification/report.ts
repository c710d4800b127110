/** Verifies an agent's live attestation report (spec/keyset.md §4): that evidence binds its keyset, and that the policy wants its TEE. */

import {
  type Appraisal,
  appraise,
  type Check,
  formatInstant,
  notChecked,
  pass,
  type VerifiedClaims,
  verifyAgentEvidence,
} from '@assay/attestation';
import { encodeHex } from '@assay/encoding/hex';
import { type Json, parseJson } from '@assay/encoding/json';
import { carriesStatement, parseReport, type Report } from '@assay/receipt';
import { ClientError } from '../errors.ts';
import { type ResolvedOptions, resolveOptions, type VerifyOptions } from './options.ts';
import { concluded, failedVerdict, type ReportVerdict } from './verdict.ts';

const SPEC = 'spec/keyset.md §3';

/** An authentic report, appraised. */
export interface OpenedReport {
  readonly report: Report;
  readonly claims: VerifiedClaims;
  readonly appraisal: Appraisal;
  /** Of the binding and of the appraisal. */
  readonly checks: readonly Check[];
}

/**
 * Proves that evidence binds the keyset of the report, for the caller's nonce or, when it gave none, for the unchallenged form.
 * @param time epoch milliseconds at which the evidence must be valid.
 * @throws {ReceiptError | AttestationError | ClientError}
 */
export async function openReport(document: Json, options: ResolvedOptions, time: number): Promise<OpenedReport> {
  const { endorsements, trust, policy } = options;
  const { nonce: asked = null, ...others } = options.expected;
  const report = parseReport(document, asked);
  const { reportData, nonce, claims } = await verifyAgentEvidence(report.evidence, { time, endorsements, trust });
  const binding: readonly Check[] = [bindingCheck(report, reportData), nonceCheck(asked, nonce ?? null)];
  // The statement was compared above, and the nonce is part of it: saying so lets the appraisal count the binding as checked.
  const bound = encodeHex(reportData);
  const appraisal = appraise(claims, {
    now: time,
    expected: { ...(claims.bindings.reportData === null ? { userData: bound } : { reportData: bound }), ...others },
    policy: asked === null ? policy : { ...policy, nonce: 'when-given' },
  });
  return { report, claims, appraisal, checks: [...binding, ...appraisal.checks] };
}

/** The statement of the keyset, with the nonce in it, is the evidence's report data. */
function bindingCheck({ keysetDigest, statementDigest }: Report, reportData: Uint8Array): Check {
  if (carriesStatement(reportData, statementDigest)) return pass('report.keyset-binding', SPEC, keysetDigest, keysetDigest);
  throw new ClientError(
    'report/unbound',
    'expected the statement of this keyset in the evidence, got other report data; its keys are not attested',
  );
}

/** `asked` is part of the statement that was compared; `answered` is the nonce in a slot of its own, `null` for none. */
function nonceCheck(asked: string | null, answered: Uint8Array | null): Check {
  if (asked !== null) return pass('report.nonce', SPEC, 'part of the statement', asked);
  if (answered === null) return notChecked('report.nonce', SPEC, 'no nonce given');
  throw new ClientError('report/unbound', 'expected evidence for no nonce, got one that answers a nonce; give it with --nonce');
}

/** What a verdict takes from the report that a subject rests on. */
export function reportFindings({ claims, appraisal }: OpenedReport) {
  return {
    claims,
    tcb: claims.tcb,
    warnings: appraisal.warnings,
    limits: [
      "That the agent's code is good: the keys below belong to the measured software, whatever it does.",
      ...appraisal.limits,
    ],
    simulated: appraisal.simulated,
    policy: appraisal.policy,
  };
}

/**
 * The verdict on an agent's report.
 * @param bytes JSON as the agent answers it at `/v1/aci/attestation`.
 * @example const verdict = await verifyReport(bytes, { expected: { nonce }, trust: { simulatedRoot: pem } });
 */
export async function verifyReport(bytes: Uint8Array, options: VerifyOptions = {}): Promise<ReportVerdict> {
  const resolved = resolveOptions(options);
  try {
    return await reportVerdict(parseJson(bytes), resolved);
  } catch (error) {
    return failedVerdict('report', error, resolved.now);
  }
}

/** {@link verifyReport} for a report that was parsed already. */
export async function reportVerdict(document: Json, options: ResolvedOptions): Promise<ReportVerdict> {
  const { now } = options;
  try {
    const opened = await openReport(document, options, now);
    const { report, appraisal, checks } = opened;
    return concluded({
      ...reportFindings(opened),
      ...{ type: 'report', report, keyset: report.keyset, checks, at: formatInstant(now) },
      subject: `report by ${appraisal.subject}`,
    });
  } catch (error) {
    return failedVerdict('report', error, now);
  }
}
