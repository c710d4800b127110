/**
 * Evidence of Azure's confidential VMs: the hardware evidence, the paravisor's HCL report, and a quote of the vTPM. Shapes of CoCo's
 * az-snp-vtpm and az-tdx-vtpm: `{tpm_quote, hcl_report, vcek}`, `{tpm_quote, hcl_report, td_quote}` with text in hex or base64, and
 * their first version `{quote, report, vcek}` with lists of bytes.
 * An HCL report of a TD is recognised alone too: it holds no quote, only a TD report, whose MAC no other machine can check.
 * Source: confidential-containers/trustee, deps/verifier az_snp_vtpm and az_tdx_vtpm; Microsoft, "Guest attestation for confidential VMs".
 * Not checked here: signatures, hashes, whose key it is (verifier/azure).
 */

import type { JsonObject } from '@assay/encoding/json';
import { AttestationError } from '../../errors.ts';
import { looksLikeQuote } from '../dcap/quote-file.ts';
import { hclTee, parseHclReport, type RuntimeData } from '../hcl-report.ts';
import { bytesOfJson, bytesOfText, jsonObjectIn } from '../reading.ts';
import type { SnpReportEvidence } from '../snp/evidence-file.ts';
import { certificatesOfJson } from '../snp/json-evidence.ts';
import { parseSnpReport } from '../snp/report.ts';
import { type TpmQuote, tpmQuoteOfJson } from '../tpm/quote.ts';

export interface AzureSnpEvidence {
  /** With its runtime data. */
  readonly hardware: SnpReportEvidence & { readonly runtimeData: NonNullable<SnpReportEvidence['runtimeData']> };
  readonly vtpm: TpmQuote;
}

export interface AzureTdxEvidence {
  /** DCAP quote, bytes; `null` when the file holds only the HCL report. */
  readonly quote: Uint8Array | null;
  readonly runtimeData: RuntimeData;
  /** `null` when the file holds only the HCL report. */
  readonly vtpm: TpmQuote | null;
}

/**
 * An SNP report with a vTPM quote, or `null` when `file` is something else.
 * @throws {AttestationError} `snp/malformed`, `snp/version-unsupported`, `snp/signature-algorithm-unsupported`, `tpm/malformed`,
 *   `tpm/algorithm-unsupported`.
 */
export function azureSnpEvidenceOf(file: Uint8Array): AzureSnpEvidence | null {
  const parts = partsOf(file);
  if (parts === null || hclTee(parts.hcl) !== 'sev-snp') return null;
  const { report, runtimeData } = parseHclReport(parts.hcl, 'snp/malformed');
  const certificates = certificatesOfJson(parts.object.vcek, 'vcek');
  return {
    hardware: { kind: 'report', report: parseSnpReport(report), certificates, runtimeData, unread: [] },
    vtpm: parts.vtpm,
  };
}

/**
 * A TDX quote with a vTPM quote, or a TD's HCL report alone; `null` when `file` is something else.
 * @throws {AttestationError} `dcap/quote-malformed`, `tpm/malformed`, `tpm/algorithm-unsupported`.
 */
export function azureTdxEvidenceOf(file: Uint8Array): AzureTdxEvidence | null {
  const blob = hclTee(file) === 'tdx' ? file : bytesOfText(file);
  if (blob !== null && hclTee(blob) === 'tdx') return { quote: null, runtimeData: runtimeDataOf(blob), vtpm: null };
  const parts = partsOf(file);
  if (parts === null || hclTee(parts.hcl) !== 'tdx') return null;
  const { td_quote: text } = parts.object;
  const quote = text === undefined || text === null ? null : bytesOfJson(text);
  if (text !== undefined && text !== null && (quote === null || !looksLikeQuote(quote)))
    throw new AttestationError(
      'dcap/quote-malformed',
      'expected a quote in "td_quote", got other bytes; capture the evidence again',
    );
  return { quote, runtimeData: runtimeDataOf(parts.hcl), vtpm: parts.vtpm };
}

const runtimeDataOf = (hcl: Uint8Array): RuntimeData => parseHclReport(hcl, 'dcap/quote-malformed').runtimeData;

interface Parts {
  readonly object: JsonObject;
  readonly hcl: Uint8Array;
  readonly vtpm: TpmQuote;
}

function partsOf(file: Uint8Array): Parts | null {
  const object = jsonObjectIn(file);
  if (object === null) return null;
  const [report, quote] = [object.hcl_report ?? object.report, object.tpm_quote ?? object.quote];
  if (report === undefined || quote === undefined) return null;
  const hcl = bytesOfJson(report);
  const vtpm = hcl === null || hclTee(hcl) === null ? null : tpmQuoteOfJson(quote);
  return hcl === null || vtpm === null ? null : { object, hcl, vtpm };
}
