/**
 * How SNP evidence lies in files. Recognised, in this order:
 * - a report of 1184 bytes, alone, zero-padded, behind the 32-byte MSG_REPORT_RSP header, or followed by a certificate table;
 * - Azure's HCL report, also without its header; Project Oak's Evidence and go-sev-guest's Attestation message; hex or base64 of any
 *   of these;
 * - JSON (json-evidence.ts), and Azure's HCL report in it (`hcl_report`, `vcek`);
 * - a VCEK or VLEK certificate without a report, perhaps with its issuers, so that its standing can be asked about; it is never evidence by itself.
 *
 * Not checked here: anything but shape. Azure evidence with a vTPM quote is evidence/azure; here that quote is named in `unread`.
 */

import { utf8 } from '@assay/encoding/bytes';
import type { JsonObject } from '@assay/encoding/json';
import {
  hclTee,
  looksLikeSnpRuntimeData,
  parseHclReport,
  parseRuntimeData,
  RUNTIME_HEADER_LENGTH,
  type RuntimeData,
} from '../hcl-report.ts';
import { allZero, bytesOfText, jsonObjectIn } from '../reading.ts';
import { certificatesIn, parseCertificateTable } from './certificate-table.ts';
import { certificatesOfJson, snpJsonEvidence } from './json-evidence.ts';
import { oakReport } from './oak.ts';
import { looksLikeSnpReport, parseSnpReport, SNP_REPORT_LENGTH, type SnpReport } from './report.ts';
import { snpEvidenceOfProto } from './report-proto.ts';

export interface SnpReportEvidence {
  readonly kind: 'report';
  readonly report: SnpReport;
  /** Certificates that came in the same file, DER; candidates only. */
  readonly certificates: readonly Uint8Array[];
  /** Azure's runtime data, whose hash must stand in the report data. */
  readonly runtimeData: RuntimeData | null;
  /** Parts of the file that SNP verification does not read, by name. */
  readonly unread: readonly string[];
}

/** A VCEK or VLEK without a report. */
export interface SnpKeyEvidence {
  readonly kind: 'endorsement-key';
  readonly certificate: Uint8Array;
}

export type SnpEvidence = SnpReportEvidence | SnpKeyEvidence;

/** DER of the arc 1.3.6.1.4.1.3704.1.3.8, which every VCEK and VLEK carries: the microcode level. */
const MICROCODE_OID = Uint8Array.of(0x06, 0x0a, 0x2b, 0x06, 0x01, 0x04, 0x01, 0x9c, 0x78, 0x01, 0x03, 0x08);
const RESPONSE_HEADER_LENGTH = 32; // bytes
const LARGEST_KEY_FILE = 8192; // bytes

/**
 * SNP evidence in `file`, or `null` when the file holds something else.
 * @throws {AttestationError} `snp/malformed`, `snp/certificate-table-malformed`, `snp/version-unsupported`,
 *   `snp/signature-algorithm-unsupported`.
 */
export function snpEvidenceOf(file: Uint8Array): SnpEvidence | null {
  const binary = binaryEvidence(file) ?? keyEvidence(file);
  if (binary !== null) return binary;
  const json = jsonObjectIn(file);
  if (json !== null) return jsonEvidence(json);
  const bytes = bytesOfText(file);
  return bytes === null ? null : binaryEvidence(bytes);
}

function binaryEvidence(bytes: Uint8Array): SnpEvidence | null {
  if (hclTee(bytes) === 'sev-snp') {
    const { report, runtimeData } = parseHclReport(bytes, 'snp/malformed');
    return evidenceOf(report, { runtimeData });
  }
  const response = behindResponseHeader(bytes);
  if (response !== null) return evidenceOf(response);
  if (looksLikeSnpReport(bytes)) {
    const report = bytes.subarray(0, SNP_REPORT_LENGTH);
    const after = bytes.subarray(SNP_REPORT_LENGTH);
    if (looksLikeSnpRuntimeData(after)) return headlessHcl(report, after);
    return evidenceOf(report, { certificates: allZero(after) ? [] : parseCertificateTable(after) });
  }
  const proto = snpEvidenceOfProto(bytes);
  if (proto !== null) return evidenceOf(proto.report, { certificates: proto.certificates });
  const oak = oakReport(bytes);
  return oak === null ? null : evidenceOf(oak, { unread: ['oak dice layers'] });
}

/** Azure's report cut out of its HCL blob: runtime data follows, or its header alone. */
function headlessHcl(report: Uint8Array, after: Uint8Array): SnpReportEvidence {
  if (after.length === RUNTIME_HEADER_LENGTH) return evidenceOf(report, { unread: ['header of azure runtime data'] });
  return evidenceOf(report, { runtimeData: parseRuntimeData(after, 'snp/malformed') });
}

/** MSG_REPORT_RSP (56860 §7.3): status 0, report size, 24 reserved bytes, report, perhaps padding. */
function behindResponseHeader(bytes: Uint8Array): Uint8Array | null {
  if (bytes.length < RESPONSE_HEADER_LENGTH + SNP_REPORT_LENGTH) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint32(0, true) !== 0 || view.getUint32(4, true) !== SNP_REPORT_LENGTH) return null;
  const end = RESPONSE_HEADER_LENGTH + SNP_REPORT_LENGTH;
  if (!allZero(bytes.subarray(8, RESPONSE_HEADER_LENGTH)) || !allZero(bytes.subarray(end))) return null;
  return bytes.subarray(RESPONSE_HEADER_LENGTH, end);
}

function keyEvidence(file: Uint8Array): SnpKeyEvidence | null {
  if (file.length > LARGEST_KEY_FILE || (file[0] !== 0x30 && file[0] !== 0x2d)) return null;
  let certificates: readonly Uint8Array[];
  try {
    certificates = certificatesIn(file);
  } catch {
    return null;
  }
  const [certificate, ...others] = certificates.filter((each) => contains(each, MICROCODE_OID));
  if (certificate === undefined || others.length > 0) return null;
  return { kind: 'endorsement-key', certificate };
}

function contains(bytes: Uint8Array, needle: Uint8Array): boolean {
  for (let at = bytes.indexOf(0x06); at >= 0; at = bytes.indexOf(0x06, at + 1)) {
    if (needle.every((byte, index) => bytes[at + index] === byte)) return true;
  }
  return false;
}

function jsonEvidence(object: JsonObject): SnpEvidence | null {
  const hcl = typeof object.hcl_report === 'string' ? bytesOfText(utf8(object.hcl_report)) : null;
  if (hcl !== null && hclTee(hcl) === 'sev-snp') {
    const { report, runtimeData } = parseHclReport(hcl, 'snp/malformed');
    const unread = 'tpm_quote' in object ? ['tpm_quote'] : [];
    return evidenceOf(report, { runtimeData, certificates: certificatesOfJson(object.vcek, 'vcek'), unread });
  }
  const found = snpJsonEvidence(object);
  const inner = found === null ? null : binaryEvidence(found.report);
  if (found === null || inner?.kind !== 'report') return null;
  const { certificates, unread } = found;
  return { ...inner, certificates: [...inner.certificates, ...certificates], unread: [...inner.unread, ...unread] };
}

function evidenceOf(report: Uint8Array, rest: Partial<Omit<SnpReportEvidence, 'kind' | 'report'>> = {}): SnpReportEvidence {
  return { kind: 'report', report: parseSnpReport(report), certificates: [], runtimeData: null, unread: [], ...rest };
}
