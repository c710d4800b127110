/**
 * The report blob of Azure's paravisor (HCL): header, hardware report, runtime data. The guest reads it from a vTPM NV index;
 * the runtime data names the vTPM's attestation key and is hashed into the hardware report's data.
 * Source: Microsoft, "Guest attestation for confidential VMs", and OpenHCL `openhcl_attestation_protocol` igvm_attest.
 *
 * Not checked here: that the hash in the report is the hash of the runtime data; the verifier does.
 */

import { ByteReader } from '@assay/encoding/reader';
import { AttestationError } from '../../errors.ts';
import { reading } from '../reading.ts';
import { SNP_REPORT_LENGTH } from './report.ts';

/** "HCLA", little-endian. */
const HCL_SIGNATURE = 0x414c4348;
const HEADER_LENGTH = 32; // bytes
/** Five little-endian words before the runtime data, bytes. */
export const AZURE_RUNTIME_HEADER_LENGTH = 20;
/** `report_type` of an SNP report; 4 is TDX. */
const SNP_REPORT_TYPE = 2;

export type RuntimeHash = 'SHA-256' | 'SHA-384' | 'SHA-512';
const HASHES: ReadonlyMap<number, RuntimeHash> = new Map([
  [1, 'SHA-256'],
  [2, 'SHA-384'],
  [3, 'SHA-512'],
]);

export interface AzureRuntimeData {
  readonly hash: RuntimeHash;
  /** Exact bytes that were hashed: a JSON object. */
  readonly bytes: Uint8Array;
}

export interface AzureHclReport {
  /** The hardware report, 1184 bytes. */
  readonly report: Uint8Array;
  readonly runtimeData: AzureRuntimeData;
}

/** True when `bytes` begin with the HCL header and hold an SNP report rather than a TDX one. */
export function looksLikeAzureHcl(bytes: Uint8Array): boolean {
  if (bytes.length < HEADER_LENGTH + SNP_REPORT_LENGTH + 20) return false;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return (
    view.getUint32(0, true) === HCL_SIGNATURE && view.getUint32(HEADER_LENGTH + SNP_REPORT_LENGTH + 8, true) === SNP_REPORT_TYPE
  );
}

/**
 * Splits an HCL report.
 * @throws {AttestationError} `snp/malformed`.
 */
export function parseAzureHcl(bytes: Uint8Array): AzureHclReport {
  return reading('snp/malformed', 'azure hcl report', () => {
    const reader = new ByteReader(bytes, 'azure hcl report');
    if (reader.u32le() !== HCL_SIGNATURE)
      throw new AttestationError('snp/malformed', 'expected the hcl header, got other bytes');
    reader.skip(HEADER_LENGTH - 4);
    const report = reader.bytes(SNP_REPORT_LENGTH);
    return { report, runtimeData: runtimeDataAt(reader) };
  });
}

/** True when `bytes` begin with the header of runtime data for an SNP report: its own size, version, report type, hash type, size. */
export function looksLikeAzureRuntimeData(bytes: Uint8Array): boolean {
  if (bytes.length < AZURE_RUNTIME_HEADER_LENGTH) return false;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const [size, version, type, hash, length] = [0, 4, 8, 12, 16].map((offset) => view.getUint32(offset, true));
  return (
    version === 1 &&
    type === SNP_REPORT_TYPE &&
    HASHES.has(hash as number) &&
    size === (length as number) + AZURE_RUNTIME_HEADER_LENGTH
  );
}

/**
 * Runtime data with its header, perhaps zero-padded.
 * @throws {AttestationError} `snp/malformed`.
 */
export function parseAzureRuntimeData(bytes: Uint8Array): AzureRuntimeData {
  return reading('snp/malformed', 'azure runtime data', () => runtimeDataAt(new ByteReader(bytes, 'azure runtime data')));
}

function runtimeDataAt(reader: ByteReader): AzureRuntimeData {
  reader.skip(12);
  const hash = HASHES.get(reader.u32le());
  if (hash === undefined) {
    throw new AttestationError('snp/malformed', 'expected hash type 1, 2 or 3 in the hcl runtime data, got another');
  }
  return { hash, bytes: reader.bytes(reader.u32le()) };
}
