/**
 * JSON files that carry a quote: configfs-tsm (`provider` and `outblob`, as Linux shows /sys/kernel/config/tsm/report) and Azure's
 * quote with its HCL report (`td_quote`, `hcl_report`); with a vTPM quote they are evidence/azure. Azure's paravisor puts the hash of its runtime data, which names the
 * vTPM's attestation key, into the report data.
 * Sources: Linux ABI/testing/configfs-tsm-report; Microsoft, "Guest attestation for confidential VMs".
 * Not checked here: that hash, which the verifier compares; a vTPM quote is named in `unread`, not verified.
 */

import { AttestationError } from '../../errors.ts';
import { hclTee, parseHclReport, type RuntimeData } from '../hcl-report.ts';
import { bytesOfBase64, jsonObjectIn } from '../reading.ts';

export interface QuoteEnvelope {
  readonly quote: Uint8Array;
  readonly runtimeData: RuntimeData | null;
  /** Members of the file that nothing here reads, by name. */
  readonly unread: readonly string[];
}

const TSM_PROVIDERS = ['tdx_guest', 'sgx_guest'];

/**
 * The quote inside a JSON file, or `null` when the file is something else.
 * @throws {AttestationError} `dcap/quote-malformed` when the file is one of these and broken.
 */
export function openQuoteEnvelope(file: Uint8Array): QuoteEnvelope | null {
  const object = jsonObjectIn(file);
  if (object === null) return null;
  const { provider, outblob, td_quote: tdQuote, hcl_report: hclReport } = object;
  if (typeof provider === 'string' && typeof outblob === 'string' && TSM_PROVIDERS.includes(provider.trim())) {
    return { quote: required(outblob, 'outblob'), runtimeData: null, unread: [] };
  }
  if (typeof tdQuote !== 'string' || typeof hclReport !== 'string') return null;
  return {
    quote: required(tdQuote, 'td_quote'),
    runtimeData: runtimeDataOf(required(hclReport, 'hcl_report')),
    unread: 'tpm_quote' in object ? ['tpm_quote'] : [],
  };
}

function runtimeDataOf(hcl: Uint8Array): RuntimeData {
  if (hclTee(hcl) !== 'tdx') throw malformed('expected an HCL report of a TD in "hcl_report", got another');
  return parseHclReport(hcl, 'dcap/quote-malformed').runtimeData;
}

function required(text: string, name: string): Uint8Array {
  const bytes = bytesOfBase64(text.replace(/\s+/g, ''));
  if (bytes === null) throw malformed(`expected base64 in "${name}", got other text`);
  return bytes;
}

function malformed(message: string): AttestationError {
  return new AttestationError('dcap/quote-malformed', `${message}; capture the evidence again`);
}
