/**
 * ATTESTATION_REPORT of AMD SEV-SNP, versions 2 to 5: 1184 bytes → fields.
 * Source: AMD SEV Secure Nested Paging Firmware ABI Specification 56860, revision 1.58, §7.3.
 *
 * Bytes that must be zero and carry no signature (after r and s, above their 384 bits) are enforced; reserved bytes that are
 * signed are only reported, because later firmware may give them a meaning. Not checked here: the signature and who made it.
 */

import { ByteReader } from '@assay/encoding/reader';
import { AttestationError } from '../../errors.ts';
import { allZero, reading } from '../reading.ts';
import type { SnpCpuid } from './product.ts';

/** Length of a report, bytes. */
export const SNP_REPORT_LENGTH = 1184;
/** The first bytes of a report, which its signature covers. */
export const SNP_SIGNED_LENGTH = 0x2a0;
/** Length of r and of s in the signature field, little-endian, bytes; 48 of them can be non-zero. */
const SCALAR_LENGTH = 72;
const P384_LENGTH = 48;
/** SIGNATURE_ALGO of ECDSA P-384 with SHA-384. */
const ECDSA_P384_SHA384 = 1;
/** VMPL of a report that the host asked for. */
const HOST_REQUESTED = 0xffffffff;

/** Guest policy: what the owner allowed at launch (§4.3). */
export interface SnpPolicy {
  readonly abiMinor: number;
  readonly abiMajor: number;
  readonly smtAllowed: boolean;
  /** Bit 17 must be one. */
  readonly reservedOne: boolean;
  readonly migrationAgentAllowed: boolean;
  /** The host may read guest memory. */
  readonly debugAllowed: boolean;
  readonly singleSocketRequired: boolean;
  readonly cxlAllowed: boolean;
  readonly memoryAes256XtsRequired: boolean;
  readonly raplDisableRequired: boolean;
  readonly ciphertextHidingRequired: boolean;
  readonly pageSwapDisabled: boolean;
  /** Bits 26 to 63, zero in every published revision. */
  readonly reserved: bigint;
}

/** Platform state at the time of the report (§7.3, PLATFORM_INFO). */
export interface SnpPlatform {
  readonly smtEnabled: boolean;
  readonly tsmeEnabled: boolean;
  readonly eccEnabled: boolean;
  readonly raplDisabled: boolean;
  readonly ciphertextHidingEnabled: boolean;
  /** The firmware looked for aliased memory and found none (BadRAM). */
  readonly aliasCheckComplete: boolean;
  readonly tioEnabled: boolean;
}

export type SnpSigningKey = 'vcek' | 'vlek' | 'none';

export interface SnpVersion {
  readonly major: number;
  readonly minor: number;
  readonly build: number;
}

export interface SnpReport {
  /** All 1184 bytes. Byte fields below are views into them. */
  readonly bytes: Uint8Array;
  readonly version: 2 | 3 | 4 | 5;
  readonly guestSvn: number;
  readonly policyBits: bigint;
  readonly policy: SnpPolicy;
  /** 16 bytes each. */
  readonly familyId: Uint8Array;
  readonly imageId: Uint8Array;
  /** Privilege level that asked for the report, 0 to 3; 0xffffffff when the host asked. */
  readonly vmpl: number;
  readonly platformBits: bigint;
  readonly platform: SnpPlatform;
  readonly authorKeyEnabled: boolean;
  readonly chipKeyMasked: boolean;
  readonly signingKey: SnpSigningKey;
  /** 64 bytes chosen by the guest. */
  readonly reportData: Uint8Array;
  /** 48 bytes: SHA-384 of the launch. */
  readonly measurement: Uint8Array;
  /** 32 bytes chosen by the host. */
  readonly hostData: Uint8Array;
  /** 48 bytes each. */
  readonly idKeyDigest: Uint8Array;
  readonly authorKeyDigest: Uint8Array;
  /** 32 bytes each. */
  readonly reportId: Uint8Array;
  readonly reportIdMa: Uint8Array;
  /** `null` before version 3. */
  readonly cpuid: SnpCpuid | null;
  /** 64 bytes; all zero when the host masks it. */
  readonly chipId: Uint8Array;
  /** TCB_VERSION, 8 bytes each; tcb.ts reads them once the product is known. */
  readonly currentTcb: Uint8Array;
  readonly reportedTcb: Uint8Array;
  readonly committedTcb: Uint8Array;
  readonly launchTcb: Uint8Array;
  readonly currentVersion: SnpVersion;
  readonly committedVersion: SnpVersion;
  /** Bit vectors of firmware mitigations; zero before version 5. */
  readonly launchMitigations: bigint;
  readonly currentMitigations: bigint;
  /** True when a signed byte or policy bit that the specification reserves is not as it says. */
  readonly reservedInUse: boolean;
  /** The bytes under the signature, 672. */
  readonly signed: Uint8Array;
  /** ECDSA P-384: r then s, big-endian, 96 bytes. */
  readonly signature: Uint8Array;
}

