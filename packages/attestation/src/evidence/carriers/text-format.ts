/**
 * Protocol Buffers' text format (`prototext`), which Google's attestation tools print, written again as the binary message that the
 * readers know. Names and numbers of fields come from a schema; a message with a name that the schema has not is another message.
 * Source: Protocol Buffers, Text Format Language Specification. Read: `name: value`, `name { … }`, `name: { … }`, `name < … >`, adjacent
 * strings, lists, decimal, octal and hexadecimal integers, comments, `,` and `;` between fields. Not read: extensions, floats.
 */

import { joinBytes } from '@assay/encoding/bytes';
import { closingQuote, unescapeBytes } from './escaped-text.ts';
import { encodeProtobufBytes, encodeProtobufInteger } from './protobuf.ts';

/** Fields of a message by name. `map` fields are messages of `key` and `value`. */
export interface ProtobufSchema {
  readonly [name: string]: readonly [number: number, type: 'integer' | 'bytes' | ProtobufSchema];
}

const MAX_TEXT = 1 << 20; // characters
const MAX_DEPTH = 16;
const NAME = /[A-Za-z_][A-Za-z0-9_]*/y;
const SCALAR = /-?[A-Za-z0-9_+.]+/y;

/** True when `text` begins like this format: a name and then a colon, a brace or an angle bracket. */
export function looksLikeTextFormat(text: string): boolean {
  return /^(?:\s*#[^\n]{0,200}\n){0,20}\s*[a-z_][a-z0-9_]{0,60}\s*(?::\s*(?:["'{<]|-?\d)|[{<])/.test(text.slice(0, 4096));
}

/**
 * The binary message that `text` spells out, `null` when it is no message of this schema.
 * @throws errors that are none of reading.
 * @example textFormatMessage('version: 4', { version: [1, 'integer'] }) // 08 04
 */
export function textFormatMessage(text: string, schema: ProtobufSchema): Uint8Array | null {
  if (text.length > MAX_TEXT || !looksLikeTextFormat(text)) return null;
  try {
    const reader = new TextReader(text);
    const message = reader.message(schema, null, MAX_DEPTH);
    return message.length === 0 ? null : message;
  } catch (error) {
    if (error === OTHER) return null;
    throw error;
  }
}

/** Thrown where the text leaves the schema; it never leaves this file. */
const OTHER = new Error('another message');

class TextReader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** Fields up to `end`, or to the end of the text. */
  message(schema: ProtobufSchema, end: string | null, depth: number): Uint8Array {
    if (depth === 0) throw OTHER;
    const parts: Uint8Array[] = [];
    for (;;) {
      this.#space();
      if (this.#at >= this.#text.length) {
        if (end !== null) throw OTHER;
        return joinBytes(parts);
      }
      if (end !== null && this.#skip(end)) return joinBytes(parts);
      parts.push(this.#field(schema, depth));
      this.#space();
      if (!this.#skip(',')) this.#skip(';');
    }
  }

  #field(schema: ProtobufSchema, depth: number): Uint8Array {
    const name = this.#match(NAME);
    const field = Object.hasOwn(schema, name) ? schema[name] : undefined;
    if (field === undefined) throw OTHER;
    const [number, type] = field;
    this.#space();
    const colon = this.#skip(':');
    this.#space();
    if (typeof type === 'object') {
      const end = this.#skip('{') ? '}' : this.#skip('<') ? '>' : null;
      if (end === null) throw OTHER;
      return encodeProtobufBytes(number, this.message(type, end, depth - 1));
    }
    if (!colon) throw OTHER;
    const write = (): Uint8Array =>
      type === 'bytes' ? encodeProtobufBytes(number, this.#strings()) : encodeProtobufInteger(number, this.#integer());
    return this.#skip('[') ? this.#list(write) : write();
  }

  /** `[a, b]`, the short form of a repeated field. */
  #list(write: () => Uint8Array): Uint8Array {
    const parts: Uint8Array[] = [];
    for (this.#space(); !this.#skip(']'); this.#space()) {
      parts.push(write());
      this.#space();
      this.#skip(',');
    }
    return joinBytes(parts);
  }

  /** Adjacent strings are one. */
  #strings(): Uint8Array {
    const parts: Uint8Array[] = [];
    for (let mark = this.#text.charAt(this.#at); mark === '"' || mark === "'"; mark = this.#text.charAt(this.#at)) {
      const close = closingQuote(this.#text, this.#at);
      const bytes = close < 0 ? null : unescapeBytes(this.#text.slice(this.#at + 1, close));
      if (bytes === null) throw OTHER;
      parts.push(bytes);
      this.#at = close + 1;
      this.#space();
    }
    if (parts.length === 0) throw OTHER;
    return joinBytes(parts);
  }

  /** Names of enumerations count as zero: nothing that is signed is one. */
  #integer(): bigint {
    const word = this.#match(SCALAR);
    if (/^0[0-7]+$/.test(word)) return BigInt(`0o${word.slice(1)}`);
    if (/^(?:0[xX][0-9a-fA-F]{1,16}|\d{1,20})$/.test(word)) return BigInt(word);
    if (/^[A-Za-z_]/.test(word)) return 0n;
    throw OTHER;
  }

  #match(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    if (found === undefined) throw OTHER;
    this.#at += found.length;
    return found;
  }

  #skip(mark: string): boolean {
    if (this.#text.charAt(this.#at) !== mark) return false;
    this.#at++;
    return true;
  }

  #space(): void {
    for (;;) {
      const code = this.#text.charCodeAt(this.#at);
      if (code === 0x23) {
        const line = this.#text.indexOf('\n', this.#at);
        this.#at = line < 0 ? this.#text.length : line;
      } else if (code === 0x20 || (code >= 0x09 && code <= 0x0d)) this.#at++;
      else return;
    }
  }
}
