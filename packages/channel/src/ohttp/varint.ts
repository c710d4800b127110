/** QUIC variable-length integers (RFC 9000 §16), as Binary HTTP and chunked OHTTP use them. */

import { ChannelError } from '../errors.ts';

/** Shortest form of `value`, 0 to 2^53 − 1. */
export function encodeVarint(value: number): Uint8Array {
  if (value < 0x40) return Uint8Array.of(value);
  if (value < 0x4000) return Uint8Array.of(0x40 | (value >> 8), value & 0xff);
  const bytes = new Uint8Array(value < 0x4000_0000 ? 4 : 8);
  const view = new DataView(bytes.buffer);
  if (bytes.length === 4) view.setUint32(0, (0x8000_0000 | value) >>> 0);
  else view.setBigUint64(0, 0xc000_0000_0000_0000n | BigInt(value));
  return bytes;
}

/**
 * The integer at `offset` and the offset behind it, or `null` when `bytes` ends inside it.
 * @throws {ChannelError} `channel/message-malformed` for 2^53 and more.
 */
export function decodeVarint(bytes: Uint8Array, offset: number): { readonly value: number; readonly next: number } | null {
  const first = bytes[offset];
  if (first === undefined) return null;
  const length = 1 << (first >> 6);
  if (offset + length > bytes.length) return null;
  let value = first & 0x3f;
  for (let index = 1; index < length; index += 1) value = value * 256 + (bytes[offset + index] ?? 0);
  if (value > Number.MAX_SAFE_INTEGER) throw new ChannelError('channel/message-malformed', 'expected a length below 2^53');
  return { value, next: offset + length };
}
