/**
 * The report blob of Azure's paravisor (HCL): header, room for the hardware report, runtime data. The guest reads it from a vTPM NV
 * index; the runtime data names the vTPM's attestation key and is hashed into the hardware report's data. A TD's blob holds a TD report
 * in that room, whose MAC no other machine can check; its quote comes from elsewhere.
 * Source: Microsoft, "Guest attestation for confidential VMs", and OpenHCL `openhcl_attestation_protocol` igvm_attest.
 *
 * Not checked here: that the hash in the report is the hash of the runtime data (verifier/report-data.ts), nor header fields but the
 * signature, report type and hash type.
 */

import { ByteReader } from '@assay/encoding/reader';
import { AttestationError, type AttestationErrorCode } from '../errors.ts';
import { reading } from './reading.ts';

/** "HCLA", little-endian. */
const SIGNATURE = 0x414c4348;
const HEADER_LENGTH = 32; // bytes
const HARDWARE_REPORT_LENGTH = 1184; // bytes
/** Five little-endian words before the runtime data: its own size, version, report type, hash type, size of what follows; bytes. */
export const RUNTIME_HEADER_LENGTH = 20;
/** `report_type` in the runtime header. */
const REPORT_TYPES: ReadonlyMap<number, 'sev-snp' | 'tdx'> = new Map([
  [2, 'sev-snp'],
  [4, 'tdx'],
]);
/** `hash_type` in the runtime header, as WebCrypto names it. */
const HASHES: ReadonlyMap<number, RuntimeData['hash']> = new Map([
  [1, 'SHA-256'],
  [2, 'SHA-384'],
  [3, 'SHA-512'],
]);

/** Bytes whose hash must stand in the report data. */
export interface RuntimeData {
  readonly hash: 'SHA-256' | 'SHA-384' | 'SHA-512';
  /** A JSON object, exact bytes. */
  readonly bytes: Uint8Array;
}

export interface HclReport {
  /** The hardware report, 1184 bytes; a TD report fills its beginning. */
  readonly report: Uint8Array;
  readonly runtimeData: RuntimeData;
}

/** Which TEE's report `bytes` hold, when they begin as an HCL report does; `null` otherwise. */
export function hclTee(bytes: Uint8Array): 'sev-snp' | 'tdx' | null {
  const runtime = HEADER_LENGTH + HARDWARE_REPORT_LENGTH;
  if (bytes.length < runtime + RUNTIME_HEADER_LENGTH || words(bytes, 1)[0] !== SIGNATURE) return null;
  return REPORT_TYPES.get(words(bytes.subarray(runtime), 3)[2] as number) ?? null;
}

/**
 * Splits an HCL report.
 * @param code of the error for anything else.
 * @throws {AttestationError} `code`.
 * @example if (hclTee(bytes) === 'sev-snp') parseHclReport(bytes, 'snp/malformed').runtimeData.hash // 'SHA-256'
 */
export function parseHclReport(bytes: Uint8Array, code: AttestationErrorCode): HclReport {
  if (hclTee(bytes) === null) throw new AttestationError(code, 'expected an HCL report, got other bytes; capture it again');
  return {
    report: bytes.subarray(HEADER_LENGTH, HEADER_LENGTH + HARDWARE_REPORT_LENGTH),
    runtimeData: parseRuntimeData(bytes.subarray(HEADER_LENGTH + HARDWARE_REPORT_LENGTH), code),
  };
}

/** True when `bytes` begin with the header of runtime data for an SNP report, as where the report was cut out of its blob. */
export function looksLikeSnpRuntimeData(bytes: Uint8Array): boolean {
  if (bytes.length < RUNTIME_HEADER_LENGTH) return false;
  const [size = 0, version, type = 0, hash = 0, length = 0] = words(bytes, 5);
  return version === 1 && REPORT_TYPES.get(type) === 'sev-snp' && HASHES.has(hash) && size === length + RUNTIME_HEADER_LENGTH;
}

/**
 * Runtime data with its header, perhaps zero-padded.
 * @throws {AttestationError} `code`.
 */
export function parseRuntimeData(bytes: Uint8Array, code: AttestationErrorCode): RuntimeData {
  return reading(code, 'HCL report', () => {
    const reader = new ByteReader(bytes, 'HCL runtime data');
    const [, , , hashType = 0, length = 0] = Array.from({ length: 5 }, () => reader.u32le());
    const hash = HASHES.get(hashType);
    if (hash === undefined)
      throw new AttestationError(
        code,
        `expected hash type 1, 2 or 3 in the HCL runtime data, got ${hashType}; capture it again`,
      );
    return { hash, bytes: reader.bytes(length) };
  });
}

/** The first `count` little-endian 32-bit words. */
function words(bytes: Uint8Array, count: number): readonly number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: count }, (_, index) => view.getUint32(4 * index, true));
}
