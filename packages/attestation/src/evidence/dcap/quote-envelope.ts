/**
 * JSON files that carry a quote: configfs-tsm (`provider` and `outblob`, as Linux shows /sys/kernel/config/tsm/report) and Azure's
 * quote with its HCL report (`td_quote`, `hcl_report`); with a vTPM quote they are evidence/azure. Azure's paravisor puts the hash of its runtime data, which names the
 * vTPM's attestation key, into the report data.
 * Sources: Linux ABI/testing/configfs-tsm-report; Microsoft, "Guest attestation for confidential VMs".
 * Not checked here: that hash, which the verifier compares; a vTPM quote is named in `unread`, not judged.
 */

import { EncodingError } from '@assay/encoding/errors';
import { type Json, type JsonObject, parseJson } from '@assay/encoding/json';
import { ByteReader } from '@assay/encoding/reader';
import { AttestationError } from '../../errors.ts';
import { bytesOfBase64 } from '../reading.ts';

/** Bytes whose hash must stand in the report data. */
export interface RuntimeData {
  readonly hash: 'sha256' | 'sha384' | 'sha512';
  /** A JSON object, exact bytes. */
  readonly bytes: Uint8Array;
}

export interface QuoteEnvelope {
  readonly quote: Uint8Array;
  readonly runtimeData: RuntimeData | null;
  /** Members of the file that nothing here reads, by name. */
  readonly unread: readonly string[];
}

const TSM_PROVIDERS = ['tdx_guest', 'sgx_guest'];
/** "HCLA", little endian. */
const HCL_SIGNATURE = 0x414c4348;
/** Header, then room for the hardware report, bytes. */
const HCL_RUNTIME_OFFSET = 32 + 1184;
const HCL_TDX_REPORT = 4;
const HCL_HASHES: ReadonlyMap<number, RuntimeData['hash']> = new Map([
  [1, 'sha256'],
  [2, 'sha384'],
  [3, 'sha512'],
]);

/**
 * The quote inside a JSON file, or `null` when the file is something else.
 * @throws {AttestationError} `dcap/quote-malformed` when the file is one of these and broken.
 */
export function openQuoteEnvelope(file: Uint8Array): QuoteEnvelope | null {
  if (file.find((byte) => byte > 0x20) !== 0x7b) return null;
  const object = readObject(file);
  if (object === null) return null;
  const { provider, outblob, td_quote: tdQuote, hcl_report: hclReport } = object;
  if (typeof provider === 'string' && typeof outblob === 'string' && TSM_PROVIDERS.includes(provider.trim())) {
    return { quote: required(outblob, 'outblob'), runtimeData: null, unread: [] };
  }
  if (typeof tdQuote !== 'string' || typeof hclReport !== 'string') return null;
  return {
    quote: required(tdQuote, 'td_quote'),
    runtimeData: tdRuntimeData(required(hclReport, 'hcl_report')),
    unread: 'tpm_quote' in object ? ['tpm_quote'] : [],
  };
}

function readObject(file: Uint8Array): JsonObject | null {
  let json: Json;
  try {
    json = parseJson(file);
  } catch {
    return null;
  }
  return typeof json === 'object' && json !== null && !Array.isArray(json) ? (json as JsonObject) : null;
}

/** True when `bytes` are an HCL report of a TD. */
export function looksLikeTdHcl(bytes: Uint8Array): boolean {
  if (bytes.length < HCL_RUNTIME_OFFSET + 20) return false;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return view.getUint32(0, true) === HCL_SIGNATURE && view.getUint32(HCL_RUNTIME_OFFSET + 8, true) === HCL_TDX_REPORT;
}

/**
 * Runtime data of a TD's HCL report.
 * @throws {AttestationError} `dcap/quote-malformed`.
 */
export function tdRuntimeData(report: Uint8Array): RuntimeData {
  try {
    const reader = new ByteReader(report, 'HCL report');
    reader.skip(HCL_RUNTIME_OFFSET + 12);
    const hash = HCL_HASHES.get(reader.u32le());
    if (!looksLikeTdHcl(report) || hash === undefined) throw malformed('expected an HCL report of a TD, got another');
    return { hash, bytes: reader.bytes(reader.u32le()) };
  } catch (error) {
    if (!EncodingError.is(error)) throw error;
    throw malformed(`expected a whole HCL report: ${error.message}`);
  }
}

function required(text: string, name: string): Uint8Array {
  const bytes = bytesOfBase64(text.replace(/\s+/g, ''));
  if (bytes === null) throw malformed(`expected base64 in "${name}", got other text`);
  return bytes;
}

function malformed(message: string): AttestationError {
  return new AttestationError('dcap/quote-malformed', `${message}; capture the evidence again`);
}
