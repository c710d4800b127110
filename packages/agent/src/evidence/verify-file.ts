/** Verifies a file of transcripts for `POST /evidence/verify`: offline, under the vendors' pinned roots and this agent's own simulator. */

import { collectEndorsements, type ResolvedTrust, resolveTrust, type VerifiedClaims } from '@assay/attestation';
import { isCoded } from '@assay/encoding/coded-error';
import { isJsonObject, type JsonObject } from '@assay/encoding/json';
import { type AuthenticReceipt, isTranscripts, ModelError, verifyTranscripts } from '@assay/models';
import {
  authenticateBundle,
  type CollateralFile,
  carriesStatement,
  parseReport,
  type Report,
  type VerifiedBundle,
} from '@assay/receipt';
import { acceptedEvidence } from './accepted-evidence.ts';

export interface FileVerdict {
  readonly valid: boolean;
  /** `code: what is wrong`; empty for a valid file. */
  readonly errors: readonly string[];
}

/**
 * @param simulatedRoot PEM of a simulator that is believed, or `undefined`.
 * @throws errors without a code; coded ones are the verdict.
 */
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
    acceptedEvidence(evidence, { time, endorsements: collectEndorsements(collateral), trust });
  const bundle = await authenticateBundle<VerifiedClaims>(isJsonObject(file.assay_bundle) ? file.assay_bundle : {}, {
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
  return receipts.map(({ receipt, digest, index }) => ({
    ...{ id: receipt.receipt_id, digest, signature: receipt.signature, servedAt: receipt.served_at },
    ...{ endpoint: receipt.endpoint, method: receipt.method, events: receipt.event_log, index },
  }));
}
