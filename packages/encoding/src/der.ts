/**
 * ASN.1 DER (ITU-T X.690 §8, §10, §11): definite minimal lengths, single-byte tags, canonical primitive forms.
 * Not checked here: the order of SET OF members, and what a structure means. Children are read on demand, each level once.
 */

import { decodeUtf8 } from './bytes.ts';
import { EncodingError } from './errors.ts';

export const DER_TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  oid: 0x06,
  enumerated: 0x0a,
  utf8String: 0x0c,
  numericString: 0x12,
  printableString: 0x13,
  ia5String: 0x16,
  utcTime: 0x17,
  generalizedTime: 0x18,
  visibleString: 0x1a,
  bmpString: 0x1e,
  sequence: 0x30,
  set: 0x31,
} as const;

const MAX_DEPTH = 32;
/** Elements that are made of one input, at most: each costs some 150 bytes and may stand for two. A list of 100,000 revoked certificates fits. */
const MAX_ELEMENTS = 500_000;

export interface DerElement {
  /** The identifier octet whole, class and constructed bit included: SEQUENCE is 0x30, `[0]` constructed is 0xa0. */
  readonly tag: number;
  readonly constructed: boolean;
  /** Identifier, length and content: what signatures cover. */
  readonly raw: Uint8Array;
  readonly content: Uint8Array;
  /** The elements inside, for constructed elements. */
  children(): readonly DerElement[];
}

export interface ReadDerOptions {
  /** Levels of nesting allowed below the element; 32 by default. */
  readonly maxDepth?: number;
  /** Elements that may be made in all; 500,000 by default. */
  readonly maxElements?: number;
}

/**
 * The one element that fills `bytes`.
 * @throws {EncodingError} `der/malformed`, `der/trailing-bytes`, and from `children()` also `der/limit` and `der/unexpected-type`.
 * @example const [tbs, algorithm, signature] = readDer(certificate).children();
 */
export function readDer(bytes: Uint8Array, options: ReadDerOptions = {}): DerElement {
  const element = readElement({ bytes, start: 0, limit: bytes.length }, options.maxDepth ?? MAX_DEPTH, {
    elements: options.maxElements ?? MAX_ELEMENTS,
  });
  if (element.end !== bytes.length) {
    throw new EncodingError('der/trailing-bytes', `expected one der element, got ${bytes.length - element.end} bytes after it`);
  }
  return element;
}

/** How many more elements may be made of one input. */
interface Left {
  elements: number;
}

class Element implements DerElement {
  readonly tag: number;
  readonly #bytes: Uint8Array;
  readonly #start: number;
  readonly #contentStart: number;
  readonly #end: number;
  readonly #depth: number;
  readonly #left: Left;
  #children: readonly DerElement[] | undefined;

  constructor({ bytes, start }: Place, { contentStart, end }: Bounds, depth: number, left: Left) {
    this.tag = bytes[start] as number;
    this.#bytes = bytes;
    this.#start = start;
    this.#contentStart = contentStart;
    this.#end = end;
    this.#depth = depth;
    this.#left = left;
  }

  get constructed(): boolean {
    return (this.tag & 0x20) !== 0;
  }

  get raw(): Uint8Array {
    return this.#bytes.subarray(this.#start, this.#end);
  }

  get content(): Uint8Array {
    return this.#bytes.subarray(this.#contentStart, this.#end);
  }

  get end(): number {
    return this.#end;
  }

