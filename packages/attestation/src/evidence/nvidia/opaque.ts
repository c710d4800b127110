/**
 * NVIDIA's fields in the opaque data of a MEASUREMENTS response: type, length, value. They are signed by the device.
 * Source: NVIDIA nvtrust local GPU verifier and attestation-sdk (names, numbers and readings of the fields).
 *
 * Unknown types are kept as bytes. Not checked here: agreement with the device certificate.
 */

import { encodeHex } from '@assay/encoding/hex';
import { ByteReader } from '@assay/encoding/reader';
import { AttestationError } from '../../errors.ts';
import { reading } from '../reading.ts';

/** Field types this verifier reads. */
export const OPAQUE = {
  driverVersion: 3,
  vbiosVersion: 6,
  nvdec0Status: 11,
  boardId: 14,
  chipSku: 15,
  project: 17,
  projectSku: 18,
  firmwareId: 20,
  protectedPcie: 21,
  pdi: 22,
  position: 24,
  lockStatus: 25,
  switchGpuPdis: 26,
  dataVersion: 34,
  chip: 35,
  featureFlag: 36,
} as const;

/** Status byte of an engine that is off; 0xaa is on. */
export const STATUS_DISABLED = 0x55;

export type OpaqueFields = ReadonlyMap<number, Uint8Array>;

/**
 * Fields of opaque data by type.
 * @throws {AttestationError} `nvidia/opaque-malformed` for truncated or repeated fields, `nvidia/version-unsupported`.
 */
export function parseOpaque(bytes: Uint8Array): OpaqueFields {
  return reading('nvidia/opaque-malformed', 'opaque data', () => {
    refuseVersioned(bytes);
    const reader = new ByteReader(bytes, 'opaque data');
    const fields = new Map<number, Uint8Array>();
    while (reader.remaining > 0) {
      const type = reader.u16le();
      if (fields.has(type)) {
        throw new AttestationError('nvidia/opaque-malformed', `expected each opaque field once, got type ${type} again`);
      }
      fields.set(type, reader.bytes(reader.u16le()));
    }
    return fields;
  });
}

/** Drivers from CUDA 13.5 on may write a header of magic, profile and version first (NVIDIA Opaque Data Format). */
function refuseVersioned(bytes: Uint8Array): void {
  if (bytes.length < VERSIONED_HEADER || String.fromCharCode(...bytes.subarray(0, 6)) !== 'NVDAOD') return;
  const version = [...bytes.subarray(8, 11)].join('.');
  throw new AttestationError(
    'nvidia/version-unsupported',
    `expected opaque data without a header, got versioned data ${version}; a newer driver needs a newer verifier`,
    { details: { version } },
  );
}

const VERSIONED_HEADER = 12; // bytes

/** Text of a field up to its first zero byte; `null` when it is absent, empty or not printable ASCII. */
export function opaqueText(fields: OpaqueFields, type: number): string | null {
  const value = fields.get(type);
  if (value === undefined) return null;
  const end = value.indexOf(0);
  const text = String.fromCharCode(...value.subarray(0, Math.min(end < 0 ? value.length : end, 64)));
  return /^[\x21-\x7e]+$/.test(text) ? text : null;
}

/**
 * VBIOS version as NVIDIA writes it, e.g. `96.00.5E.00.01`. GPUs pack it into 8 bytes: the low four hold the first four numbers,
 * the fifth byte the last one. Switches send text.
 */
export function vbiosVersion(fields: OpaqueFields, kind: 'gpu' | 'switch'): string | null {
  if (kind === 'switch') return opaqueText(fields, OPAQUE.vbiosVersion)?.toUpperCase() ?? null;
  const value = fields.get(OPAQUE.vbiosVersion);
  if (value === undefined || value.length !== 8) return null;
  const packed = Uint8Array.of(...value.subarray(0, 4).toReversed(), value[4] as number);
  return (encodeHex(packed).toUpperCase().match(/../g) ?? []).join('.');
}

/** How the GPU shares the machine: single passthrough, multiple passthrough, protected PCIe; `null` when it does not say. */
export function featureMode(fields: OpaqueFields): string | null {
  const value = fields.get(OPAQUE.featureFlag);
  if (value === undefined || value.length === 0 || value.length > 8) return null;
  const number = value.reduceRight((sum, byte) => sum * 256 + byte, 0);
  return ['spt', 'mpt', 'ppcie'][number] ?? `unknown-${number}`;
}
