/**
 * Intel DCAP quotes, versions 3, 4 and 5, with an ECDSA-P256 attestation key: bytes → fields.
 * Sources: Intel SGX ECDSA QuoteLibReference DCAP API, appendix A.4 (v3); Intel TDX DCAP Quoting Library API,
 * appendix A.3 and A.4 (v4, v5).
 *
 * Every length field must account for every byte. After the quote only zero bytes may follow (dstack and the Linux TSM
 * interface hand out padded buffers); their number is exposed. An SGX quote may also be followed by the custom claims of Open Enclave
 * evidence, where its report data is their hash. Not checked here: signatures, vendor, certificates.
 */

import { equalBytes } from '@assay/encoding/bytes';
import { EncodingError } from '@assay/encoding/errors';
import { ByteReader } from '@assay/encoding/reader';
import { sha256 } from '@noble/hashes/sha2.js';
import { AttestationError } from '../../errors.ts';
import { ENCLAVE_REPORT_LENGTH, type EnclaveReport, parseEnclaveReport } from './enclave-report.ts';
import { parseTdReport, TD_REPORT_LENGTHS, type TdReport, type TdReportVersion } from './td-report.ts';

/** Length of the quote header, bytes. */
export const QUOTE_HEADER_LENGTH = 48;
/** Attestation key type 2: ECDSA-256 with the P-256 curve, the only one in use. */
export const ECDSA_P256_KEY_TYPE = 2;
export const TEE_TYPE_SGX = 0x00000000;
export const TEE_TYPE_TDX = 0x00000081;
/** Certification data type 5: a PEM chain of the PCK certificate, its CA and the root. */
export const PCK_CHAIN_DATA = 5;
/** Custom claims are small; hashing is bounded before anything is authenticated, bytes. */
const MAX_CUSTOM_CLAIMS = 1 << 20;
/** Certification data type 6: the QE report, wrapped around another certification data. Always outermost from v4 on. */
const QE_REPORT_DATA = 6;

export interface QuoteHeader {
  readonly version: 3 | 4 | 5;
  readonly attestationKeyType: number;
  readonly tee: 'sgx' | 'tdx';
  readonly qeSvn: number;
  readonly pceSvn: number;
  /** 16 bytes. */
  readonly qeVendorId: Uint8Array;
  /** 20 bytes; the first 16 identify the platform to its provisioning service. */
  readonly userData: Uint8Array;
}

/** What certifies the quoting enclave's key: type 5 is the PCK chain, the others refer to it. */
export interface CertificationData {
  readonly type: number;
  readonly data: Uint8Array;
}

export interface DcapQuote {
  /** The quote without padding. All byte fields are views into it. */
  readonly bytes: Uint8Array;
  /** Number of zero bytes that followed the quote. */
  readonly padding: number;
  /** Custom claims of Open Enclave evidence, which followed the quote and are hashed in its report data; `null` when there are none. */
  readonly customClaims: Uint8Array | null;
  readonly header: QuoteHeader;
  readonly body: EnclaveReport | TdReport;
  /** Header and body, as signed by the attestation key. */
  readonly signed: Uint8Array;
  /** ECDSA P-256 signature over {@link signed}: r then s, 64 bytes. */
  readonly signature: Uint8Array;
  /** Public attestation key: x then y, 64 bytes. */
  readonly attestationKey: Uint8Array;
  readonly qeReport: EnclaveReport;
  /** ECDSA P-256 signature of the PCK over the QE report: r then s, 64 bytes. */
  readonly qeReportSignature: Uint8Array;
  readonly qeAuthData: Uint8Array;
  readonly certification: CertificationData;
}

/**
 * Reads a quote.
 * @param bytes the quote, optionally followed by zero padding; kept as views, not copied.
 * @throws {AttestationError} `dcap/version-unsupported`, `dcap/key-type-unsupported`, `dcap/tee-type-unsupported`, or
 * `dcap/quote-malformed` when lengths disagree or something other than zeros follows the quote.
 * @example
 * const quote = parseQuote(bytes);
 * if (quote.body.kind === 'td') console.log(quote.body.mrTd);
 */
export function parseQuote(bytes: Uint8Array): DcapQuote {
  try {
    return readQuote(bytes);
  } catch (error) {
    if (!EncodingError.is(error)) throw error;
    throw malformed(`${error.message}; capture it again`, error);
  }
}

