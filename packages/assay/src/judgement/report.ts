/**
 * Judges an agent's live attestation report (spec/keyset.md §4), and a receipt on its own under such a report. A receipt names no
 * evidence, so without a report nobody can tell who signed it.
 */

import { type Appraisal, appraise, type Check, formatInstant, type VerifiedClaims } from '@assay/attestation';
import { encodeHex } from '@assay/encoding/hex';
import { type Json, parseJson } from '@assay/encoding/json';
import { carriesStatement, parseReceipt, parseReport, type Receipt, type Report, verifyReceipt } from '@assay/receipt';
import { ClientError } from '../errors.ts';
import { verifyAgentEvidence } from './agent-evidence.ts';
import type { JudgeRequest } from './request.ts';
import { concluded, failedVerdict, type SubjectType, type Verdict } from './verdict.ts';

const SPEC = 'spec/keyset.md §3';

export interface OpenedReport {
  readonly report: Report;
  readonly claims: VerifiedClaims;
  readonly appraisal: Appraisal;
  readonly checks: readonly Check[];
}

/**
 * Proves that evidence binds the keyset of the report, for the caller's nonce or, when it gave none, for the unchallenged form.
 * @param time epoch milliseconds at which the evidence must be valid.
 * @throws {ReceiptError | AttestationError | ClientError}
 */
export async function openReport(document: Json, request: JudgeRequest, time: number): Promise<OpenedReport> {
  const report = parseReport(document, request.expected?.nonce ?? null);
  const { reportData, nonce, claims } = await verifyAgentEvidence(report.evidence, {
    time,
    endorsements: request.endorsements ?? [],
    additionalAnchors: request.additionalAnchors ?? [],
  });
  if (!carriesStatement(reportData, report.statementDigest)) {
    throw new ClientError(
      'report/unbound',
      'expected the statement of this keyset in the evidence, got other report data; its keys are not attested',
    );
  }
  const checks: Check[] = [
    { id: 'report.keyset-binding', outcome: 'pass', expected: report.keysetDigest, actual: report.keysetDigest, spec: SPEC },
    report.nonce === null
      ? { id: 'report.nonce', outcome: 'not-checked', expected: null, actual: 'no nonce given', spec: SPEC }
      : { id: 'report.nonce', outcome: 'pass', expected: report.nonce, actual: 'part of the statement', spec: SPEC },
  ];
  if (nonce !== undefined && nonce !== null && report.nonce === null) {
    throw new ClientError(
      'report/unbound',
      'expected evidence for no nonce, got one that answers a nonce; give it with --nonce',
    );
  }
  // The nonce is inside the statement that was just compared; carriers without a slot of their own show it nowhere else.
  const { nonce: _, ...asked } = request.expected ?? {};
  // The slot was compared with the statement above; saying so lets the appraisal count the binding as checked.
  const expected = {
    ...(claims.bindings.reportData === null ? { userData: encodeHex(reportData) } : { reportData: encodeHex(reportData) }),
    ...asked,
  };
  const policy =
    request.policy === undefined
      ? {}
      : { policy: report.nonce === null ? request.policy : { ...request.policy, nonce: 'when-given' as const } };
  return { report, claims, appraisal: appraise(claims, { now: time, expected, ...policy }), checks };
}

/** @example const verdict = await judgeReport(parseJson(body), { now: Date.now(), expected: { nonce } }); */
export async function judgeReport(document: Json, request: JudgeRequest): Promise<Verdict> {
  try {
    return reportVerdict('report', await openReport(document, request, request.now), [], request);
  } catch (error) {
    return failedVerdict('report', error, request.now);
  }
}

/** Judges a receipt under the report of its keyset, which is among the companions. */
export async function judgeReceipt(document: Json, request: JudgeRequest): Promise<Verdict> {
  try {
    const receipt = parseReceipt(document);
    const reports = (request.endorsements ?? [])
      .flatMap((item) => (item.kind === 'json' ? [parseJson(item.json)] : []))
      .filter(isReport);
    const named = reports.find((report) => isReportOf(report, receipt)) ?? reports[0];
    if (named === undefined) {
      throw new ClientError(
        'receipt/report-missing',
        "a receipt alone does not say which TEE signed it; give the agent's report with --collateral, or verify the bundle",
      );
    }
    const opened = await openReportOf(receipt, named, request);
    await verifyReceipt(receipt, opened.report.keyset);
    const signed: Check = {
      id: 'receipt.signature',
      outcome: 'pass',
      expected: receipt.key_id,
      actual: receipt.key_id,
      spec: 'spec/receipt.md §4',
    };
    const logged: Check = {
      id: 'receipt.inclusion',
      outcome: 'not-checked',
      expected: null,
      actual: 'a receipt alone carries no log proof',
      spec: 'spec/log.md §5',
    };
    return reportVerdict('receipt', opened, [signed, logged], request, { receipt });
  } catch (error) {
    return failedVerdict('receipt', error, request.now);
  }
}

/** While a keyset lives, a report of today vouches for yesterday's receipt; so does one that was archived with it, ever after. */
async function openReportOf(receipt: Receipt, document: Json, request: JudgeRequest): Promise<OpenedReport> {
  try {
    return await openReport(document, request, request.now);
  } catch (error) {
    return openReport(document, request, receipt.served_at * 1000).catch(() => {
      throw error;
    });
  }
}

function isReport(document: Json): boolean {
  return typeof document === 'object' && document !== null && 'attestation' in document && 'workload_keyset_digest' in document;
}

function isReportOf(document: Json, receipt: Receipt): boolean {
  return (document as { readonly workload_keyset_digest?: Json }).workload_keyset_digest === receipt.workload_keyset_digest;
}

export function reportVerdict(
  type: SubjectType,
  { report, claims, appraisal, checks: bound }: OpenedReport,
  own: readonly Check[],
  { now }: JudgeRequest,
  more: Readonly<Record<string, unknown>> = {},
): Verdict {
  const checks = [...own, ...bound, ...appraisal.checks];
  return concluded({
    type,
    subject: `${type} by ${appraisal.subject}`,
    claims: { ...more, keyset: report.keyset, evidence: { ...claims } },
    checks,
    tcb: claims.tcb,
    warnings: appraisal.warnings,
    limits: [
      "That the agent's code is good: the keys below belong to the measured software, whatever it does.",
      ...appraisal.limits,
    ],
    simulated: appraisal.simulated,
    policy: appraisal.policy,
    at: formatInstant(now),
  });
}
