/** SCALE (Parity's codec), the few types that dstack's version 0 attestations use. Nothing is verified here. */

import { decodeUtf8 } from '@assay/encoding/bytes';
import type { ByteReader } from '@assay/encoding/reader';
import { AttestationError } from '../../errors.ts';

const MAX_ITEMS = 4096;

/**
 * Compact integer below 2^30: mode 0, 1 or 2, in its shortest form.
 * @throws {AttestationError} `dstack/attestation-malformed`.
 */
export function scaleLength(reader: ByteReader): number {
  const first = reader.u8();
  switch (first & 3) {
    case 0:
      return first >> 2;
    case 1:
      return (first | (reader.u8() << 8)) >>> 2;
    case 2:
      return ((first | (reader.u8() << 8)) >>> 2) + reader.u16le() * 0x4000;
    default:
      throw new AttestationError('dstack/attestation-malformed', 'expected a length below 2^30, got a longer one');
  }
}

/** Byte vector. */
export function scaleBytes(reader: ByteReader): Uint8Array {
  return reader.bytes(scaleLength(reader));
}

/** UTF-8 string. */
export function scaleText(reader: ByteReader): string {
  return decodeUtf8(scaleBytes(reader));
}

/**
 * Vector of `item`.
 * @throws {AttestationError} `dstack/attestation-malformed`.
 */
export function scaleList<Item>(reader: ByteReader, item: (reader: ByteReader, index: number) => Item): readonly Item[] {
  const count = scaleLength(reader);
  if (count > MAX_ITEMS) {
    throw new AttestationError('dstack/attestation-malformed', `expected at most ${MAX_ITEMS} items, got ${count}`);
  }
  return Array.from({ length: count }, (_, index) => item(reader, index));
}