function readQuote(bytes: Uint8Array): DcapQuote {
  const reader = new ByteReader(bytes, 'DCAP quote');
  const header = readHeader(reader);
  const body = readBody(reader, header);
  const signed = bytes.subarray(0, reader.offset);
  const signatureData = new ByteReader(reader.bytes(reader.u32le()), 'quote signature data');
  const length = reader.offset;
  const after = reader.rest();
  const padded = after.every((byte) => byte === 0);
  if (!padded && !isHashedIn(body.reportData, after)) {
    throw malformed(`expected zero padding after ${length} bytes, got ${after.length} other bytes`);
  }
  const signature = signatureData.bytes(64);
  const attestationKey = signatureData.bytes(64);
  const report = header.version === 3 ? signatureData : enterQeReportData(signatureData);
  const qeReport = parseEnclaveReport(report.bytes(ENCLAVE_REPORT_LENGTH));
  const qeReportSignature = report.bytes(64);
  const qeAuthData = report.bytes(report.u16le());
  const certification = { type: report.u16le(), data: report.bytes(report.u32le()) };
  report.end();
  signatureData.end();
  return {
    bytes: bytes.subarray(0, length),
    padding: padded ? after.length : 0,
    customClaims: padded ? null : after,
    header,
    body,
    signed,
    signature,
    attestationKey,
    qeReport,
    qeReportSignature,
    qeAuthData,
    certification,
  };
}

/** Open Enclave: the report data is the SHA-256 of the custom claims, then zeros. */
function isHashedIn(reportData: Uint8Array, claims: Uint8Array): boolean {
  if (claims.length > MAX_CUSTOM_CLAIMS) return false;
  return equalBytes(reportData.subarray(0, 32), sha256(claims)) && reportData.subarray(32).every((byte) => byte === 0);
}

function readHeader(reader: ByteReader): QuoteHeader {
  const version = reader.u16le();
  if (version === 0 || version > PLAUSIBLE_VERSION) throw malformed(`expected a quote, got version ${version}; check the file`);
  if (version !== 3 && version !== 4 && version !== 5) {
    throw new AttestationError('dcap/version-unsupported', `expected quote version 3, 4 or 5, got ${version}; update Assay`, {
      details: { version },
    });
  }
  const attestationKeyType = reader.u16le();
  if (attestationKeyType !== ECDSA_P256_KEY_TYPE) {
    throw new AttestationError(
      'dcap/key-type-unsupported',
      `expected attestation key type 2 (ECDSA P-256), got ${attestationKeyType}; ask the platform for an ECDSA quote`,
      { details: { attestationKeyType } },
    );
  }
  const teeType = reader.u32le();
  if (teeType !== TEE_TYPE_SGX && !(teeType === TEE_TYPE_TDX && version !== 3)) {
    throw new AttestationError(
      'dcap/tee-type-unsupported',
      `expected TEE type 0x0 (SGX) or, from version 4 on, 0x81 (TDX), got 0x${teeType.toString(16)} in version ${version}`,
      { details: { teeType, version } },
    );
  }
  return {
    version,
    attestationKeyType,
    tee: teeType === TEE_TYPE_SGX ? 'sgx' : 'tdx',
    qeSvn: reader.u16le(),
    pceSvn: reader.u16le(),
    qeVendorId: reader.bytes(16),
    userData: reader.bytes(20),
  };
}

function readBody(reader: ByteReader, header: QuoteHeader): EnclaveReport | TdReport {
  if (header.version !== 5) {
    return header.tee === 'sgx'
      ? parseEnclaveReport(reader.bytes(ENCLAVE_REPORT_LENGTH))
      : parseTdReport(reader.bytes(TD_REPORT_LENGTHS['1.0']), '1.0');
  }
  const type = reader.u16le();
  const size = reader.u32le();
  const version = TD_BODY_TYPES.get(type);
  if (type === SGX_BODY_TYPE && header.tee === 'sgx' && size === ENCLAVE_REPORT_LENGTH) {
    return parseEnclaveReport(reader.bytes(size));
  }
  if (version !== undefined && header.tee === 'tdx' && size === TD_REPORT_LENGTHS[version]) {
    return parseTdReport(reader.bytes(size), version);
  }
  if (type > NEWEST_BODY_TYPE) {
    throw new AttestationError(
      'dcap/version-unsupported',
      `expected body type 1 to ${NEWEST_BODY_TYPE} in a version 5 quote, got ${type}; update Assay`,
      { details: { bodyType: type } },
    );
  }
  throw malformed(`expected a version 5 body descriptor that fits ${header.tee}, got type ${type} with ${size} bytes`);
}

/** Beyond this a version is no newer format but other bytes. */
const PLAUSIBLE_VERSION = 15;

/** Body descriptor types of version 5 quotes. */
const NEWEST_BODY_TYPE = 4;
const SGX_BODY_TYPE = 1;
const TD_BODY_TYPES: ReadonlyMap<number, TdReportVersion> = new Map([
  [2, '1.0'],
  [3, '1.5'],
  [4, '1.5-ex'],
]);

function enterQeReportData(signatureData: ByteReader): ByteReader {
  const type = signatureData.u16le();
  if (type !== QE_REPORT_DATA) {
    throw malformed(`expected certification data type 6 (QE report) around the others from version 4 on, got ${type}`);
  }
  return new ByteReader(signatureData.bytes(signatureData.u32le()), 'QE report certification data');
}

function malformed(message: string, cause?: unknown): AttestationError {
  return new AttestationError('dcap/quote-malformed', message, cause === undefined ? {} : { cause });
}
