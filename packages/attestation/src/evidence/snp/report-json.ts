/**
 * SNP reports written out field by field in JSON, as `serde` does with `AttestationReport` of the Rust crate `sev`, and as CoCo's
 * evidence and snpguest's tools carry them. Two generations of names: `key_info`, `current {major, minor, build}` and TCBs with `fmc`,
 * or `_author_key_en`, `current_major` and TCBs without. The bytes are put together again; the signature covers them.
 * Source: virtee/sev, src/firmware/guest/types/snp.rs, releases 1 to 7.
 * Not checked here: anything about the values; reserved bytes that the file spells out are put back where they belong.
 */

import type { Json, JsonObject } from '@assay/encoding/json';
import { AttestationError } from '../../errors.ts';
import { composeSnpReport, type SnpByteField, type SnpIntegerField } from './report-fields.ts';

/** First family whose TCB_VERSION begins with the FMC level. */
const ZEN5_FAMILY = 0x1a;

const INTEGER_NAMES: Readonly<Record<SnpIntegerField, readonly string[]>> = {
  version: ['version'],
  guestSvn: ['guest_svn'],
  policy: ['policy'],
  vmpl: ['vmpl'],
  signatureAlgorithm: ['sig_algo'],
  platform: ['plat_info'],
  keys: ['key_info', '_author_key_en', 'author_key_en'],
  cpuidFamily: ['cpuid_fam_id'],
  cpuidModel: ['cpuid_mod_id'],
  cpuidStepping: ['cpuid_step'],
  currentBuild: ['current.build', 'current_build'],
  currentMinor: ['current.minor', 'current_minor'],
  currentMajor: ['current.major', 'current_major'],
  committedBuild: ['committed.build', 'committed_build'],
  committedMinor: ['committed.minor', 'committed_minor'],
  committedMajor: ['committed.major', 'committed_major'],
  launchMitigations: ['launch_mit_vector'],
  currentMitigations: ['current_mit_vector'],
};

const BYTE_NAMES: Readonly<Record<Exclude<SnpByteField, `${string}Tcb`>, string>> = {
  familyId: 'family_id',
  imageId: 'image_id',
  reportData: 'report_data',
  measurement: 'measurement',
  hostData: 'host_data',
  idKeyDigest: 'id_key_digest',
  authorKeyDigest: 'author_key_digest',
  reportId: 'report_id',
  reportIdMa: 'report_id_ma',
  chipId: 'chip_id',
  r: 'signature.r',
  s: 'signature.s',
};

/** Where the older generation keeps reserved bytes, and their offset in the report. */
const RESERVED: readonly (readonly [name: string, offset: number])[] = [
  ['_reserved_0', 0x4c],
  ['_reserved_2', 0x1eb],
  ['_reserved_3', 0x1ef],
  ['signature._reserved', 0x330],
];

/** True when `value` is an object with the fields that no other evidence has together. */
export function looksLikeSnpReportJson(value: Json | undefined): value is JsonObject {
  if (!isObject(value)) return false;
  return typeof value.version === 'number' && Array.isArray(value.measurement) && isObject(value.reported_tcb);
}

/**
 * The 1184 bytes a spelled-out report stands for.
 * @throws {AttestationError} `snp/malformed`.
 * @example if (looksLikeSnpReportJson(json)) parseSnpReport(snpReportOfJson(json));
 */
