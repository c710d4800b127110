/**
 * A GET_MEASUREMENTS request and its MEASUREMENTS response, as NVIDIA devices answer them: bytes → fields. The device signs the
 * request followed by the response without its last 96 bytes.
 * Source: DMTF DSP0274 SPDM 1.1.0 §10.11 (tables 34 to 38), with ECDSA P-384 and SHA-384.
 *
 * Every length must account for every byte; after the signature only zero bytes may follow (NVML hands out padded buffers).
 * Not checked here: the signature.
 */

import { ByteReader } from '@assay/encoding/reader';
import { AttestationError } from '../../errors.ts';
import { allZero, reading } from '../reading.ts';

const VERSION_1_1 = 0x11;
const GET_MEASUREMENTS = 0xe0;
const MEASUREMENTS = 0x60;
/** Request with a nonce and a slot id, bytes. */
export const SPDM_REQUEST_LENGTH = 37;
const NONCE_LENGTH = 32; // bytes
const SIGNATURE_LENGTH = 96; // bytes, r then s
/** `MeasurementSpecification` of a block: DMTF. */
const DMTF = 1;

export interface SpdmMeasurement {
  /** 1 to 254. NVIDIA's reference manifests count from 0: their index i is SPDM index i + 1. */
  readonly index: number;
  /** DMTFSpecMeasurementValueType; bit 7 marks a raw value rather than a digest. */
  readonly type: number;
  readonly value: Uint8Array;
}

export interface SpdmEvidence {
  /** Request and response up to the signature: what the device signed. */
  readonly signed: Uint8Array;
  /** ECDSA P-384: r then s, big-endian, 96 bytes. */
  readonly signature: Uint8Array;
  /** Chosen by who asked, 32 bytes. */
  readonly requestNonce: Uint8Array;
  /** Chosen by the device, 32 bytes. */
  readonly responseNonce: Uint8Array;
  readonly slot: number;
  readonly measurements: readonly SpdmMeasurement[];
  /** Vendor data; opaque.ts reads it. */
  readonly opaque: Uint8Array;
  /** Number of zero bytes after the signature. */
  readonly padding: number;
}

/** True when `bytes` begin with an SPDM 1.1 GET_MEASUREMENTS request. */
export function looksLikeSpdm(bytes: Uint8Array): boolean {
  return bytes.length > SPDM_REQUEST_LENGTH && bytes[0] === VERSION_1_1 && bytes[1] === GET_MEASUREMENTS;
}

/**
 * Fields of request ‖ response.
 * @throws {AttestationError} `nvidia/spdm-malformed`, `nvidia/version-unsupported`.
 * @example parseSpdm(bytes).measurements.length // 64 on a Hopper GPU
 */
export function parseSpdm(bytes: Uint8Array): SpdmEvidence {
  return reading('nvidia/spdm-malformed', 'spdm measurement exchange', () => {
    const reader = new ByteReader(bytes, 'spdm measurement exchange');
    expectVersion(reader.u8());
    expectByte(reader, GET_MEASUREMENTS, 'request code');
    if ((reader.u8() & 1) !== 1) throw malformed('expected a request that asks for a signature, got one that does not');
    reader.skip(1);
    const requestNonce = reader.bytes(NONCE_LENGTH);
    const slot = reader.u8();
    expectByte(reader, VERSION_1_1, 'response version');
    expectByte(reader, MEASUREMENTS, 'response code');
    reader.skip(2);
    const blocks = reader.u8();
    const recordLength = reader.u16le() + reader.u8() * 0x10000;
    const measurements = readBlocks(reader.bytes(recordLength), blocks);
    const responseNonce = reader.bytes(NONCE_LENGTH);
    const opaque = reader.bytes(reader.u16le());
    const signed = bytes.subarray(0, reader.offset);
    const signature = reader.bytes(SIGNATURE_LENGTH);
    const rest = reader.rest();
    if (!allZero(rest)) throw malformed(`expected the end after the signature, got ${rest.length} more bytes`);
    return { signed, signature, requestNonce, responseNonce, slot, measurements, opaque, padding: rest.length };
  });
}

function readBlocks(record: Uint8Array, count: number): readonly SpdmMeasurement[] {
  const reader = new ByteReader(record, 'measurement record');
  const seen = new Set<number>();
  const measurements: SpdmMeasurement[] = [];
  for (let block = 0; block < count; block++) {
    const index = reader.u8();
    expectByte(reader, DMTF, 'measurement specification');
    const size = reader.u16le();
    const type = reader.u8();
    const length = reader.u16le();
    if (length + 3 !== size) throw malformed(`expected a value of ${size - 3} bytes in block ${index}, got ${length}`);
    if (index === 0 || seen.has(index)) throw malformed(`expected measurement indexes once each from 1, got ${index} again`);
    seen.add(index);
    measurements.push({ index, type, value: reader.bytes(length) });
  }
  reader.end();
  return measurements;
}

/** Newer minor versions have other layouts: nothing of them is guessed. */
function expectVersion(version: number): void {
  if (version >> 4 === VERSION_1_1 >> 4 && version > VERSION_1_1) {
    throw new AttestationError(
      'nvidia/version-unsupported',
      `expected SPDM version 0x11, got 0x${version.toString(16)}; a newer device needs a newer verifier`,
      { details: { version } },
    );
  }
  if (version !== VERSION_1_1) throw malformed(`expected request version 0x11, got 0x${version.toString(16)}`);
}

function expectByte(reader: ByteReader, wanted: number, what: string): void {
  const got = reader.u8();
  if (got !== wanted) throw malformed(`expected ${what} 0x${wanted.toString(16)}, got 0x${got.toString(16)}`);
}

function malformed(message: string): AttestationError {
  return new AttestationError('nvidia/spdm-malformed', message);
}
