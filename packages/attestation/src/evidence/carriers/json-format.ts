/**
 * Protocol Buffers' JSON form (ProtoJSON), written again as the binary message: names in lowerCamelCase or as in the schema, bytes in
 * base64, 64-bit integers as text. A message with a name that the schema has not is another message.
 */

import { joinBytes } from '@assay/encoding/bytes';
import type { Json, JsonObject } from '@assay/encoding/json';
import { bytesOfBase64 } from '../reading.ts';
import { encodeProtobufBytes, encodeProtobufInteger } from './protobuf.ts';
import type { ProtobufSchema } from './text-format.ts';

const MAX_DEPTH = 16;

/** The binary message that `json` spells out, `null` when it is no message of this schema. */
export function jsonFormatMessage(json: JsonObject, schema: ProtobufSchema, depth = MAX_DEPTH): Uint8Array | null {
  if (depth === 0) return null;
  const parts: Uint8Array[] = [];
  for (const [name, value] of Object.entries(json)) {
    const field = fieldOf(schema, name);
    if (field === null) return null;
    for (const each of Array.isArray(value) ? (value as readonly Json[]) : [value]) {
      const part = fieldBytes(field, each, depth);
      if (part === null) return null;
      parts.push(part);
    }
  }
  return parts.length === 0 ? null : joinBytes(parts);
}

function fieldOf(schema: ProtobufSchema, name: string): ProtobufSchema[string] | null {
  const original = name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  return Object.hasOwn(schema, original) ? (schema[original] ?? null) : null;
}

function fieldBytes([number, type]: ProtobufSchema[string], value: Json, depth: number): Uint8Array | null {
  if (typeof type === 'object') {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return null;
    const message = jsonFormatMessage(value as JsonObject, type, depth - 1);
    return message === null ? null : encodeProtobufBytes(number, message);
  }
  if (type === 'bytes') {
    const bytes = typeof value === 'string' ? bytesOfBase64(value) : null;
    return bytes === null ? null : encodeProtobufBytes(number, bytes);
  }
  const integer = typeof value === 'string' && /^\d{1,20}$/.test(value) ? BigInt(value) : value;
  if (typeof integer === 'bigint') return encodeProtobufInteger(number, integer);
  return typeof integer === 'number' && Number.isSafeInteger(integer) && integer >= 0
    ? encodeProtobufInteger(number, BigInt(integer))
    : null;
}