/** True when `bytes` begin like a report: a small version and signature algorithm, and a privilege level or the host's mark. */
export function looksLikeSnpReport(bytes: Uint8Array): boolean {
  if (bytes.length < SNP_REPORT_LENGTH) return false;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const [version, vmpl, algorithm] = [0x00, 0x30, 0x34].map((offset) => view.getUint32(offset, true));
  if (version === undefined || vmpl === undefined || algorithm === undefined) return false;
  return version >= 1 && version <= 15 && (vmpl <= 15 || vmpl === HOST_REQUESTED) && algorithm <= 1;
}

/**
 * Fields of a report.
 * @param bytes exactly 1184 bytes.
 * @throws {AttestationError} `snp/malformed`, `snp/version-unsupported`, `snp/signature-algorithm-unsupported`.
 * @example parseSnpReport(bytes).measurement
 */
export function parseSnpReport(bytes: Uint8Array): SnpReport {
  if (bytes.length !== SNP_REPORT_LENGTH) {
    throw malformed(`expected ${SNP_REPORT_LENGTH} bytes, got ${bytes.length}; the report is truncated or padded`);
  }
  return reading('snp/malformed', 'snp report', () => readReport(bytes));
}

function readReport(bytes: Uint8Array): SnpReport {
  const reader = new ByteReader(bytes, 'snp report');
  const version = knownVersion(reader.u32le());
  const guestSvn = reader.u32le();
  const policyBits = reader.u64le();
  const familyId = reader.bytes(16);
  const imageId = reader.bytes(16);
  const vmpl = reader.u32le();
  const algorithm = reader.u32le();
  if (algorithm !== ECDSA_P384_SHA384) {
    throw new AttestationError(
      'snp/signature-algorithm-unsupported',
      `expected signature algorithm 1 (ecdsa p-384 with sha-384), got ${algorithm}; the report is unsigned or corrupt`,
      { details: { algorithm } },
    );
  }
  const currentTcb = reader.bytes(8);
  const platformBits = reader.u64le();
  const keyBits = reader.u32le();
  const signer = signerOf(keyBits);
  const reservedA = reader.bytes(4);
  const reportData = reader.bytes(64);
  const measurement = reader.bytes(48);
  const hostData = reader.bytes(32);
  const idKeyDigest = reader.bytes(48);
  const authorKeyDigest = reader.bytes(48);
  const reportId = reader.bytes(32);
  const reportIdMa = reader.bytes(32);
  const reportedTcb = reader.bytes(8);
  const [family = 0, model = 0, stepping = 0] = reader.bytes(3);
  const reservedB = reader.bytes(21);
  const chipId = reader.bytes(64);
  const committedTcb = reader.bytes(8);
  const currentVersion = versionOf(reader.bytes(4));
  const committedVersion = versionOf(reader.bytes(4));
  const launchTcb = reader.bytes(8);
  const launchMitigations = reader.u64le();
  const currentMitigations = reader.u64le();
  const reservedC = reader.bytes(SNP_SIGNED_LENGTH - reader.offset);
  const signature = signatureOf(reader.bytes(SNP_REPORT_LENGTH - SNP_SIGNED_LENGTH));
  reader.end();
  const policy = policyOf(policyBits);
  const reserved = [reservedA, reservedB, bytes.subarray(0x1eb, 0x1ec), bytes.subarray(0x1ef, 0x1f0), reservedC];
  if (version < 3) reserved.push(bytes.subarray(0x188, 0x18b));
  if (version < 5) reserved.push(bytes.subarray(0x1f8, 0x208));
  return {
    bytes,
    version,
    guestSvn,
    policyBits,
    policy,
    familyId,
    imageId,
    vmpl,
    platformBits,
    platform: platformOf(platformBits),
    ...signer,
    reportData,
    measurement,
    hostData,
    idKeyDigest,
    authorKeyDigest,
    reportId,
    reportIdMa,
    cpuid: version >= 3 ? { family, model, stepping } : null,
    chipId,
    currentTcb,
    reportedTcb,
    committedTcb,
    launchTcb,
    currentVersion,
    committedVersion,
    launchMitigations,
    currentMitigations,
    reservedInUse: !reserved.every(allZero) || keyBits >>> 5 !== 0 || !policy.reservedOne || policy.reserved !== 0n,
    signed: bytes.subarray(0, SNP_SIGNED_LENGTH),
    signature,
  };
}

