/**
 * How SNP evidence lies in files. Recognised, in this order:
 * - a report of 1184 bytes, alone, zero-padded, behind the 32-byte MSG_REPORT_RSP header, or followed by a certificate table;
 * - Azure's HCL report; Project Oak's Evidence message; hex or base64 of any of these;
 * - JSON: configfs-tsm (`provider`, `outblob`, `auxblob`), CoCo's Azure vTPM evidence (`hcl_report`, `vcek`), CCF node quotes and
 *   Azure container group reports (`raw` or `evidence`, with `endorsements`);
 * - a lone VCEK or VLEK certificate, so that its standing can be asked about; it is never evidence by itself.
 *
 * Not checked here: anything but shape. A vTPM quote that rides along is named in `unread`, not judged.
 */

import { utf8 } from '@assay/encoding/bytes';
import { type Json, type JsonObject, parseJson } from '@assay/encoding/json';
import { AttestationError } from '../../errors.ts';
import { allZero, bytesOfBase64, bytesOfText, reading } from '../reading.ts';
import { type AzureRuntimeData, looksLikeAzureHcl, parseAzureHcl } from './azure-hcl.ts';
import { certificatesIn, parseCertificateTable } from './certificate-table.ts';
import { oakReport } from './oak.ts';
import { looksLikeSnpReport, parseSnpReport, SNP_REPORT_LENGTH, type SnpReport } from './report.ts';

export interface SnpReportEvidence {
  readonly kind: 'report';
  readonly report: SnpReport;
  /** Certificates that came in the same file, DER; candidates only. */
  readonly certificates: readonly Uint8Array[];
  /** Azure's runtime data, whose hash must stand in the report data. */
  readonly runtimeData: AzureRuntimeData | null;
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
  const first = file.find((byte) => byte > 0x20);
  if (first === 0x7b) return jsonEvidence(file);
  const bytes = bytesOfText(file);
  return bytes === null ? null : binaryEvidence(bytes);
}

function binaryEvidence(bytes: Uint8Array): SnpEvidence | null {
  if (looksLikeAzureHcl(bytes)) {
    const { report, runtimeData } = parseAzureHcl(bytes);
    return evidenceOf(report, { runtimeData });
  }
  const response = behindResponseHeader(bytes);
  if (response !== null) return evidenceOf(response);
  if (looksLikeSnpReport(bytes)) {
    const after = bytes.subarray(SNP_REPORT_LENGTH);
    const certificates = allZero(after) ? [] : parseCertificateTable(after);
    return evidenceOf(bytes.subarray(0, SNP_REPORT_LENGTH), { certificates });
  }
  const oak = oakReport(bytes);
  return oak === null ? null : evidenceOf(oak, { unread: ['oak dice layers'] });
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
  const [certificate, ...others] = certificates;
  if (certificate === undefined || others.length > 0 || !contains(certificate, MICROCODE_OID)) return null;
  return { kind: 'endorsement-key', certificate };
}

function contains(bytes: Uint8Array, needle: Uint8Array): boolean {
  for (let at = bytes.indexOf(0x06); at >= 0; at = bytes.indexOf(0x06, at + 1)) {
    if (needle.every((byte, index) => bytes[at + index] === byte)) return true;
  }
  return false;
}

function jsonEvidence(file: Uint8Array): SnpEvidence | null {
  let value: Json;
  try {
    value = parseJson(file);
  } catch {
    return null;
  }
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return null;
  const object = value as JsonObject;
  if (typeof object.outblob === 'string') return tsmEvidence(object, object.outblob);
  if (typeof object.hcl_report === 'string') return azureVtpmEvidence(object, object.hcl_report);
  const raw = object.raw ?? object.evidence;
  return typeof raw === 'string' ? endorsedEvidence(object, raw) : null;
}

/** configfs-tsm, as the Linux kernel's /sys/kernel/config/tsm/report shows it. */
function tsmEvidence(object: JsonObject, outblob: string): SnpEvidence | null {
  const provider = object.provider;
  const report = bytesOfBase64(outblob);
  if (typeof provider !== 'string' || provider.trim() !== 'sev_guest' || report === null) return null;
  const table = object.auxblob;
  const bytes = typeof table === 'string' && table !== '' ? required(table, 'auxblob') : null;
  return evidenceOf(report, { certificates: bytes === null ? [] : parseCertificateTable(bytes) });
}

function azureVtpmEvidence(object: JsonObject, text: string): SnpEvidence | null {
  const hcl = required(text, 'hcl_report');
  if (!looksLikeAzureHcl(hcl)) return null;
  const { report, runtimeData } = parseAzureHcl(hcl);
  const vcek = object.vcek;
  const certificates = typeof vcek === 'string' ? certificatesOf(vcek) : [];
  return evidenceOf(report, { certificates, runtimeData, unread: 'tpm_quote' in object ? ['tpm_quote'] : [] });
}

function endorsedEvidence(object: JsonObject, text: string): SnpEvidence | null {
  const report = bytesOfText(utf8(text));
  if (report === null || report.length !== SNP_REPORT_LENGTH || !looksLikeSnpReport(report)) return null;
  const endorsements = object.endorsements;
  const certificates = typeof endorsements === 'string' ? certificatesOf(endorsements) : [];
  return evidenceOf(report, { certificates, unread: 'uvm_endorsements' in object ? ['uvm_endorsements'] : [] });
}

/** PEM as it is, or base64 of PEM, DER or Azure's THIM JSON. */
function certificatesOf(text: string): readonly Uint8Array[] {
  return reading('snp/malformed', 'certificate beside the report', () => {
    if (text.includes('-----BEGIN')) return certificatesIn(utf8(text.trimStart()));
    const bytes = bytesOfBase64(text.replace(/\s+/g, '')) ?? new Uint8Array(0);
    return bytes[0] === 0x7b ? thimCertificates(parseJson(bytes)) : certificatesIn(bytes);
  });
}

/** Certificates of Azure's THIM answer: `vcekCert` and `certificateChain`, PEM each. */
export function thimCertificates(value: Json): readonly Uint8Array[] {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return [];
  const object = value as JsonObject;
  return ['vcekCert', 'certificateChain'].flatMap((name) => {
    const pem = object[name];
    return typeof pem === 'string' ? certificatesIn(utf8(pem.trimStart())) : [];
  });
}

function required(text: string, name: string): Uint8Array {
  const bytes = bytesOfBase64(text);
  if (bytes === null) throw new AttestationError('snp/malformed', `expected base64 in "${name}", got other text`);
  return bytes;
}

function evidenceOf(report: Uint8Array, rest: Partial<Omit<SnpReportEvidence, 'kind' | 'report'>> = {}): SnpReportEvidence {
  return { kind: 'report', report: parseSnpReport(report), certificates: [], runtimeData: null, unread: [], ...rest };
}
