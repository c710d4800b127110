/**
 * SNP evidence as google/go-sev-guest serialises it: a Protocol Buffers `Attestation` whose report is written out field by field,
 * with the certificates beside it.
 * Source: google/go-sev-guest, proto/sevsnp.proto (Attestation, Report, CertificateChain).
 * Not checked here: anything about the values. `product` and other hints of the message are left out: anyone can write them.
 */

import { AttestationError } from '../../errors.ts';
import { type ProtobufField, protobufFields } from '../carriers/protobuf.ts';
import type { ProtobufSchema } from '../carriers/text-format.ts';
import { allZero } from '../reading.ts';
import { composeSnpReport, SNP_BYTE_FIELDS, type SnpByteField, type SnpIntegerField } from './report-fields.ts';

const REPORT = 1;
const CERTIFICATE_CHAIN = 2;
/** Fields of CertificateChain that hold certificates, DER: VCEK, ASK, ARK, VLEK. */
const CERTIFICATES = [1, 2, 3, 6];

const INTEGER_FIELDS: ReadonlyMap<number, SnpIntegerField> = new Map([
  [1, 'version'],
  [2, 'guestSvn'],
  [3, 'policy'],
  [6, 'vmpl'],
  [7, 'signatureAlgorithm'],
  [9, 'platform'],
  [10, 'keys'],
  [21, 'currentBuild'],
  [22, 'currentMinor'],
  [23, 'currentMajor'],
  [24, 'committedBuild'],
  [25, 'committedMinor'],
  [26, 'committedMajor'],
  [30, 'launchMitigations'],
  [31, 'currentMitigations'],
]);
/** TCB_VERSION as 64-bit integers. */
const TCB_FIELDS: ReadonlyMap<number, SnpByteField> = new Map([
  [8, 'currentTcb'],
  [18, 'reportedTcb'],
  [20, 'committedTcb'],
  [27, 'launchTcb'],
]);
const BYTE_FIELDS: ReadonlyMap<number, SnpByteField> = new Map([
  [4, 'familyId'],
  [5, 'imageId'],
  [11, 'reportData'],
  [12, 'measurement'],
  [13, 'hostData'],
  [14, 'idKeyDigest'],
  [15, 'authorKeyDigest'],
  [16, 'reportId'],
  [17, 'reportIdMa'],
  [19, 'chipId'],
]);
/** Names of the message, for its text form. */
export const SNP_REPORT_SCHEMA: ProtobufSchema = {
  version: [1, 'integer'],
  guest_svn: [2, 'integer'],
  policy: [3, 'integer'],
  family_id: [4, 'bytes'],
  image_id: [5, 'bytes'],
  vmpl: [6, 'integer'],
  signature_algo: [7, 'integer'],
  current_tcb: [8, 'integer'],
  platform_info: [9, 'integer'],
  signer_info: [10, 'integer'],
  report_data: [11, 'bytes'],
  measurement: [12, 'bytes'],
  host_data: [13, 'bytes'],
  id_key_digest: [14, 'bytes'],
  author_key_digest: [15, 'bytes'],
  report_id: [16, 'bytes'],
  report_id_ma: [17, 'bytes'],
  reported_tcb: [18, 'integer'],
  chip_id: [19, 'bytes'],
  committed_tcb: [20, 'integer'],
  current_build: [21, 'integer'],
  current_minor: [22, 'integer'],
  current_major: [23, 'integer'],
  committed_build: [24, 'integer'],
  committed_minor: [25, 'integer'],
  committed_major: [26, 'integer'],
  launch_tcb: [27, 'integer'],
  signature: [28, 'bytes'],
  cpuid1eax_fms: [29, 'integer'],
  launch_mit_vector: [30, 'integer'],
  current_mit_vector: [31, 'integer'],
};
export const SNP_ATTESTATION_SCHEMA: ProtobufSchema = {
  report: [1, SNP_REPORT_SCHEMA],
  certificate_chain: [
    2,
    {
      vcek_cert: [1, 'bytes'],
      ask_cert: [2, 'bytes'],
      ark_cert: [3, 'bytes'],
      firmware_cert: [4, 'bytes'],
      vlek_cert: [6, 'bytes'],
      extras: [7, { key: [1, 'bytes'], value: [2, 'bytes'] }],
    },
  ],
  product: [3, { name: [1, 'integer'], stepping: [2, 'integer'], machine_stepping: [3, { value: [1, 'integer'] }] }],
};
const SIGNATURE = 28;
const SIGNATURE_LENGTH = 512; // bytes
const SCALAR_LENGTH = 72; // bytes
/** CPUID leaf 1 EAX, of which stepping, model and family are told. */
const CPUID_EAX = 29;

