/**
 * CBOR (RFC 8949) for signed evidence. Reading: definite lengths and shortest integers by default, unique map keys,
 * valid UTF-8, bounded depth and item count, no trailing bytes. Writing: core deterministic encoding (§4.2.1).
 * Not supported: simple values other than false, true, null, undefined; map keys other than text, bytes and integers.
 */

import { compareBytes, decodeUtf8, joinBytes, utf8 } from './bytes.ts';
import { EncodingError, type EncodingErrorCode } from './errors.ts';
import { encodeHex } from './hex.ts';

/** A tagged item (§3.4). */
export class CborTag {
  readonly tag: number;
  readonly value: CborValue;

  constructor(tag: number, value: CborValue) {
    this.tag = tag;
    this.value = value;
  }
}

/** Integers below −(2^53 − 1) and above 2^53 − 1 are `bigint`. Floats are `number`; one of whole value is written again as an integer. */
export type CborValue =
  | number
  | bigint
  | string
  | boolean
  | null
  | undefined
  | Uint8Array
  | CborValue[]
  | Map<CborValue, CborValue>
  | CborTag;

export interface DecodeCborOptions {
  /** Accept indefinite-length strings, arrays and maps (§3.2), which some signers write. */
  readonly allowIndefinite?: boolean;
  /** Accept integers and lengths written longer than needed. */
  readonly allowLongForms?: boolean;
  /** Levels of nesting; default: 32. */
  readonly maxDepth?: number;
  /** Items in all; default: 100 000. */
  readonly maxItems?: number;
}

const BREAK = Symbol('break');
/** Map keys are of major type 0 and 1 (integers), 2 (bytes) and 3 (text). */
const KEY_MAJOR_TYPES = 3;

/**
 * The one item that fills `bytes`. Byte strings are views.
 * @throws {EncodingError} `cbor/malformed`, `cbor/duplicate-key`, `cbor/limit`, `cbor/unsupported`, `cbor/trailing-bytes`.
 * @example decodeCbor(Uint8Array.of(0x83, 1, 2, 3)) // [1, 2, 3]
 */
export function decodeCbor(bytes: Uint8Array, options: DecodeCborOptions = {}): CborValue {
  const decoder = new Decoder(bytes, options);
  const value = decoder.item(options.maxDepth ?? 32);
  if (value === BREAK) throw error('cbor/malformed', 'expected an item, got a break');
  if (decoder.offset !== bytes.length) {
    throw error('cbor/trailing-bytes', `expected one cbor item, got ${bytes.length - decoder.offset} bytes after it`);
  }
  return value;
}

class Decoder {
  offset = 0;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #indefinite: boolean;
  readonly #longForms: boolean;
  #itemsLeft: number;

