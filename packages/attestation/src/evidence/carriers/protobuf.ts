/**
 * The part of Protocol Buffers that carriers of evidence use: messages of varints and length-delimited fields, in file order.
 * Source: Protocol Buffers encoding guide. Not checked here: field types and order, which the readers of a message know.
 */

import { joinBytes } from '@assay/encoding/bytes';

export interface ProtobufField {
  readonly number: number;
  /** Up to 64 bits; `null` for length-delimited fields. */
  readonly integer: bigint | null;
  /** Empty for varint fields. */
  readonly bytes: Uint8Array;
}

const VARINT = 0;
const LENGTH_DELIMITED = 2;
/** More than any message of evidence has; each takes memory. */
const MAX_FIELDS = 4096;

/**
 * Fields of a message, `null` when `bytes` are no such message.
 * @example protobufFields(bytes)?.find(({ number }) => number === 1)
 */
export function protobufFields(bytes: Uint8Array): readonly ProtobufField[] | null {
  const fields: ProtobufField[] = [];
  let offset = 0;
  const varint = (): bigint | null => {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = bytes[offset++];
      if (byte === undefined) return null;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value >> 64n === 0n ? value : null;
    }
    return null;
  };
  while (offset < bytes.length) {
    if (fields.length >= MAX_FIELDS) return null;
    const [key, value] = [varint(), varint()];
    if (key === null || value === null || key < 8n || key >> 32n !== 0n) return null;
    const [number, wire] = [Number(key >> 3n), Number(key & 7n)];
    if (wire === VARINT) fields.push({ number, integer: value, bytes: new Uint8Array(0) });
    else if (wire === LENGTH_DELIMITED) {
      if (value > BigInt(bytes.length - offset)) return null;
      const length = Number(value);
      fields.push({ number, integer: null, bytes: bytes.subarray(offset, offset + length) });
      offset += length;
    } else return null;
  }
  return fields;
}

/** The content of the first length-delimited field of this number, `null` when there is none. */
export function protobufContent(fields: readonly ProtobufField[], wanted: number): Uint8Array | null {
  return fields.find(({ number, integer }) => number === wanted && integer === null)?.bytes ?? null;
}

/** The contents of all length-delimited fields of this number, in order. */
export function protobufContents(fields: readonly ProtobufField[], wanted: number): readonly Uint8Array[] {
  return fields.filter(({ number, integer }) => number === wanted && integer === null).map(({ bytes }) => bytes);
}

/** Writes one varint field. */
export function encodeProtobufInteger(number: number, value: bigint): Uint8Array {
  return joinBytes([varintOf(BigInt(number) << 3n), varintOf(value)]);
}

/** Writes one length-delimited field. */
export function encodeProtobufBytes(number: number, content: Uint8Array): Uint8Array {
  return joinBytes([varintOf((BigInt(number) << 3n) | BigInt(LENGTH_DELIMITED)), varintOf(BigInt(content.length)), content]);
}

function varintOf(value: bigint): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80n; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
  return Uint8Array.from([...bytes, Number(rest)]);
}
