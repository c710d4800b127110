/** RLP (Ethereum Yellow Paper, appendix B), read strictly: one item, shortest lengths, nothing behind it. */

import { ContractsError } from '../errors.ts';

export type RlpItem = Uint8Array | readonly RlpItem[];

const MAX_DEPTH = 8;

/** The one item in `bytes`. @throws {ContractsError} `chain/proof-malformed`. */
export function decodeRlp(bytes: Uint8Array): RlpItem {
  const { item, end } = itemAt(bytes, 0, MAX_DEPTH);
  if (end !== bytes.length) throw malformed('nothing behind the item');
  return item;
}

/** The encoding of an item. */
export function encodeRlp(item: RlpItem): Uint8Array {
  if (item instanceof Uint8Array) {
    const [only] = item;
    return item.length === 1 && only !== undefined && only < 0x80 ? item : join([head(0x80, item.length), item]);
  }
  const body = join(item.map(encodeRlp));
  return join([head(0xc0, body.length), body]);
}

function itemAt(bytes: Uint8Array, at: number, depth: number): { readonly item: RlpItem; readonly end: number } {
  const first = bytes[at];
  if (first === undefined || depth < 0) throw malformed('a whole item');
  if (first < 0x80) return { item: bytes.subarray(at, at + 1), end: at + 1 };
  const isList = first >= 0xc0;
  const short = first - (isList ? 0xc0 : 0x80);
  const { start, length } = short < 56 ? { start: at + 1, length: short } : longLength(bytes, at, short - 55);
  const end = start + length;
  if (end > bytes.length) throw malformed('a whole item');
  if (!isList) {
    if (length === 1 && (bytes[start] ?? 0) < 0x80) throw malformed('the shortest form');
    return { item: bytes.subarray(start, end), end };
  }
  const items: RlpItem[] = [];
  for (let next = start; next < end; ) {
    const member = itemAt(bytes.subarray(0, end), next, depth - 1);
    items.push(member.item);
    next = member.end;
  }
  return { item: items, end };
}

function longLength(bytes: Uint8Array, at: number, size: number): { readonly start: number; readonly length: number } {
  let length = 0;
  if (size > 4 || bytes[at + 1] === 0) throw malformed('the shortest form');
  for (let i = 1; i <= size; i++) length = length * 256 + (bytes[at + i] ?? 0);
  if (length < 56) throw malformed('the shortest form');
  return { start: at + 1 + size, length };
}

function head(base: number, length: number): Uint8Array {
  if (length < 56) return Uint8Array.of(base + length);
  const digits: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) digits.unshift(rest % 256);
  return Uint8Array.of(base + 55 + digits.length, ...digits);
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function malformed(wanted: string): ContractsError {
  return new ContractsError('chain/proof-malformed', `expected ${wanted} in RLP, got something else; ask another RPC`);
}
