/**
 * ATTESTATION_REPORT from its fields, for carriers that spell it out instead of shipping the 1184 bytes. Whatever a carrier left out
 * or changed gives other bytes, and then the chip's signature does not fit: nothing is believed by being written here.
 * Source: AMD SEV-SNP Firmware ABI 56860, revision 1.58, §7.3 (offsets) and §2.2 (TCB_VERSION).
 */

import { AttestationError } from '../../errors.ts';
import { SNP_REPORT_LENGTH } from './report.ts';

/** Offset and length of every integer of the report, little-endian, bytes. */
const INTEGERS = {
  version: [0x00, 4],
  guestSvn: [0x04, 4],
  policy: [0x08, 8],
  vmpl: [0x30, 4],
  signatureAlgorithm: [0x34, 4],
  platform: [0x40, 8],
  keys: [0x48, 4],
  cpuidFamily: [0x188, 1],
  cpuidModel: [0x189, 1],
  cpuidStepping: [0x18a, 1],
  currentBuild: [0x1e8, 1],
  currentMinor: [0x1e9, 1],
  currentMajor: [0x1ea, 1],
  committedBuild: [0x1ec, 1],
  committedMinor: [0x1ed, 1],
  committedMajor: [0x1ee, 1],
  launchMitigations: [0x1f8, 8],
  currentMitigations: [0x200, 8],
} as const satisfies Readonly<Record<string, readonly [number, number]>>;

/** Offset and length of every byte field, bytes. */
const BYTES = {
  familyId: [0x10, 16],
  imageId: [0x20, 16],
  currentTcb: [0x38, 8],
  reportData: [0x50, 64],
  measurement: [0x90, 48],
  hostData: [0xc0, 32],
  idKeyDigest: [0xe0, 48],
  authorKeyDigest: [0x110, 48],
  reportId: [0x140, 32],
  reportIdMa: [0x160, 32],
  reportedTcb: [0x180, 8],
  chipId: [0x1a0, 64],
  committedTcb: [0x1e0, 8],
  launchTcb: [0x1f0, 8],
  r: [0x2a0, 72],
  s: [0x2e8, 72],
} as const satisfies Readonly<Record<string, readonly [number, number]>>;

export type SnpIntegerField = keyof typeof INTEGERS;
export type SnpByteField = keyof typeof BYTES;
export const SNP_BYTE_FIELDS = Object.keys(BYTES) as readonly SnpByteField[];

export interface SnpReportFields {
  /** Those left out are zero. */
  readonly integers: Readonly<Partial<Record<SnpIntegerField, bigint>>>;
  readonly bytes: Readonly<Record<SnpByteField, Uint8Array>>;
}

/**
 * The report that these fields make, 1184 bytes.
 * @throws {AttestationError} `snp/malformed` for a field that does not fit its place.
 * @example parseSnpReport(composeSnpReport({ integers: { version: 2n }, bytes }))
 */
export function composeSnpReport({ integers, bytes }: SnpReportFields): Uint8Array {
  const report = new Uint8Array(SNP_REPORT_LENGTH);
  for (const [name, value] of Object.entries(integers) as readonly [SnpIntegerField, bigint][]) {
    const [offset, length] = INTEGERS[name];
    if (value < 0n || value >> BigInt(8 * length) !== 0n) throw misfit(name, `an integer of ${length} bytes`, String(value));
    for (let at = 0; at < length; at++) report[offset + at] = Number((value >> BigInt(8 * at)) & 0xffn);
  }
  for (const name of SNP_BYTE_FIELDS) {
    const [offset, length] = BYTES[name];
    const value = bytes[name];
    if (value.length !== length) throw misfit(name, `${length} bytes`, String(value.length));
    report.set(value, offset);
  }
  return report;
}

function misfit(name: string, expected: string, got: string): AttestationError {
  return new AttestationError('snp/malformed', `expected ${expected} as ${name} of the spelled-out report, got ${got}`);
}
