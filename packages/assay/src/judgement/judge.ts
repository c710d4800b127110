/** One call for any file: finds out what it is, and judges it. The command line and the console both ask here. */

import { verify } from '@assay/attestation';
import { type Json, type JsonObject, parseJson } from '@assay/encoding/json';
import { judgeBundle } from './bundle.ts';
import { isProof, judgeProof } from './proof.ts';
import { judgeReceipt, judgeReport } from './report.ts';
import type { JudgeRequest } from './request.ts';
import { isResultFile, judgeResultFile } from './result-file.ts';
import { evidenceVerdict, type Verdict } from './verdict.ts';

/** Where a bundle says that it is one: behind the checkpoint, bytes. */
const MAX_HEAD = 64 * 1024;
const BUNDLE_START = /"format"\s*:\s*"assay-bundle\//;

/**
 * @param bytes a bundle, a proof, a receipt, a live report, a result file, or evidence of any TEE in any of its file conventions.
 * @returns the verdict; errors of the subject are values in it.
 * @throws {AttestationError} kind `misuse` only.
 * @example
 * const { outcome, scope } = await judge(bytes, { now: Date.now(), policy: STRICT_POLICY });
 */
export async function judge(bytes: Uint8Array, request: JudgeRequest): Promise<Verdict> {
  const json = readJson(bytes);
  if (json !== undefined) {
    if (isBundle(json)) return judgeBundle(bytes, request);
    if (isProof(json)) return judgeProof(json, request);
    if (has(json, 'event_log') && has(json, 'receipt_id')) return judgeReceipt(json, request);
    if (has(json, 'workload_keyset_digest') && has(json, 'attestation') && !bindsSigningAddress(json))
      return judgeReport(json, request);
    if (isResultFile(json)) return judgeResultFile(json, request);
  }
  const { now, policy, expected, endorsements, additionalAnchors } = request;
  const result = await verify(bytes, {
    now,
    ...{ policy, expected, endorsements },
    trust: { roots: additionalAnchors },
  });
  return evidenceVerdict(result, now);
}

/** The JSON in `bytes`, `undefined` when there is none. A broken bundle still counts as one, so that it is refused as such. */
function readJson(bytes: Uint8Array): Json | undefined {
  if (!bytes.subarray(0, 64).some((byte) => byte === 0x7b || byte === 0x5b)) return undefined;
  try {
    return parseJson(bytes);
  } catch {
    const head = new TextDecoder().decode(bytes.subarray(0, MAX_HEAD));
    return BUNDLE_START.test(head) ? { format: 'assay-bundle/1' } : undefined;
  }
}

/**
 * The private AI gateway's answer to older clients has the members of an `aci/1` report, but its evidence binds a signing address: 64
 * bytes of report data where a report has the 32 of its statement. It is evidence like any other service's, not a report.
 */
function bindsSigningAddress(json: Json): boolean {
  if (!has(json, 'intel_quote') || !has(json, 'signing_address')) return false;
  const { attestation } = json as JsonObject;
  if (typeof attestation !== 'object' || attestation === null || !('report_data' in attestation)) return false;
  const data = (attestation as JsonObject).report_data;
  return typeof data === 'string' && /^(0x)?[0-9a-fA-F]{128}$/.test(data);
}

function isBundle(json: Json): boolean {
  const format = typeof json === 'object' && json !== null && 'format' in json ? json.format : undefined;
  return (
    (typeof format === 'string' && format.startsWith('assay-bundle/')) || (has(json, 'receipts') && has(json, 'checkpoint'))
  );
}

function has(json: Json, name: string): boolean {
  return typeof json === 'object' && json !== null && !Array.isArray(json) && Object.hasOwn(json, name);
}