export function snpReportOfJson(json: JsonObject): Uint8Array {
  const integers: Partial<Record<SnpIntegerField, bigint>> = {};
  for (const [field, names] of Object.entries(INTEGER_NAMES) as readonly [SnpIntegerField, readonly string[]][]) {
    const value = names.map((name) => member(json, name)).find((each) => each !== undefined && each !== null);
    if (value !== undefined && value !== null) integers[field] = integer(value, names[0] ?? field);
  }
  const zen5 = Number(integers.cpuidFamily ?? 0n) >= ZEN5_FAMILY;
  const tcb = (name: string): Uint8Array => tcbBytes(json[name], name, zen5);
  const bytes = Object.fromEntries(
    Object.entries(BYTE_NAMES).map(([field, name]) => [field, byteList(member(json, name), name)]),
  ) as Record<keyof typeof BYTE_NAMES, Uint8Array>;
  const report = composeSnpReport({
    integers,
    bytes: {
      ...bytes,
      currentTcb: tcb('current_tcb'),
      reportedTcb: tcb('reported_tcb'),
      committedTcb: tcb('committed_tcb'),
      launchTcb: tcb('launch_tcb'),
    },
  });
  for (const [name, offset] of RESERVED) putReserved(report, member(json, name), name, offset);
  const gap = byteListOrNone(json._reserved_1, '_reserved_1');
  // 24 bytes before the CPUID fields were carved out of them, 21 since.
  putReserved(report, json._reserved_1, '_reserved_1', gap?.length === 24 ? 0x188 : 0x18b);
  const tail = byteListOrNone(json._reserved_4, '_reserved_4');
  putReserved(report, json._reserved_4, '_reserved_4', 0x2a0 - (tail?.length ?? 0));
  return report;
}

function putReserved(report: Uint8Array, value: Json | undefined, name: string, offset: number): void {
  if (typeof value === 'number') {
    if (value !== 0) throw malformed(`expected zero as ${name}, got ${value}`);
    return;
  }
  const bytes = byteListOrNone(value, name);
  if (bytes === null) return;
  if (offset < 0x188 || offset + bytes.length > report.length)
    throw malformed(`expected fewer bytes as ${name}, got ${bytes.length}`);
  for (const [at, byte] of bytes.entries()) if (byte !== 0) report[offset + at] = byte;
}

function tcbBytes(value: Json | undefined, name: string, zen5: boolean): Uint8Array {
  if (!isObject(value)) throw malformed(`expected levels as ${name}, got none`);
  const [fmc, bootloader, tee, snp, microcode] = ['fmc', 'bootloader', 'tee', 'snp', 'microcode'].map((level) => {
    const number = value[level] ?? 0;
    if (typeof number !== 'number' || !Number.isInteger(number) || number < 0 || number > 255)
      throw malformed(`expected a level from 0 to 255 as ${name}.${level}, got another value`);
    return number;
  }) as [number, number, number, number, number];
  const out =
    zen5 || typeof value.fmc === 'number'
      ? [fmc, bootloader, tee, snp, 0, 0, 0, microcode]
      : [bootloader, tee, 0, 0, 0, 0, snp, microcode];
  const reserved = byteListOrNone(value._reserved, `${name}._reserved`);
  if (reserved !== null && (reserved.length > 4 || reserved.some((byte) => byte !== 0)))
    throw malformed(`expected zeros as ${name}._reserved, got others`);
  return Uint8Array.from(out);
}

/** `a.b` is the member `b` of the member `a`. */
function member(json: JsonObject, path: string): Json | undefined {
  const [head = '', tail] = path.split('.');
  const value = json[head];
  if (tail === undefined) return value;
  return isObject(value) ? value[tail] : undefined;
}

function integer(value: Json, name: string): bigint {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return BigInt(value);
  throw malformed(`expected a whole number that json keeps exactly as ${name}, got another value`);
}

function byteList(value: Json | undefined, name: string): Uint8Array {
  const bytes = byteListOrNone(value, name);
  if (bytes === null) throw malformed(`expected a list of bytes as ${name}, got none`);
  return bytes;
}

function byteListOrNone(value: Json | undefined, name: string): Uint8Array | null {
  if (!Array.isArray(value)) return null;
  const list = value as readonly Json[];
  if (!list.every((byte) => typeof byte === 'number' && Number.isInteger(byte) && byte >= 0 && byte <= 255))
    throw malformed(`expected bytes from 0 to 255 as ${name}, got another value`);
  return Uint8Array.from(list as readonly number[]);
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function malformed(message: string): AttestationError {
  return new AttestationError('snp/malformed', message);
}
