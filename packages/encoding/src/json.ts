/**
 * JSON (RFC 8259) read strictly as I-JSON (RFC 7493): no duplicate names, no lone surrogates, no numbers beyond a double,
 * bounded size, depth and number of parts; and written canonically (RFC 8785, JCS). Parsed objects have no prototype and `__proto__` is refused
 * as a name, so that no copy of them can pollute one.
 */

import { decodeUtf8 } from './bytes.ts';
import { EncodingError, type EncodingErrorCode } from './errors.ts';

export type Json = null | boolean | number | string | readonly Json[] | JsonObject;

export interface JsonObject {
  readonly [name: string]: Json;
}

/**
 * True for an object; arrays and `null` are none.
 * @example isJsonObject([]) // false
 */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export interface ParseJsonOptions {
  /** Largest input in UTF-8 bytes (for text: in UTF-16 units); 64 MiB by default. */
  readonly maxBytes?: number;
  /** Levels of arrays and objects; 128 by default. */
  readonly maxDepth?: number;
  /** Values and names together: what costs memory beyond the text itself, up to 200 bytes each; 500,000 by default. */
  readonly maxNodes?: number;
}

const MAX_BYTES = 64 * 1024 * 1024;
const MAX_DEPTH = 128;
const MAX_NODES = 500_000;
/** Embeddings and log probabilities have millions of parts. */
const MAX_LOOSE_NODES = 4_000_000;
/** A list that grows has room for this many members from the first one on; short ones are copied to their size. */
const SPARE = 16;
const LONE_SURROGATE = /\p{Surrogate}/u;
const DIGIT_FIRST = /^[0-9]/;
const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;

/**
 * The one JSON value in `input`; a byte order mark is refused.
 * @throws {EncodingError} `json/malformed`, `json/duplicate-name`, `json/limit`, `utf8/malformed`.
 * @example parseJson('{"a":[1,2]}')
 */
export function parseJson(input: string | Uint8Array, options: ParseJsonOptions = {}): Json {
  const maxBytes = options.maxBytes ?? MAX_BYTES;
  if (input.length > maxBytes) throw error('json/limit', `expected at most ${maxBytes} bytes of json, got ${input.length}`);
  const maxNodes = options.maxNodes ?? MAX_NODES;
  const maxDepth = options.maxDepth ?? MAX_DEPTH;
  if (typeof input !== 'string') assertBounded(input, maxNodes, maxDepth);
  const text = typeof input === 'string' ? input : decodeUtf8(input);
  const parser = new Parser(text, maxNodes);
  const value = parser.value(maxDepth);
  parser.end();
  return value;
}

/**
 * Refuses bytes with too many parts, or too deep ones, before a text is made of them: outside of strings, each comma and colon begins
 * another part.
 */
function assertBounded(bytes: Uint8Array, maxNodes: number, maxDepth: number): void {
  if (bytes.length <= Math.min(maxNodes, maxDepth)) return;
  let nodes = 1;
  let depth = 0;
  let quoted = false;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at];
    if (byte === 0x22) quoted = !quoted;
    else if (quoted) at += byte === 0x5c ? 1 : 0;
    else if (byte === 0x2c || byte === 0x3a) {
      if (++nodes > maxNodes) throw tooManyNodes(maxNodes);
    } else if (byte === 0x5b || byte === 0x7b) {
      if (++depth > maxDepth) throw tooDeep();
    } else if (byte === 0x5d || byte === 0x7d) depth -= 1;
  }
}

/**
 * JSON of programs that are not strict, as `JSON.parse` reads it: names may come twice, halves of characters may stand alone. Parts and
 * depth are bounded, because each part costs memory beyond its text.
 * @throws {EncodingError} `json/malformed`, `json/limit`.
 * @example parseLooseJson('{"a":1,"a":2}') // { a: 2 }
 */
export function parseLooseJson(text: string, maxNodes: number = MAX_LOOSE_NODES): unknown {
  assertBoundedText(text, maxNodes, MAX_DEPTH);
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new EncodingError('json/malformed', 'expected json, got something else; check what was sent', { cause });
  }
}