  children(): readonly DerElement[] {
    if (this.#children !== undefined) return this.#children;
    if (!this.constructed) throw unexpected('a constructed element', this);
    if (this.#depth <= 0) throw new EncodingError('der/limit', 'expected less nesting, got der deeper than allowed');
    const children: DerElement[] = [];
    for (let offset = this.#contentStart; offset < this.#end; ) {
      const child = readElement({ bytes: this.#bytes, start: offset, limit: this.#end }, this.#depth - 1, this.#left);
      children.push(child);
      offset = child.end;
    }
    this.#children = children;
    return children;
  }
}

/** Where an element begins, and where what it lies in ends. */
interface Place {
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly limit: number;
}

interface Bounds {
  readonly contentStart: number;
  readonly end: number;
}

function readElement(place: Place, depth: number, left: Left): Element {
  const { bytes, start, limit } = place;
  if (--left.elements < 0) throw new EncodingError('der/limit', 'expected fewer elements, got more der than allowed');
  const tag = bytes[start];
  const first = bytes[start + 1];
  if (tag === undefined || first === undefined || start + 2 > limit)
    throw malformed('expected a tag and a length, got the end of the bytes');
  if ((tag & 0x1f) === 0x1f) throw malformed('expected a single-byte tag, got a long one');
  checkForm(tag);
  let length = first;
  let offset = start + 2;
  if (first >= 0x80) {
    const count = first & 0x7f;
    if (count === 0) throw malformed('expected a definite length, got an indefinite one');
    if (count > 4) throw malformed(`expected a length of at most 4 bytes, got ${count}`);
    length = 0;
    for (let i = 0; i < count; i++) {
      const byte = bytes[offset++];
      if (byte === undefined || offset > limit) throw malformed('expected more length bytes, got the end of the bytes');
      length = length * 256 + byte;
    }
    if (length < 0x80 || length < 256 ** (count - 1)) throw malformed('expected a minimal length, got a padded one');
  }
  if (length > limit - offset)
    throw malformed(`expected ${length} bytes of content, got ${limit - offset}; the input is truncated`);
  return new Element(place, { contentStart: offset, end: offset + length }, depth, left);
}

/** X.690 §10.2: DER strings are primitive; only SEQUENCE, SET, EXTERNAL and EMBEDDED PDV are constructed. */
function checkForm(tag: number): void {
  if (tag >= 0x40) return;
  const number = tag & 0x1f;
  if (number === 0) throw malformed('expected a universal tag, got the reserved tag 0');
  const constructed = (tag & 0x20) !== 0;
  const mustBeConstructed = number === 16 || number === 17 || number === 8 || number === 11;
  if (constructed !== mustBeConstructed) throw malformed(`expected der form for tag ${number}, got the other form`);
}

/**
 * Members of a SEQUENCE.
 * @throws {EncodingError} `der/unexpected-type`.
 * @example const [first] = derSequence(readDer(bytes)); if (first !== undefined) console.log(derInteger(first))
 */
export function derSequence(element: DerElement): readonly DerElement[] {
  if (element.tag !== DER_TAG.sequence) throw unexpected('a sequence', element);
  return element.children();
}

/**
 * Members of a SET.
 * @throws {EncodingError} `der/unexpected-type`.
 * @example const members = derSet(element).map(derOid)
 */
export function derSet(element: DerElement): readonly DerElement[] {
  if (element.tag !== DER_TAG.set) throw unexpected('a set', element);
  return element.children();
}

/**
 * INTEGER or ENUMERATED of any sign, minimal (§8.3.2).
 * @throws {EncodingError} `der/unexpected-type`, `der/malformed`.
 * @example derInteger(readDer(Uint8Array.of(0x02, 0x01, 0xff))) // -1n
 */
export function derInteger(element: DerElement): bigint {
  const bytes = integerContent(element);
  let value = (bytes[0] as number) & 0x80 ? -1n : 0n;
  for (const byte of bytes) value = (value << 8n) | BigInt(byte);
  return value;
}

/**
 * Non-negative INTEGER as big-endian bytes without the sign byte; zero is one zero byte.
 * @throws {EncodingError} `der/unexpected-type`, `der/malformed`.
 * @example derUnsigned(readDer(Uint8Array.of(0x02, 0x02, 0x00, 0xff))) // Uint8Array [255]
 */
export function derUnsigned(element: DerElement): Uint8Array {
  if (element.tag !== DER_TAG.integer) throw unexpected('an integer', element);
  const bytes = integerContent(element);
  if ((bytes[0] as number) & 0x80) throw malformed('expected a non-negative integer, got a negative one');
  return bytes.length > 1 && bytes[0] === 0 ? bytes.subarray(1) : bytes;
}

function integerContent(element: DerElement): Uint8Array {
  if (element.tag !== DER_TAG.integer && element.tag !== DER_TAG.enumerated) throw unexpected('an integer', element);
  const bytes = element.content;
  const [first, second] = bytes;
  if (first === undefined) throw malformed('expected an integer, got no content');
  if (second !== undefined && ((first === 0 && second < 0x80) || (first === 0xff && second >= 0x80))) {
    throw malformed('expected a minimal integer, got a padded one');
  }
  return bytes;
}

/**
 * OBJECT IDENTIFIER in dotted form (§8.19).
 * @throws {EncodingError} `der/unexpected-type`, `der/malformed`.
 * @example derOid(readDer(Uint8Array.of(0x06, 0x03, 0x55, 0x1d, 0x13))) // '2.5.29.19'
 */
export function derOid(element: DerElement): string {
  if (element.tag !== DER_TAG.oid) throw unexpected('an object identifier', element);
  const bytes = element.content;
  if (bytes.length === 0 || bytes.length > 64) throw malformed('expected an object identifier of 1 to 64 bytes');
  let text = '';
  for (let start = 0, end = 0; start < bytes.length; start = ++end) {
    if (bytes[start] === 0x80) throw malformed('expected a minimal arc, got a padded one');
    while ((bytes[end] ?? 0) >= 0x80) end++;
    if (end >= bytes.length) throw malformed('expected a complete arc, got the end of the object identifier');
    const arc = arcOf(bytes, start, end);
    if (start > 0) text += `.${arc}`;
    else if (typeof arc === 'bigint') text = `2.${arc - 80n}`;
    else text = arc < 40 ? `0.${arc}` : arc < 80 ? `1.${arc - 40}` : `2.${arc - 80}`;
  }
  return text;
}

/** Seven bits a byte, `end` included; `bigint` where a double would round. */
function arcOf(bytes: Uint8Array, start: number, end: number): number | bigint {
  if (end - start < 7) {
    let value = 0;
    for (let at = start; at <= end; at++) value = value * 128 + ((bytes[at] as number) & 0x7f);
    return value;
  }
  return bytes.subarray(start, end + 1).reduce((value, byte) => (value << 7n) | BigInt(byte & 0x7f), 0n);
}

/**
 * BIT STRING whose bits fill whole bytes.
 * @throws {EncodingError} `der/unexpected-type`, `der/malformed`.
 * @example derBitString(readDer(Uint8Array.of(0x03, 0x02, 0x00, 0xff))) // Uint8Array [255]
 */
export function derBitString(element: DerElement): Uint8Array {
  if (element.tag !== DER_TAG.bitString) throw unexpected('a bit string', element);
  if (element.content[0] !== 0) throw malformed('expected a bit string of whole bytes, got unused bits or no content');
  return element.content.subarray(1);
}

/**
 * Named-bit BIT STRING (key usage and the like): bit 0 is the first, lowest bit of the result. At most 32 bits.
 * @throws {EncodingError} `der/unexpected-type`, `der/malformed`.
 * @example derBitFlags(readDer(Uint8Array.of(0x03, 0x02, 0x07, 0x80))) // 1
 */
export function derBitFlags(element: DerElement): number {
  if (element.tag !== DER_TAG.bitString) throw unexpected('a bit string', element);
  const [unused, ...bytes] = element.content.subarray(0, 6);
  const last = bytes.at(-1) ?? 0;
  if (unused === undefined || unused > 7 || element.content.length > 5 || (bytes.length === 0 && unused !== 0)) {
    throw malformed('expected a bit string of at most 32 bits');
  }
  if ((last & ((1 << unused) - 1)) !== 0) throw malformed('expected zero unused bits, got ones');
  let flags = 0;
  bytes.forEach((byte, index) => {
    for (let bit = 0; bit < 8; bit++) if (byte & (0x80 >> bit)) flags |= 1 << (8 * index + bit);
  });
  return flags >>> 0;
}

/**
 * Content of an OCTET STRING.
 * @throws {EncodingError} `der/unexpected-type`.
 * @example derOctetString(readDer(Uint8Array.of(0x04, 0x01, 0x07))) // Uint8Array [7]
 */
export function derOctetString(element: DerElement): Uint8Array {
  if (element.tag !== DER_TAG.octetString) throw unexpected('an octet string', element);
  return element.content;
}

/**
 * BOOLEAN: 0x00 or 0xff, nothing else (§11.1).
 * @throws {EncodingError} `der/unexpected-type`, `der/malformed`.
 * @example derBoolean(readDer(Uint8Array.of(0x01, 0x01, 0xff))) // true
 */
export function derBoolean(element: DerElement): boolean {
  if (element.tag !== DER_TAG.boolean) throw unexpected('a boolean', element);
  const [value] = element.content;
  if (element.content.length !== 1 || (value !== 0 && value !== 0xff)) throw malformed('expected boolean 00 or ff');
  return value === 0xff;
}

/**
 * UTCTime or GeneralizedTime to the second and in Z (RFC 5280 §4.1.2.5), as epoch milliseconds.
 * @throws {EncodingError} `der/unexpected-type`, `der/malformed`.
 * @example derTime(readDer(encodeDerTime(0))) // 0
 */
export function derTime(element: DerElement): number {
  const isUtc = element.tag === DER_TAG.utcTime;
  if (!isUtc && element.tag !== DER_TAG.generalizedTime) throw unexpected('a time', element);
  const { content } = element;
  const yearDigits = isUtc ? 2 : 4;
  if (content.length !== yearDigits + 11 || content.at(-1) !== 0x5a) throw notATime();
  const year = digits(content, 0, yearDigits);
  const fullYear = isUtc ? year + (year < 50 ? 2000 : 1900) : year;
  const two = (pair: number): number => digits(content, yearDigits + 2 * pair, 2);
  const [month, day, hour, minute, second] = [two(0), two(1), two(2), two(3), two(4)];
  const date = new Date(0);
  date.setUTCFullYear(fullYear, month - 1, day);
  date.setUTCHours(hour, minute, second);
  const exact = date.getUTCMonth() === month - 1 && date.getUTCDate() === day && hour < 24 && minute < 60 && second < 60;
  if (!exact) throw malformed('expected a date of the calendar, got an impossible one');
  return date.getTime();
}

/** The number that `count` ASCII digits write. */
function digits(bytes: Uint8Array, start: number, count: number): number {
  let value = 0;
  for (let at = start; at < start + count; at++) {
    const digit = (bytes[at] as number) - 0x30;
    if (!(digit >= 0 && digit <= 9)) throw notATime();
    value = value * 10 + digit;
  }
  return value;
}

function notATime(): EncodingError {
  return malformed('expected a time like YYMMDDhhmmssZ or YYYYMMDDhhmmssZ, got something else');
}

/**
 * Any of the string types certificates use, as text.
 * @throws {EncodingError} `der/unexpected-type`, `der/malformed`.
 * @example derString(readDer(encodeDer(DER_TAG.utf8String, utf8('Intel')))) // 'Intel'
 */
export function derString(element: DerElement): string {
  const { tag, content } = element;
  if (tag === DER_TAG.utf8String) return decodeUtf8(content);
  if (tag === DER_TAG.bmpString) {
    if (content.length % 2 !== 0) throw malformed('expected whole 16-bit characters, got an odd byte');
    const units = Array.from(
      { length: content.length / 2 },
      (_, i) => ((content[2 * i] as number) << 8) | (content[2 * i + 1] as number),
    );
    if (units.some((unit) => unit >= 0xd800 && unit <= 0xdfff))
      throw malformed('expected characters of the basic plane, got a surrogate');
    return units.map((unit) => String.fromCharCode(unit)).join('');
  }
  const ascii =
    tag === DER_TAG.printableString ||
    tag === DER_TAG.ia5String ||
    tag === DER_TAG.numericString ||
    tag === DER_TAG.visibleString;
  if (!ascii) throw unexpected('a string', element);
  if (content.some((byte) => byte > 0x7f)) throw malformed('expected ascii characters, got others');
  return decodeUtf8(content);
}

function malformed(message: string): EncodingError {
  return new EncodingError('der/malformed', message);
}

function unexpected(wanted: string, element: DerElement): EncodingError {
  return new EncodingError(
    'der/unexpected-type',
    `expected ${wanted}, got der tag 0x${element.tag.toString(16).padStart(2, '0')}`,
    {
      details: { tag: element.tag },
    },
  );
}
