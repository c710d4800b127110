/** What a file is, found once: the parsed form goes on to its verifier. Nothing is authenticated here. */

import { type RecognisedEvidence, recogniseEvidence } from '@assay/attestation';
import { jsonIn, parsedOnce } from '@assay/attestation/evidence/reading';
import { isCoded } from '@assay/encoding/coded-error';
import type { Json, JsonObject } from '@assay/encoding/json';
import { isComparisonRecord, isTranscripts } from '@assay/models';
import { isProof } from './proof-file.ts';
import { isResultFile } from './result-file.ts';

/** A file by its kind. Bundles stay bytes: their verifier demands the canonical form, byte by byte. */
export type Subject =
  | { readonly kind: 'bundle'; readonly bytes: Uint8Array }
  | { readonly kind: 'comparison' | 'proof' | 'receipt' | 'report' | 'result' | 'transcripts'; readonly json: JsonObject }
  /** Parsed, or the bytes of an unknown or broken file: the verifier then says why. */
  | { readonly kind: 'evidence'; readonly evidence: RecognisedEvidence | Uint8Array };

/** Where a bundle says that it is one: behind the checkpoint, bytes. */
const MAX_HEAD = 64 * 1024;
const CANONICAL_BUNDLE = /^\{"checkpoint":"(?:[^"\\]|\\.)*","format":"assay-bundle\//;
const BROKEN_BUNDLE = /"format"\s*:\s*"assay-bundle\//;

/** @example subjectOf(bytes).kind // 'bundle' */
export function subjectOf(bytes: Uint8Array): Subject {
  return parsedOnce(bytes, () => kindOf(bytes));
}

function kindOf(bytes: Uint8Array): Subject {
  if (!bytes.subarray(0, 64).some((byte) => byte === 0x7b || byte === 0x5b)) return evidenceOf(bytes);
  const head = new TextDecoder().decode(bytes.subarray(0, MAX_HEAD));
  if (CANONICAL_BUNDLE.test(head)) return { kind: 'bundle', bytes };
  const json = jsonIn(bytes);
  if (json === undefined) {
    return BROKEN_BUNDLE.test(head) ? { kind: 'bundle', bytes } : evidenceOf(bytes);
  }
  if (isComparisonRecord(json)) return { kind: 'comparison', json };
  if (isTranscripts(json)) return { kind: 'transcripts', json };
  if (isBundle(json)) return { kind: 'bundle', bytes };
  if (isProof(json)) return { kind: 'proof', json };
  if (has(json, 'event_log') && has(json, 'receipt_id')) return { kind: 'receipt', json };
  if (has(json, 'workload_keyset_digest') && has(json, 'attestation') && !bindsSigningAddress(json))
    return { kind: 'report', json };
  if (isResultFile(json)) return { kind: 'result', json };
  return evidenceOf(bytes);
}

function evidenceOf(bytes: Uint8Array): Subject {
  try {
    return { kind: 'evidence', evidence: recogniseEvidence(bytes) };
  } catch (error) {
    if (!isCoded(error)) throw error;
    return { kind: 'evidence', evidence: bytes };
  }
}

/**
 * The private AI gateway's answer to older clients has the members of an `aci/1` report, but its evidence binds a signing address: 64
 * bytes of report data where a report has the 32 of its statement. It is evidence like any other service's, not a report.
 */
function bindsSigningAddress(json: JsonObject): boolean {
  if (!has(json, 'intel_quote') || !has(json, 'signing_address')) return false;
  const attestation = json.attestation ?? null;
  if (!has(attestation, 'report_data')) return false;
  const data = attestation.report_data;
  return typeof data === 'string' && /^(0x)?[0-9a-fA-F]{128}$/.test(data);
}

function isBundle(json: Json): boolean {
  if (has(json, 'format') && typeof json.format === 'string' && json.format.startsWith('assay-bundle/')) return true;
  return has(json, 'receipts') && has(json, 'checkpoint');
}

function has(json: Json, name: string): json is JsonObject {
  return typeof json === 'object' && json !== null && !Array.isArray(json) && Object.hasOwn(json, name);
}
