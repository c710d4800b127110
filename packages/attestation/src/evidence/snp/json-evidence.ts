/**
 * SNP evidence in JSON:
 * - configfs-tsm (`provider`, `outblob`, `auxblob`);
 * - a report as text (`attestation_report`, `report`, `raw`, `evidence`, …) with certificates beside it, as CCF nodes, Azure container
 *   groups, attestation-rs and automata's tools write it;
 * - a report spelled out field by field, alone or as CoCo's `attestation_report` with its `cert_chain`.
 *
 * Not checked here: anything but shape; certificates are candidates. Azure's vTPM evidence is evidence/azure.
 */

import { utf8 } from '@assay/encoding/bytes';
import { type Json, type JsonObject, parseJson } from '@assay/encoding/json';
import { AttestationError } from '../../errors.ts';
import { bytesOfJson, bytesOfText, reading } from '../reading.ts';
import { certificatesIn, parseCertificateTable } from './certificate-table.ts';
import { looksLikeSnpReport, SNP_REPORT_LENGTH } from './report.ts';
import { looksLikeSnpReportJson, snpReportOfJson } from './report-json.ts';

export interface SnpJsonEvidence {
  /** 1184 bytes, perhaps with a certificate table or padding behind. */
  readonly report: Uint8Array;
  /** DER. */
  readonly certificates: readonly Uint8Array[];
  /** Members that nothing here reads, by name. */
  readonly unread: readonly string[];
}

const REPORT_NAMES = ['attestation_report', 'attestationReport', 'snp_report', 'snpReport', 'report', 'raw', 'evidence'];
const CERTIFICATE_NAMES = [
  ...['cert_chain', 'certChain', 'certs', 'certificates', 'endorsements', 'vek_cert', 'vcek_cert', 'vlek_cert'],
  ...['vcek', 'vlek', 'ask', 'asvk', 'ark', 'certificate_chain'],
];
const UNREAD_NAMES = ['uvm_endorsements', 'cc_eventlog'];
/** Certificates in one file; a chain has three. */
const MAX_CERTIFICATES = 32;

/**
 * SNP evidence in a JSON object, or `null` when it is something else.
 * @throws {AttestationError} `snp/malformed`, `snp/certificate-table-malformed`.
 */
export function snpJsonEvidence(object: JsonObject): SnpJsonEvidence | null {
  if (typeof object.outblob === 'string') return tsmEvidence(object, object.outblob);
  const report = looksLikeSnpReportJson(object) ? snpReportOfJson(object) : namedReport(object);
  if (report === null) return null;
  const certificates = CERTIFICATE_NAMES.flatMap((name) => certificatesOfJson(object[name], name));
  if (certificates.length > MAX_CERTIFICATES) {
    throw new AttestationError(
      'snp/malformed',
      `expected at most ${MAX_CERTIFICATES} certificates, got ${certificates.length}`,
    );
  }
  return { report, certificates, unread: UNREAD_NAMES.filter((name) => object[name] !== undefined && object[name] !== null) };
}

function namedReport(object: JsonObject): Uint8Array | null {
  for (const name of REPORT_NAMES) {
    const value = object[name];
    if (looksLikeSnpReportJson(value)) return snpReportOfJson(value);
    const bytes = value === undefined ? null : bytesOfJson(value);
    if (bytes !== null && bytes.length >= SNP_REPORT_LENGTH && looksLikeSnpReport(bytes)) return bytes;
  }
  return null;
}

/** configfs-tsm, as the Linux kernel's /sys/kernel/config/tsm/report shows it. */
function tsmEvidence(object: JsonObject, outblob: string): SnpJsonEvidence | null {
  const { provider, auxblob: table } = object;
  const report = bytesOfText(utf8(outblob));
  if (typeof provider !== 'string' || provider.trim() !== 'sev_guest' || report === null) return null;
  const bytes = typeof table === 'string' && table !== '' ? bytesOfText(utf8(table)) : new Uint8Array(0);
  if (bytes === null) throw new AttestationError('snp/malformed', 'expected base64 or hex in "auxblob", got other text');
  return { report, certificates: bytes.length === 0 ? [] : parseCertificateTable(bytes), unread: [] };
}

/** Text, a list of bytes, `{cert_type, data}`, or any list or object of these. */
export function certificatesOfJson(value: Json | undefined, name: string): readonly Uint8Array[] {
  if (value === undefined || value === null || value === '') return [];
  if (typeof value === 'string') return certificatesOfText(value);
  const list = bytesOfJson(value);
  if (list !== null) return reading('snp/malformed', `certificate in "${name}"`, () => certificatesIn(list));
  if (typeof value !== 'object') return [];
  if (Array.isArray(value))
    return (value as readonly Json[]).slice(0, MAX_CERTIFICATES).flatMap((each) => certificatesOfJson(each, name));
  const { cert_type: type, data, ...others } = value as JsonObject;
  if (type !== undefined && data !== undefined) return certificatesOfJson(data, name);
  return Object.values(others)
    .slice(0, MAX_CERTIFICATES)
    .flatMap((each) => (typeof each === 'string' || Array.isArray(each) ? certificatesOfJson(each, name) : []));
}

/** PEM as it is, or base64 or hex of PEM, DER or Azure's THIM JSON. */
function certificatesOfText(text: string): readonly Uint8Array[] {
  return reading('snp/malformed', 'certificate beside the report', () => {
    if (text.includes('-----BEGIN')) return certificatesIn(utf8(text.trimStart()));
    const bytes = bytesOfText(utf8(text)) ?? new Uint8Array(0);
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
