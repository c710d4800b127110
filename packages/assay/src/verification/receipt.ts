/** Verifies a receipt on its own under the report of its keyset. A receipt names no evidence, so without a report its signer is unknown. */

import { type Check, formatInstant, notChecked, pass } from '@assay/attestation';
import { type Json, type JsonObject, parseJson } from '@assay/encoding/json';
import { parseReceipt, type Receipt, verifyReceiptSignature } from '@assay/receipt';
import { ClientError } from '../errors.ts';
import { type ResolvedOptions, resolveOptions, type VerifyOptions } from './options.ts';
import { type OpenedReport, openReport, reportFindings } from './report.ts';
import { concluded, failedVerdict, type ReceiptVerdict } from './verdict.ts';

/**
 * The verdict on a receipt; the report of its keyset is among the companions (`collateral`).
 * @example const verdict = await verifyReceipt(bytes, { collateral: collectEndorsements([{ name: 'report', bytes: report }]) });
 */
export async function verifyReceipt(bytes: Uint8Array, options: VerifyOptions = {}): Promise<ReceiptVerdict> {
  const resolved = resolveOptions(options);
  try {
    return await receiptVerdict(parseJson(bytes), resolved);
  } catch (error) {
    return failedVerdict('receipt', error, resolved.now);
  }
}

/** {@link verifyReceipt} for a receipt that was parsed already. */
export async function receiptVerdict(document: Json, options: ResolvedOptions): Promise<ReceiptVerdict> {
  const { now } = options;
  try {
    const receipt = parseReceipt(document);
    const opened = await openReportOf(receipt, reportFor(receipt, options), options);
    const { report, appraisal } = opened;
    const { keyId } = await verifyReceiptSignature(receipt, report.keyset);
    const checks: readonly Check[] = [
      pass('receipt.signature', 'spec/receipt.md §4', keyId, receipt.key_id),
      notChecked('receipt.inclusion', 'spec/log.md §5', 'a receipt alone carries no log proof'),
      ...opened.checks,
    ];
    return concluded({
      ...reportFindings(opened),
      ...{ type: 'receipt', receipt, report, keyset: report.keyset, checks, at: formatInstant(now) },
      subject: `receipt by ${appraisal.subject}`,
    });
  } catch (error) {
    return failedVerdict('receipt', error, now);
  }
}

function reportFor(receipt: Receipt, { endorsements }: ResolvedOptions): JsonObject {
  const reports = endorsements.flatMap((item) => (item.kind === 'json' ? [parseJson(item.json)] : [])).filter(isReport);
  const named = reports.find((report) => report.workload_keyset_digest === receipt.workload_keyset_digest) ?? reports[0];
  if (named !== undefined) return named;
  throw new ClientError(
    'receipt/report-missing',
    "a receipt alone does not say which TEE signed it; give the agent's report with --collateral, or verify the bundle",
  );
}

/** While a keyset lives, a report of today vouches for yesterday's receipt; so does one that was archived with it, ever after. */
async function openReportOf(receipt: Receipt, document: Json, options: ResolvedOptions): Promise<OpenedReport> {
  try {
    return await openReport(document, options, options.now);
  } catch (error) {
    return openReport(document, options, receipt.served_at * 1000).catch(() => {
      throw error;
    });
  }
}

function isReport(document: Json): document is JsonObject {
  return typeof document === 'object' && document !== null && 'attestation' in document && 'workload_keyset_digest' in document;
}
