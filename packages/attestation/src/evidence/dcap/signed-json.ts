/**
 * Reads the members of a JSON document that Intel signed (TCB info, enclave identity), strictly by type and range.
 * A repeated name cannot smuggle anything in: the exact bytes are what the signature covers, and only Intel signs.
 * Not checked here: the signature.
 */

import { decodeUtf8 } from '@assay/encoding/bytes';
import { decodeHex } from '@assay/encoding/hex';
import { parseInstant } from '@assay/encoding/instant';
import { AttestationError, type AttestationErrorCode } from '../../errors.ts';

/** Documents above this size are refused before they are read, bytes. Genuine ones stay below 32 KiB. */
const MAX_LENGTH = 1 << 20;
/** Genuine lists have fewer than 64 entries. */
const MAX_ENTRIES = 1024;

/** One object of a signed document; every getter throws the document's error code when the member does not fit. */
export class SignedObject {
  readonly #members: Readonly<Record<string, unknown>>;
  readonly #path: string;
  readonly #code: AttestationErrorCode;

  private constructor(value: unknown, path: string, code: AttestationErrorCode) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw new AttestationError(code, `expected ${path} to be a JSON object, got ${describe(value)}; fetch it again`);
    }
    this.#members = value as Readonly<Record<string, unknown>>;
    this.#path = path;
    this.#code = code;
  }

  /** Parses the exact signed bytes of a document. */
  static parse(body: Uint8Array, name: string, code: AttestationErrorCode): SignedObject {
    if (body.length > MAX_LENGTH) {
      throw new AttestationError(code, `expected ${name} of at most ${MAX_LENGTH} bytes, got ${body.length}`);
    }
    let value: unknown;
    try {
      value = JSON.parse(decodeUtf8(body));
    } catch (cause) {
      throw new AttestationError(code, `expected ${name} as JSON text, got something else; fetch it again`, { cause });
    }
    return new SignedObject(value, name, code);
  }

  has(name: string): boolean {
    return Object.hasOwn(this.#members, name);
  }

  text(name: string): string {
    const value = this.#get(name);
    return typeof value === 'string' ? value : this.#refuse(name, 'a string', value);
  }

  /** One of a closed list of strings. */
  oneOf<const Choice extends string>(name: string, choices: readonly Choice[]): Choice {
    const value = this.#get(name);
    return choices.find((choice) => choice === value) ?? this.#refuse(name, choices.join(' or '), value);
  }

  /** A whole number from 0 to `max`. */
  whole(name: string, max: number): number {
    const value = this.#get(name);
    return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= max
      ? value
      : this.#refuse(name, `a whole number up to ${max}`, value);
  }

  /** Hexadecimal of exactly `length` bytes, as bytes. */
  hex(name: string, length: number): Uint8Array {
    const value = this.#get(name);
    if (typeof value !== 'string' || value.length !== 2 * length || !/^[0-9a-fA-F]*$/.test(value)) {
      return this.#refuse(name, `${length} bytes in hexadecimal`, value);
    }
    return decodeHex(value);
  }

  /** An RFC 3339 instant in UTC, epoch milliseconds. */
  instant(name: string): number {
    const value = this.#get(name);
    const instant = typeof value === 'string' && value.endsWith('Z') ? parseInstant(value) : null;
    return instant === null ? this.#refuse(name, 'an instant such as 2026-01-31T00:00:00Z', value) : instant;
  }

  object(name: string): SignedObject {
    return new SignedObject(this.#get(name), `${this.#path}.${name}`, this.#code);
  }

  /** A list of objects with at least one entry. */
  objects(name: string): readonly SignedObject[] {
    return this.#list(name, 1).map((value, index) => new SignedObject(value, `${this.#path}.${name}[${index}]`, this.#code));
  }

  /** The whole number `member`, from 0 to 255, of exactly `length` objects. */
  column(name: string, member: string, length: number): Uint8Array {
    const rows = this.#list(name, 0);
    if (rows.length !== length) return this.#refuse(name, `a list of ${length} entries`, rows);
    const column = new Uint8Array(length);
    for (const [index, row] of rows.entries()) {
      const value = typeof row === 'object' && row !== null ? (row as Readonly<Record<string, unknown>>)[member] : undefined;
      if (typeof value !== 'number' || !Number.isInteger(value) || value < 0 || value > 0xff) {
        return this.#refuse(`${name}[${index}].${member}`, 'a whole number up to 255', value);
      }
      column[index] = value;
    }
    return column;
  }

  /** For people: `type` and `category` of each entry of the list `name`, empty where an entry has none. */
  labels(name: string): readonly string[] {
    return this.#list(name, 0).map((row) => {
      const { type, category } = (typeof row === 'object' && row !== null ? row : {}) as Readonly<Record<string, unknown>>;
      return [type, category].filter((word) => typeof word === 'string' && word !== '').join(', ');
    });
  }

  /** A list of strings; absent means empty. */
  texts(name: string): readonly string[] {
    if (!this.has(name)) return [];
    return this.#list(name, 0).map((value) =>
      typeof value === 'string' ? value : this.#refuse(name, 'a list of strings', value),
    );
  }

  /** Throws the document's error code. */
  refuse(message: string): never {
    throw new AttestationError(this.#code, `${this.#path}: ${message}`);
  }

  #get(name: string): unknown {
    return Object.hasOwn(this.#members, name) ? this.#members[name] : undefined;
  }

  #list(name: string, min: number): readonly unknown[] {
    const value = this.#get(name);
    return Array.isArray(value) && value.length >= min && value.length <= MAX_ENTRIES
      ? value
      : this.#refuse(name, `a list of ${min} to ${MAX_ENTRIES} entries`, value);
  }

  #refuse(name: string, expected: string, value: unknown): never {
    throw new AttestationError(
      this.#code,
      `expected ${this.#path}.${name} to be ${expected}, got ${describe(value)}; fetch the document again`,
    );
  }
}

function describe(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (Array.isArray(value)) return `a list of ${value.length}`;
  return typeof value === 'string' || typeof value === 'number' ? JSON.stringify(value).slice(0, 80) : typeof value;
}
