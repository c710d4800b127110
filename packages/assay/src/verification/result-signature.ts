/**
 * Who signed a result file: the receipt and report inside it, or a bundle inside or beside it. The receipt's `response.returned`
 * event covers the whole answer, so that no member of the file can be changed.
 */

import { type Check, notChecked, pass } from '@assay/attestation';
import { utf8 } from '@assay/encoding/bytes';
import { canonicalJson, type JsonObject } from '@assay/encoding/json';
import { parseReceipt, type Receipt, verifyReceiptSignature } from '@assay/receipt';
import { ClientError } from '../errors.ts';
import { answerDigest } from './answer-digest.ts';
import { type OpenedBundle, openBundle, openedVerdict } from './bundle.ts';
import { type ResolvedOptions, withoutNonce } from './options.ts';
import { openReport, reportFindings } from './report.ts';
import type { AcceptedSubject } from './verdict.ts';

const SPEC = 'spec/receipt.md §2';

/** What a result takes over from the TEE that signed it. */
export type ResultSigner = Pick<
  AcceptedSubject<'report'>,
  'claims' | 'tcb' | 'checks' | 'warnings' | 'limits' | 'simulated' | 'policy' | 'subject'
>;

export interface ResultSignature {
  readonly receipt: Receipt;
  readonly signer: ResultSigner;
  readonly checks: readonly Check[];
}

interface SignedFile {
  readonly answer: JsonObject;
  readonly attestation: JsonObject;
}

/**
 * @throws {ClientError} `result/unsigned`, `result/receipt-mismatch`, `result/changed`; the codes of bundle, receipt and evidence.
 */
export async function openSignature(file: SignedFile, options: ResolvedOptions): Promise<ResultSignature> {
  const { answer, attestation } = file;
  const [bundle] = bundlesOf(file, options);
  if (bundle !== undefined) return bySealedBundle(file, bundle, withoutNonce(options));
  const { receipt } = answer;
  const report = attestation.report;
  if (isObject(receipt) && isObject(report)) return byReceipt(file, receipt, report, options);
  throw new ClientError(
    'result/unsigned',
    "nothing in this file shows who signed it; ask with include_attestation, or give the answer's bundle with --collateral",
  );
}

async function byReceipt(
  file: SignedFile,
  document: JsonObject,
  report: JsonObject,
  options: ResolvedOptions,
): Promise<ResultSignature> {
  const receipt = parseReceipt(document);
  const { nonce } = file.attestation;
  const unasked = withoutNonce(options);
  const asked = typeof nonce === 'string' ? { ...unasked, expected: { ...unasked.expected, nonce } } : unasked;
  const opened = await openReport(report, asked, receipt.served_at * 1000);
  const { receiptId } = await verifyReceiptSignature(receipt, opened.report.keyset);
  const checks = [
    pass('result.receipt', SPEC, receiptId),
    await coverage(file, receipt),
    notChecked('result.inclusion', 'spec/log.md §5', 'the file does not carry the keys of the log; the bundle does'),
  ];
  const signer = { ...reportFindings(opened), checks: opened.checks, subject: `report by ${opened.appraisal.subject}` };
  return { receipt, signer, checks };
}

async function bySealedBundle(file: SignedFile, bytes: Uint8Array, options: ResolvedOptions): Promise<ResultSignature> {
  const opened = await openBundle(bytes, options);
  const { receipt, check } = namedReceipt(file, opened);
  const checks = [check, await coverage(file, receipt)];
  return { receipt, signer: openedVerdict(opened, options), checks };
}

/** The receipt of the bundle that the file names, which was verified with the bundle. */
function namedReceipt({ answer, attestation }: SignedFile, { bundle }: OpenedBundle) {
  const id = answer.receipt_id ?? attestation.receipt_id;
  const entry = bundle.receipts.find(({ receipt }) => typeof id !== 'string' || receipt.receipt_id === id);
  if (entry !== undefined) return { receipt: entry.receipt, check: pass('result.receipt', SPEC, entry.receipt.receipt_id) };
  throw new ClientError(
    'result/receipt-mismatch',
    `expected receipt ${String(id)} in the bundle, got ${named(bundle.receipts)}; give the bundle of this answer`,
  );
}

function named(entries: readonly { readonly receipt: Receipt }[]): string {
  const [first, ...others] = entries.map(({ receipt }) => receipt.receipt_id);
  return others.length === 0 ? String(first) : `${first} and ${others.length} more`;
}

/** The hash over the whole answer, for answers that are whole; `attestation` alone was never hashed by itself. */
async function coverage({ answer, attestation }: SignedFile, receipt: Receipt): Promise<Check> {
  const id = 'result.answer-hash';
  const returned = receipt.event_log.findLast(({ type }) => type === 'response.returned');
  if (answer === attestation) return notChecked(id, SPEC, 'the file is the attestation member alone');
  if (returned?.form !== 'jcs-without-receipt')
    return notChecked(id, SPEC, 'the receipt hashes the answer as sent, not as saved');
  const actual = await answerDigest(answer);
  if (actual !== returned.body_hash) {
    throw new ClientError(
      'result/changed',
      `expected the answer that was signed (${String(returned.body_hash)}), got ${actual}; the file was changed`,
    );
  }
  return pass(id, SPEC, actual);
}

/** Bundles that belong to the file: inside it, or among the companions. */
function bundlesOf({ answer, attestation }: SignedFile, { endorsements }: ResolvedOptions): readonly Uint8Array[] {
  const inside = [answer.bundle, attestation.bundle].filter(isObject).map((bundle) => utf8(canonicalJson(bundle)));
  const beside = endorsements.flatMap((item) =>
    item.kind === 'json' && item.json.includes('"assay-bundle/1"') ? [utf8(item.json)] : [],
  );
  return [...inside, ...beside];
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
