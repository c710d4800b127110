/** MessagePack, the part that dstack's version 1 attestations use: maps with text keys, lists, text, bytes, integers, nil, booleans. */

import { decodeUtf8 } from '@assay/encoding/bytes';
import { ByteReader } from '@assay/encoding/reader';
import { AttestationError } from '../../errors.ts';

export type MessagePackValue =
  | null
  | boolean
  | number
  | string
  | Uint8Array
  | readonly MessagePackValue[]
  | ReadonlyMap<string, MessagePackValue>;

const MAX_DEPTH = 32;

/**
 * The one value in `bytes`.
 * @throws {AttestationError} `dstack/attestation-malformed`; EncodingError when the bytes end too soon or go on.
 */
export function decodeMessagePack(bytes: Uint8Array): MessagePackValue {
  const reader = new ByteReader(bytes, 'messagepack');
  const value = read(reader, 0);
  reader.end();
  return value;
}

function read(reader: ByteReader, depth: number): MessagePackValue {
  if (depth > MAX_DEPTH) throw malformed(`nesting below ${MAX_DEPTH} levels`, 'more');
  const tag = reader.u8();
  if (tag <= 0x7f) return tag;
  if (tag <= 0x8f) return map(reader, tag & 0x0f, depth);
  if (tag <= 0x9f) return list(reader, tag & 0x0f, depth);
  if (tag <= 0xbf) return decodeUtf8(reader.bytes(tag & 0x1f));
  switch (tag) {
    case 0xc0:
      return null;
    case 0xc2:
      return false;
    case 0xc3:
      return true;
    case 0xc4:
      return reader.bytes(reader.u8());
    case 0xc5:
      return reader.bytes(reader.u16be());
    case 0xc6:
      return reader.bytes(reader.u32be());
    case 0xcc:
      return reader.u8();
    case 0xcd:
      return reader.u16be();
    case 0xce:
      return reader.u32be();
    case 0xcf:
      return safeNumber(reader.u64be());
    case 0xd9:
      return decodeUtf8(reader.bytes(reader.u8()));
    case 0xda:
      return decodeUtf8(reader.bytes(reader.u16be()));
    case 0xdb:
      return decodeUtf8(reader.bytes(reader.u32be()));
    case 0xdc:
      return list(reader, reader.u16be(), depth);
    case 0xdd:
      return list(reader, reader.u32be(), depth);
    case 0xde:
      return map(reader, reader.u16be(), depth);
    case 0xdf:
      return map(reader, reader.u32be(), depth);
    default:
      throw malformed('a map, list, text, bytes or unsigned integer', `tag 0x${tag.toString(16)}`);
  }
}

function list(reader: ByteReader, count: number, depth: number): readonly MessagePackValue[] {
  if (count > reader.remaining) throw malformed('a list that fits its bytes', `${count} items`);
  return Array.from({ length: count }, () => read(reader, depth + 1));
}

function map(reader: ByteReader, count: number, depth: number): ReadonlyMap<string, MessagePackValue> {
  if (count > reader.remaining) throw malformed('a map that fits its bytes', `${count} members`);
  const members = new Map<string, MessagePackValue>();
  for (let index = 0; index < count; index++) {
    const key = read(reader, depth + 1);
    if (typeof key !== 'string' || members.has(key)) throw malformed('distinct text keys', 'another key');
    members.set(key, read(reader, depth + 1));
  }
  return members;
}

function safeNumber(value: bigint): number {
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw malformed('an integer below 2^53', 'a larger one');
  return Number(value);
}

function malformed(expected: string, actual: string): AttestationError {
  return new AttestationError('dstack/attestation-malformed', `expected ${expected}, got ${actual}`);
}