  constructor(bytes: Uint8Array, options: DecodeCborOptions) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#indefinite = options.allowIndefinite ?? false;
    this.#longForms = options.allowLongForms ?? false;
    this.#itemsLeft = options.maxItems ?? 100_000;
  }

  item(depth: number): CborValue | typeof BREAK {
    if (depth < 0) throw error('cbor/limit', 'expected less nesting, got cbor deeper than allowed');
    if (--this.#itemsLeft < 0) throw error('cbor/limit', 'expected fewer items, got more cbor items than allowed');
    const initial = this.#take(1)[0] as number;
    const major = initial >> 5;
    const minor = initial & 31;
    if (major === 7) return this.#simpleOrFloat(minor);
    const argument = this.#argument(major, minor);
    switch (major) {
      case 0:
        return narrow(argument ?? 0);
      case 1:
        return narrow(-1n - BigInt(argument ?? 0));
      case 2:
        return argument === null ? joinBytes(this.#chunks(2)) : this.#take(count(argument));
      case 3:
        return argument === null ? this.#chunks(3).map(decodeUtf8).join('') : decodeUtf8(this.#take(count(argument)));
      case 4:
        return this.#array(argument, depth);
      case 5:
        return this.#map(argument, depth);
      default: {
        if (typeof argument !== 'number') throw error('cbor/unsupported', 'expected a small tag number, got a huge one');
        return new CborTag(argument, this.#value(depth - 1));
      }
    }
  }

  /** The argument of the initial byte (§3), `null` for an indefinite length. */
  #argument(major: number, minor: number): number | bigint | null {
    if (minor < 24) return minor;
    if (minor === 31) {
      if (major < 2 || major === 6) throw error('cbor/malformed', 'expected a number, got an indefinite length');
      if (!this.#indefinite) throw error('cbor/malformed', 'expected a definite length, got an indefinite one');
      return null;
    }
    if (minor > 27) throw error('cbor/malformed', `expected additional information up to 27, got ${minor}`);
    const size = 1 << (minor - 24);
    const at = this.offset;
    this.#take(size);
    const view = this.#view;
    const value =
      size === 1
        ? view.getUint8(at)
        : size === 2
          ? view.getUint16(at)
          : size === 4
            ? view.getUint32(at)
            : view.getBigUint64(at);
    const least = size === 1 ? 24 : size === 2 ? 0x100 : size === 4 ? 0x1_0000 : 0x1_0000_0000;
    if (value < least && !this.#longForms)
      throw error('cbor/malformed', 'expected the shortest form of a number, got a longer one');
    return typeof value === 'bigint' && value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value;
  }

  #simpleOrFloat(minor: number): CborValue | typeof BREAK {
    switch (minor) {
      case 20:
        return false;
      case 21:
        return true;
      case 22:
        return null;
      case 23:
        return undefined;
      case 25: {
        this.#take(2);
        return halfToNumber(this.#view.getUint16(this.offset - 2));
      }
      case 26: {
        this.#take(4);
        return this.#view.getFloat32(this.offset - 4);
      }
      case 27: {
        this.#take(8);
        return this.#view.getFloat64(this.offset - 8);
      }
      case 31: {
        if (this.#indefinite) return BREAK;
        throw error('cbor/malformed', 'expected an item, got a break');
      }
      default:
        throw error('cbor/unsupported', `expected false, true, null, undefined or a float, got simple value ${minor}`);
    }
  }

  #chunks(major: number): Uint8Array[] {
    const chunks: Uint8Array[] = [];
    for (;;) {
      if (--this.#itemsLeft < 0) throw error('cbor/limit', 'expected fewer items, got more cbor items than allowed');
      const initial = this.#take(1)[0] as number;
      if (initial === 0xff) return chunks;
      if (initial >> 5 !== major) throw error('cbor/malformed', 'expected a chunk of the same string type, got another item');
      const length = this.#argument(major, initial & 31);
      if (length === null) throw error('cbor/malformed', 'expected a definite chunk, got an indefinite one');
      chunks.push(this.#take(count(length)));
    }
  }

  #array(length: number | bigint | null, depth: number): CborValue[] {
    const out: CborValue[] = [];
    if (length !== null) {
      const members = count(length);
      for (let i = 0; i < members; i++) out.push(this.#value(depth - 1));
      return out;
    }
    for (let item = this.item(depth - 1); item !== BREAK; item = this.item(depth - 1)) out.push(item);
    return out;
  }

  #map(length: number | bigint | null, depth: number): Map<CborValue, CborValue> {
    const out = new Map<CborValue, CborValue>();
    const seen = new Set<string>();
    const members = length === null ? Number.POSITIVE_INFINITY : count(length);
    for (let i = 0; i < members; i++) {
      const major = (this.#bytes[this.offset] ?? 0xff) >> 5;
      const key = length === null ? this.item(depth - 1) : this.#value(depth - 1);
      if (key === BREAK) break;
      // By the type that was written: a float of whole value comes back as the same number as an integer, and is no key.
      if (major > KEY_MAJOR_TYPES) throw keyRefused();
      const identity = keyIdentity(key);
      if (seen.has(identity)) throw error('cbor/duplicate-key', 'expected unique map keys, got one twice');
      seen.add(identity);
      out.set(key, this.#value(depth - 1));
    }
    return out;
  }

  #value(depth: number): CborValue {
    const value = this.item(depth);
    if (value === BREAK) throw error('cbor/malformed', 'expected an item, got a break');
    return value;
  }

  #take(length: number): Uint8Array {
    const left = this.#bytes.length - this.offset;
    if (length > left) throw error('cbor/malformed', `expected ${length} more bytes, got ${left}; the input is truncated`);
    const start = this.offset;
    this.offset += length;
    return this.#bytes.subarray(start, this.offset);
  }
}

function keyIdentity(key: CborValue): string {
  if (typeof key === 'string') return `t${key}`;
  if (typeof key === 'bigint' || Number.isInteger(key)) return `i${key}`;
  if (key instanceof Uint8Array) return `b${encodeHex(key)}`;
  throw keyRefused();
}

function keyRefused(): EncodingError {
  return error('cbor/unsupported', 'expected a map key of text, bytes or an integer, got another type');
}

function count(length: number | bigint): number {
  if (typeof length === 'bigint') throw error('cbor/malformed', 'expected a length within the input, got a huge one');
  return length;
}

function narrow(value: number | bigint): number | bigint {
  const asNumber = Number(value);
  return Number.isSafeInteger(asNumber) ? asNumber : value;
}

function halfToNumber(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 31;
  const fraction = half & 0x3ff;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15));
}

/**
 * Core deterministic encoding of `value` (§4.2.1): shortest numbers, keys sorted by their encoded bytes.
 * @throws {EncodingError} `cbor/unencodable` for integers beyond 64 bits, functions, or nesting beyond 64 levels.
 * @example encodeCbor([1, 'a']) // Uint8Array [0x82, 0x01, 0x61, 0x61]
 */
export function encodeCbor(value: CborValue): Uint8Array<ArrayBuffer> {
  const parts: Uint8Array[] = [];
  write(value, parts, 64);
  return joinBytes(parts);
}

function write(value: CborValue, parts: Uint8Array[], depth: number): void {
  if (depth < 0) throw error('cbor/unencodable', 'expected at most 64 levels of nesting, got more');
  if (value === false) parts.push(Uint8Array.of(0xf4));
  else if (value === true) parts.push(Uint8Array.of(0xf5));
  else if (value === null) parts.push(Uint8Array.of(0xf6));
  else if (value === undefined) parts.push(Uint8Array.of(0xf7));
  else if (typeof value === 'number')
    parts.push(Number.isSafeInteger(value) && !Object.is(value, -0) ? integer(BigInt(value)) : float(value));
  else if (typeof value === 'bigint') parts.push(integer(value));
  else if (typeof value === 'string') {
    const text = utf8(value);
    parts.push(head(3, BigInt(text.length)), text);
  } else if (value instanceof Uint8Array) parts.push(head(2, BigInt(value.length)), value);
  else if (Array.isArray(value)) {
    parts.push(head(4, BigInt(value.length)));
    for (const member of value) write(member, parts, depth - 1);
  } else if (value instanceof Map) {
    const entries = [...value].map(([key, member]) => ({ key: encodeCbor(key), member }));
    entries.sort((a, b) => compareBytes(a.key, b.key));
    parts.push(head(5, BigInt(entries.length)));
    for (const { key, member } of entries) {
      parts.push(key);
      write(member, parts, depth - 1);
    }
  } else if (value instanceof CborTag) {
    parts.push(head(6, BigInt(value.tag)));
    write(value.value, parts, depth - 1);
  } else throw error('cbor/unencodable', `expected a cbor value, got ${typeof value}`);
}

function integer(value: bigint): Uint8Array {
  return value >= 0n ? head(0, value) : head(1, -1n - value);
}

function head(major: number, argument: bigint): Uint8Array {
  const top = major << 5;
  if (argument < 0n || argument >= 1n << 64n) throw error('cbor/unencodable', 'expected an integer of at most 64 bits');
  if (argument < 24n) return Uint8Array.of(top | Number(argument));
  const size = argument < 0x100n ? 1 : argument < 0x1_0000n ? 2 : argument < 0x1_0000_0000n ? 4 : 8;
  const out = new Uint8Array(1 + size);
  out[0] = top | (24 + Math.log2(size));
  for (let i = size, rest = argument; i > 0; i--, rest >>= 8n) out[i] = Number(rest & 0xffn);
  return out;
}

/** The shortest float that keeps the value (§4.2.2). */
function float(value: number): Uint8Array {
  if (Number.isNaN(value)) return Uint8Array.of(0xf9, 0x7e, 0x00);
  const out = new DataView(new ArrayBuffer(9));
  if (Math.fround(value) !== value) {
    out.setUint8(0, 0xfb);
    out.setFloat64(1, value);
    return new Uint8Array(out.buffer);
  }
  const half = numberToHalf(value);
  if (half !== null) return Uint8Array.of(0xf9, half >> 8, half & 0xff);
  out.setUint8(0, 0xfa);
  out.setFloat32(1, value);
  return new Uint8Array(out.buffer, 0, 5);
}

function numberToHalf(value: number): number | null {
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const magnitude = Math.abs(value);
  if (magnitude === Number.POSITIVE_INFINITY) return sign | 0x7c00;
  if (magnitude < 2 ** -14) {
    const steps = magnitude / 2 ** -24;
    return Number.isInteger(steps) ? sign | steps : null;
  }
  const exponent = Math.floor(Math.log2(magnitude));
  const fraction = (magnitude / 2 ** exponent - 1) * 1024;
  return exponent <= 15 && Number.isInteger(fraction) ? sign | ((exponent + 15) << 10) | fraction : null;
}

function error(code: EncodingErrorCode, message: string): EncodingError {
  return new EncodingError(code, message);
}