/** As {@link assertBounded}, for text. */
function assertBoundedText(text: string, maxNodes: number, maxDepth: number): void {
  if (text.length <= Math.min(maxNodes, maxDepth)) return;
  let nodes = 1;
  let depth = 0;
  let quoted = false;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 0x22) quoted = !quoted;
    else if (quoted) at += code === 0x5c ? 1 : 0;
    else if (code === 0x2c || code === 0x3a) {
      if (++nodes > maxNodes) throw tooManyNodes(maxNodes);
    } else if (code === 0x5b || code === 0x7b) {
      if (++depth > maxDepth) throw tooDeep();
    } else if (code === 0x5d || code === 0x7d) depth -= 1;
  }
}

function tooDeep(): EncodingError {
  return error('json/limit', 'expected less nesting, got json deeper than allowed; send less nested json');
}

function tooManyNodes(most: number): EncodingError {
  return error('json/limit', `expected at most ${most} values and names in the json, got more; send less`);
}

class Parser {
  readonly #text: string;
  readonly #maxNodes: number;
  #nodes: number;
  #at = 0;

  constructor(text: string, maxNodes: number) {
    this.#text = text;
    this.#nodes = maxNodes;
    this.#maxNodes = maxNodes;
  }

  value(depth: number): Json {
    this.#count();
    this.#space();
    switch (this.#text.charCodeAt(this.#at)) {
      case 0x7b:
        return this.#object(depth - 1);
      case 0x5b:
        return this.#array(depth - 1);
      case 0x22:
        return this.#string();
      case 0x74:
        return this.#literal('true', true);
      case 0x66:
        return this.#literal('false', false);
      case 0x6e:
        return this.#literal('null', null);
      default:
        return this.#number();
    }
  }

