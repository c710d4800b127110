/**
 * The SGX enclave report: the body of an SGX quote, and the report of the quoting enclave inside every DCAP quote.
 * Source: Intel SGX ECDSA QuoteLibReference DCAP API, appendix A.4, "Enclave Report Body" (384 bytes).
 * Not checked here: reserved bytes and attributes, which the verifier and policies verify.
 */

import { ByteReader } from '@assay/encoding/reader';

/** Length of an enclave report, bytes. */
export const ENCLAVE_REPORT_LENGTH = 384;

/** Bit 1 of ATTRIBUTES.FLAGS: the enclave can be read and written by a debugger. */
const SGX_FLAG_DEBUG = 0x02;

export interface EnclaveReport {
  readonly kind: 'enclave';
  /** The 384 bytes as signed. All byte fields below are views into them. */
  readonly raw: Uint8Array;
  /** 16 bytes. */
  readonly cpuSvn: Uint8Array;
  readonly miscSelect: number;
  /** 16 bytes. */
  readonly isvExtProdId: Uint8Array;
  /** FLAGS (8 bytes, little endian) then XFRM (8 bytes). */
  readonly attributes: Uint8Array;
  /** 32 bytes. */
  readonly mrEnclave: Uint8Array;
  /** 32 bytes. */
  readonly mrSigner: Uint8Array;
  /** 64 bytes. */
  readonly configId: Uint8Array;
  readonly isvProdId: number;
  readonly isvSvn: number;
  readonly configSvn: number;
  /** 16 bytes. */
  readonly isvFamilyId: Uint8Array;
  /** 64 bytes. */
  readonly reportData: Uint8Array;
}

/**
 * Reads an enclave report.
 * @param raw exactly {@link ENCLAVE_REPORT_LENGTH} bytes; kept as views, not copied.
 */
export function parseEnclaveReport(raw: Uint8Array): EnclaveReport {
  const reader = new ByteReader(raw, 'enclave report');
  const cpuSvn = reader.bytes(16);
  const miscSelect = reader.u32le();
  reader.skip(12);
  const isvExtProdId = reader.bytes(16);
  const attributes = reader.bytes(16);
  const mrEnclave = reader.bytes(32);
  reader.skip(32);
  const mrSigner = reader.bytes(32);
  reader.skip(32);
  const configId = reader.bytes(64);
  const isvProdId = reader.u16le();
  const isvSvn = reader.u16le();
  const configSvn = reader.u16le();
  reader.skip(42);
  const isvFamilyId = reader.bytes(16);
  const reportData = reader.bytes(64);
  reader.end();
  return {
    kind: 'enclave',
    raw,
    cpuSvn,
    miscSelect,
    isvExtProdId,
    attributes,
    mrEnclave,
    mrSigner,
    configId,
    isvProdId,
    isvSvn,
    configSvn,
    isvFamilyId,
    reportData,
  };
}

/** True when the enclave runs in debug mode (ATTRIBUTES.FLAGS bit 1). */
export function isDebugEnclave(report: EnclaveReport): boolean {
  return ((report.attributes[0] ?? 0) & SGX_FLAG_DEBUG) !== 0;
}
