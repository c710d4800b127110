/** Verifies a file of transcripts for `POST /evidence/verify`: offline, under the vendors' pinned roots and this agent's own simulator. */

import {
  AttestationError,
  appraise,
  collectEndorsements,
  DEFAULT_POLICY,
  policyUnder,
  type ResolvedTrust,
  recogniseEvidence,
  resolveTrust,
  type VerifiedClaims,
  verifyEvidence,
} from '@assay/attestation';
import { utf8 } from '@assay/encoding/bytes';
import { isCoded } from '@assay/encoding/coded-error';
import { decodeHex } from '@assay/encoding/hex';
import { canonicalJson, type JsonObject } from '@assay/encoding/json';
import { type AuthenticReceipt, isTranscripts, ModelError, verifyTranscripts } from '@assay/models';
import {
  authenticateBundle,
  type CollateralFile,
  carriesStatement,
  digestJson,
  parseReport,
  type Report,
  type VerifiedBundle,
  type VerifiedEvidence,
} from '@assay/receipt';

export interface FileVerdict {
  readonly valid: boolean;
  /** `code: what is wrong`; empty for a valid file. */
  readonly errors: readonly string[];
}

/** @param simulatedRoot PEM of a simulator that is believed, or `undefined`. */
export async function verifyEvidenceFile(file: JsonObject, simulatedRoot: string | undefined): Promise<FileVerdict> {
  try {
    if (!isTranscripts(file))
      return { valid: false, errors: ['transcripts/malformed: expected a file of GET /evidence/bundle, got other JSON'] };
    await assertValid(file, resolveTrust(simulatedRoot === undefined ? {} : { simulatedRoot }));
    return { valid: true, errors: [] };
  } catch (error) {
    if (!isCoded(error)) throw error;
    return { valid: false, errors: [`${error.code}: ${error.message}`] };
  }
}

async function assertValid(file: JsonObject, trust: ResolvedTrust): Promise<void> {
  const verify = (evidence: Report['evidence'], time: number, collateral: readonly CollateralFile[] = []) =>
    authentic(evidence, { time, collateral, trust });
  const bundle = await authenticateBundle<VerifiedClaims>(utf8(canonicalJson(file.assay_bundle ?? null)), {
    verifyEvidence: ({ evidence, collateral, time }) => verify(evidence, time, collateral),
  });
  const { sessions } = verifyTranscripts(file, receiptsOf(bundle));
  const time = Math.min(...bundle.receipts.map((receipt) => receipt.time));
  for (const session of sessions) {
    const report = parseReport(session.report, session.reportNonce);
    const { reportData } = await verify(report.evidence, time);
    const known = bundle.evidence.some((each) => each.report.keysetDigest === report.keysetDigest);
    if (!known || !carriesStatement(reportData, report.statementDigest))
      throw new ModelError(
        'transcripts/substituted',
        'expected an attestation of the keyset that signed the transcripts, got another one; do not rely on the file',
      );
  }
}

/** Receipts of a verified bundle, as transcripts are compared with them. */
function receiptsOf({ receipts }: VerifiedBundle<VerifiedClaims>): readonly AuthenticReceipt[] {
  return receipts.map(({ receipt, index }) => ({
    ...{ id: receipt.receipt_id, digest: digestJson(receipt), signature: receipt.signature, servedAt: receipt.served_at },
    ...{ endpoint: receipt.endpoint, method: receipt.method, events: receipt.event_log, index },
  }));
}

interface AuthenticOptions {
  readonly time: number;
  readonly collateral: readonly CollateralFile[];
  readonly trust: ResolvedTrust;
}

async function authentic(
  evidence: Report['evidence'],
  { time, collateral, trust }: AuthenticOptions,
): Promise<VerifiedEvidence<VerifiedClaims>> {
  const bytes = utf8(JSON.stringify(evidence));
  const endorsements = [...collectEndorsements([{ name: 'evidence.json', bytes }]), ...collectEndorsements(collateral)];
  const claims = await verifyEvidence(recogniseEvidence(bytes), { now: time, endorsements, trust: { roots: trust.anchors } });
  const { outcome, scope } = appraise(claims, { now: time, policy: policyUnder(DEFAULT_POLICY, trust), expected: {} });
  if (outcome === 'refused')
    throw new AttestationError(
      'policy/refused',
      `expected evidence that the default policy accepts, got ${scope}; do not rely on the file`,
    );
  const { reportData, userData, nonce } = claims.bindings;
  return {
    reportData: decodeHex(reportData ?? userData ?? ''),
    ...(reportData === null ? { nonce: nonce === null ? null : decodeHex(nonce) } : {}),
    claims,
  };
}