  end(): void {
    this.#space();
    if (this.#at < this.#text.length) throw this.#malformed('the end of the json');
  }

  #count(): void {
    if (--this.#nodes < 0) throw tooManyNodes(this.#maxNodes);
  }

  #object(depth: number): JsonObject {
    if (depth < 0) throw tooDeep();
    // Made this way an object takes 56 bytes; `Object.create(null)` makes a table of 184.
    const out = Object.setPrototypeOf({}, null) as Record<string, Json>;
    this.#at++;
    this.#space();
    if (this.#skip(0x7d)) return out;
    for (;;) {
      this.#space();
      if (this.#text.charCodeAt(this.#at) !== 0x22) throw this.#malformed('a name in quotes');
      this.#count();
      const name = this.#string();
      if (name === '__proto__') throw this.#malformed('a name other than __proto__');
      if (name in out) throw error('json/duplicate-name', `expected unique names, got one twice before position ${this.#at}`);
      this.#space();
      if (!this.#skip(0x3a)) throw this.#malformed('a colon');
      out[name] = this.value(depth);
      this.#space();
      if (this.#skip(0x7d)) return out;
      if (!this.#skip(0x2c)) throw this.#malformed('a comma or }');
    }
  }

  #array(depth: number): Json[] {
    if (depth < 0) throw tooDeep();
    const out: Json[] = [];
    this.#at++;
    this.#space();
    if (this.#skip(0x5d)) return out;
    for (;;) {
      out.push(this.value(depth));
      this.#space();
      if (this.#skip(0x5d)) return out.length < SPARE ? out.slice() : out;
      if (!this.#skip(0x2c)) throw this.#malformed('a comma or ]');
    }
  }

  #string(): string {
    const text = this.#text;
    const start = ++this.#at;
    let escaped = false;
    let at = start;
    for (let code = text.charCodeAt(at); code !== 0x22; code = text.charCodeAt(++at)) {
      if (code === 0x5c) {
        escaped = true;
        at++;
      }
      if (!(code >= 0x20) || at >= text.length) {
        this.#at = at;
        throw this.#malformed('a closed string without control characters');
      }
    }
    this.#at = at;
    const body = text.slice(start, this.#at);
    const value = escaped ? this.#unescape(body, start) : body;
    if (!isWellFormed(value)) throw this.#malformed('whole characters, not half of a surrogate pair');
    this.#at++;
    return value;
  }

  /** The body has no raw quote, so JSON.parse sees one string; it knows the nine escapes and no others. */
  #unescape(body: string, start: number): string {
    try {
      return JSON.parse(`"${body}"`) as string;
    } catch {
      this.#at = start;
      throw this.#malformed('known escapes only');
    }
  }

  #number(): number {
    NUMBER.lastIndex = this.#at;
    const match = NUMBER.exec(this.#text)?.[0];
    if (match === undefined) throw this.#malformed('a json value');
    const value = Number(match);
    if (!Number.isFinite(value)) throw this.#malformed('a number within double precision');
    this.#at += match.length;
    return value;
  }

  #literal<T extends boolean | null>(word: string, value: T): T {
    if (!this.#text.startsWith(word, this.#at)) throw this.#malformed('a json value');
    this.#at += word.length;
    return value;
  }

  #space(): void {
    for (;;) {
      const code = this.#text.charCodeAt(this.#at);
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return;
      this.#at++;
    }
  }

  #skip(code: number): boolean {
    if (this.#text.charCodeAt(this.#at) !== code) return false;
    this.#at++;
    return true;
  }

  #malformed(wanted: string): EncodingError {
    return error('json/malformed', `expected ${wanted}, got something else at position ${this.#at}`);
  }
}

/**
 * The canonical text of `value` (RFC 8785): names sorted by UTF-16 units, ECMAScript numbers, shortest escapes, no white space.
 * The bytes to hash or sign are its UTF-8.
 * @throws {EncodingError} `json/unencodable` for anything JSON cannot say exactly: undefined, bigint, NaN, infinities, lone
 * surrogates, class instances, holes in arrays, or more than 128 levels.
 * @example canonicalJson({ b: 1e21, a: [true, null] }) // '{"a":[true,null],"b":1e+21}'
 */
export function canonicalJson(value: unknown): string {
  const copy = new SortedCopy();
  const sorted = copy.of(value, MAX_DEPTH);
  return copy.keepsOrder ? JSON.stringify(sorted) : written(value);
}

/** Checks a value and copies it with its names sorted: the platform writes that three times as fast as any code here. */
class SortedCopy {
  /** False once a name occurred that objects put elsewhere: numbers come first in them, and `__proto__` is no member. */
  keepsOrder = true;

  of(value: unknown, depth: number): unknown {
    if (typeof value === 'string') return wellFormed(value);
    if (value === null || typeof value === 'boolean') return value;
    if (typeof value === 'number') {
      if (!Number.isFinite(value)) throw unencodable(`expected a finite number, got ${value}`);
      return value;
    }
    if (typeof value !== 'object') throw unencodable(`expected a json value, got ${typeof value}`);
    if (depth <= 0) throw unencodable(`expected at most ${MAX_DEPTH} levels of nesting, got more or a cycle`);
    if (Array.isArray(value)) {
      const items: unknown[] = [];
      for (let i = 0; i < value.length; i++) items.push(this.of(value[i], depth - 1));
      return items;
    }
    const prototype: unknown = Object.getPrototypeOf(value);
    if (prototype !== null && Object.getPrototypeOf(prototype) !== null)
      throw unencodable('expected a plain object, got an instance');
    const members: Record<string, unknown> = {};
    for (const name of Object.keys(value).sort()) {
      if (DIGIT_FIRST.test(name) || name === '__proto__') this.keepsOrder = false;
      members[wellFormed(name)] = this.of((value as Record<string, unknown>)[name], depth - 1);
    }
    return members;
  }
}

/** The text of a value that was checked. */
function written(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(written).join(',')}]`;
  const members = Object.keys(value)
    .sort()
    .map((name) => `${JSON.stringify(name)}:${written((value as Record<string, unknown>)[name])}`);
  return `{${members.join(',')}}`;
}

/** Whether every surrogate has its other half; natively where the platform can, which costs nothing for plain text. */
function isWellFormed(text: string): boolean {
  const native = (text as { isWellFormed?: () => boolean }).isWellFormed;
  return native === undefined ? !LONE_SURROGATE.test(text) : native.call(text);
}

function wellFormed(text: string): string {
  if (isWellFormed(text)) return text;
  throw unencodable('expected whole characters, got half of a surrogate pair');
}

function unencodable(message: string): EncodingError {
  return error('json/unencodable', message);
}

function error(code: EncodingErrorCode, message: string): EncodingError {
  return new EncodingError(code, message);
}