export interface SnpProtoEvidence {
  /** 1184 bytes. */
  readonly report: Uint8Array;
  /** DER. */
  readonly certificates: readonly Uint8Array[];
}

/**
 * The report and certificates of an `Attestation` (or a bare `Report`) message, `null` when `bytes` are something else.
 * @throws {AttestationError} `snp/malformed` for such a message with broken fields.
 * @example snpEvidenceOfProto(file)?.report
 */
export function snpEvidenceOfProto(bytes: Uint8Array): SnpProtoEvidence | null {
  const fields = protobufFields(bytes);
  if (fields === null) return null;
  if (isReport(fields)) return { report: reportOf(fields), certificates: [] };
  const inner = protobufFields(messageOf(fields, REPORT));
  if (inner === null || !isReport(inner)) return null;
  const chain = protobufFields(messageOf(fields, CERTIFICATE_CHAIN)) ?? [];
  return {
    report: reportOf(inner),
    certificates: chain.flatMap(({ number, bytes: der }) => (CERTIFICATES.includes(number) && der.length > 0 ? [der] : [])),
  };
}

function messageOf(fields: readonly ProtobufField[], wanted: number): Uint8Array {
  return fields.find(({ number }) => number === wanted)?.bytes ?? new Uint8Array(0);
}

/** A version and a signature of the right length: no other message has both. */
function isReport(fields: readonly ProtobufField[]): boolean {
  return (
    fields.some(({ number, integer }) => number === 1 && integer !== null) &&
    messageOf(fields, SIGNATURE).length === SIGNATURE_LENGTH
  );
}

function reportOf(fields: readonly ProtobufField[]): Uint8Array {
  const integers: Partial<Record<SnpIntegerField, bigint>> = {};
  const bytes = Object.fromEntries(SNP_BYTE_FIELDS.map((name) => [name, new Uint8Array(0)])) as Record<
    SnpByteField,
    Uint8Array
  >;
  for (const name of TCB_FIELDS.values()) bytes[name] = new Uint8Array(8);
  for (const { number, integer, bytes: content } of fields) {
    const [integerName, tcbName, bytesName] = [INTEGER_FIELDS.get(number), TCB_FIELDS.get(number), BYTE_FIELDS.get(number)];
    if (integerName !== undefined && integer !== null) integers[integerName] = integer;
    else if (tcbName !== undefined && integer !== null) bytes[tcbName] = littleEndian(integer);
    else if (bytesName !== undefined && integer === null) bytes[bytesName] = content;
    else if (number === CPUID_EAX && integer !== null) Object.assign(integers, cpuidOf(Number(integer & 0xffffffffn)));
  }
  const signature = messageOf(fields, SIGNATURE);
  if (!allZero(signature.subarray(2 * SCALAR_LENGTH)))
    throw new AttestationError(
      'snp/malformed',
      'expected zeros after r and s in the signature, got others; the report was altered',
    );
  bytes.r = signature.subarray(0, SCALAR_LENGTH);
  bytes.s = signature.subarray(SCALAR_LENGTH, 2 * SCALAR_LENGTH);
  return composeSnpReport({ integers, bytes });
}

function cpuidOf(eax: number): Readonly<Partial<Record<SnpIntegerField, bigint>>> {
  const field = (shift: number, bits: number): number => (eax >>> shift) & (2 ** bits - 1);
  return {
    cpuidFamily: BigInt(field(8, 4) + field(20, 8)) & 0xffn,
    cpuidModel: BigInt(field(16, 4) * 16 + field(4, 4)),
    cpuidStepping: BigInt(field(0, 4)),
  };
}

function littleEndian(value: bigint): Uint8Array {
  const out = new Uint8Array(8);
  new DataView(out.buffer).setBigUint64(0, value, true);
  return out;
}