function knownVersion(version: number): SnpReport['version'] {
  if (version === 2 || version === 3 || version === 4 || version === 5) return version;
  throw new AttestationError(
    'snp/version-unsupported',
    `expected report version 2 to 5, got ${version}; newer firmware needs a newer verifier`,
    { details: { version } },
  );
}

function signerOf(bits: number): Pick<SnpReport, 'authorKeyEnabled' | 'chipKeyMasked' | 'signingKey'> {
  const key = (bits >> 2) & 7;
  const signingKey = key === 0 ? 'vcek' : key === 1 ? 'vlek' : key === 7 ? 'none' : null;
  if (signingKey === null) {
    throw new AttestationError(
      'snp/version-unsupported',
      `expected signing key 0 (vcek), 1 (vlek) or 7 (none), got ${key}; newer firmware needs a newer verifier`,
      { details: { signingKey: key } },
    );
  }
  return { authorKeyEnabled: (bits & 1) !== 0, chipKeyMasked: (bits & 2) !== 0, signingKey };
}

function policyOf(bits: bigint): SnpPolicy {
  const bit = (index: bigint): boolean => ((bits >> index) & 1n) === 1n;
  return {
    abiMinor: Number(bits & 0xffn),
    abiMajor: Number((bits >> 8n) & 0xffn),
    smtAllowed: bit(16n),
    reservedOne: bit(17n),
    migrationAgentAllowed: bit(18n),
    debugAllowed: bit(19n),
    singleSocketRequired: bit(20n),
    cxlAllowed: bit(21n),
    memoryAes256XtsRequired: bit(22n),
    raplDisableRequired: bit(23n),
    ciphertextHidingRequired: bit(24n),
    pageSwapDisabled: bit(25n),
    reserved: bits >> 26n,
  };
}

function platformOf(bits: bigint): SnpPlatform {
  const bit = (index: bigint): boolean => ((bits >> index) & 1n) === 1n;
  return {
    smtEnabled: bit(0n),
    tsmeEnabled: bit(1n),
    eccEnabled: bit(2n),
    raplDisabled: bit(3n),
    ciphertextHidingEnabled: bit(4n),
    aliasCheckComplete: bit(5n),
    tioEnabled: bit(7n),
  };
}

function versionOf(bytes: Uint8Array): SnpVersion {
  const [build = 0, minor = 0, major = 0] = bytes;
  return { major, minor, build };
}

/** r and s lie little-endian in 72 bytes each; the rest of the 512-byte field is reserved. */
function signatureOf(field: Uint8Array): Uint8Array {
  const [r, s, rest] = [
    field.subarray(0, SCALAR_LENGTH),
    field.subarray(SCALAR_LENGTH, 2 * SCALAR_LENGTH),
    field.subarray(2 * SCALAR_LENGTH),
  ];
  if (![rest, r.subarray(P384_LENGTH), s.subarray(P384_LENGTH)].every(allZero)) {
    throw malformed('expected zero bytes around the 384-bit r and s of the signature, got others; the report was altered');
  }
  const out = new Uint8Array(2 * P384_LENGTH);
  for (let i = 0; i < P384_LENGTH; i++) {
    out[P384_LENGTH - 1 - i] = r[i] as number;
    out[2 * P384_LENGTH - 1 - i] = s[i] as number;
  }
  return out;
}

function malformed(message: string): AttestationError {
  return new AttestationError('snp/malformed', message);
}
