/** Reading objects whose members are fixed: nothing missing, nothing unknown, every member of its type. */

import type { Json, JsonObject } from '@assay/encoding/json';
import { ReceiptError, type ReceiptErrorCode } from './errors.ts';

/** What a reader of one version says of another: a newer maker is likelier than a broken one. */
export function foreignVersion(expected: string, actual: string): string {
  return `expected ${expected}, got ${JSON.stringify(actual.slice(0, 40))}; it may be newer than this package, update Assay`;
}

/** Reads the members of one JSON object and throws `code` with the place of the first defect. */
export class Shape {
  readonly #object: JsonObject;
  readonly #code: ReceiptErrorCode;
  readonly #what: string;

  /** `required` and `optional` name all members there may be; any other is refused, unless `open`. */
  constructor(
    value: unknown,
    what: string,
    code: ReceiptErrorCode,
    members: { readonly required: readonly string[]; readonly optional?: readonly string[]; readonly open?: boolean },
  ) {
    this.#code = code;
    this.#what = what;
    if (typeof value !== 'object' || value === null || Array.isArray(value)) throw this.#error('an object', value);
    this.#object = value as JsonObject;
    for (const name of members.required)
      if (!Object.hasOwn(this.#object, name)) throw this.#error(`a member ${name}`, undefined);
    if (members.open === true) return;
    for (const name of Object.keys(this.#object))
      if (!members.required.includes(name) && !(members.optional ?? []).includes(name))
        throw this.#error(`no member besides ${[...members.required, ...(members.optional ?? [])].join(', ')}`, name);
  }

  string(name: string): string {
    const value = this.#object[name];
    if (typeof value !== 'string') throw this.#error('a string', value, name);
    return value;
  }

  stringOrNull(name: string): string | null {
    return this.#object[name] === null ? null : this.string(name);
  }

  /** A string that matches; `shape` says in words what that means. */
  matching(name: string, pattern: RegExp, shape: string): string {
    const value = this.string(name);
    if (!pattern.test(value)) throw this.#error(shape, value, name);
    return value;
  }

  /** A whole number, 0 or more, exact in a double. */
  count(name: string): number {
    const value = this.#object[name];
    if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0)
      throw this.#error('a whole number from 0', value, name);
    return value;
  }

  array(name: string): readonly Json[] {
    const value = this.#object[name];
    if (!Array.isArray(value)) throw this.#error('an array', value, name);
    return value;
  }

  object(name: string): JsonObject {
    const value = this.#object[name];
    if (typeof value !== 'object' || value === null || Array.isArray(value)) throw this.#error('an object', value, name);
    return value as JsonObject;
  }

  #error(expected: string, actual: unknown, member?: string): ReceiptError {
    const place = member === undefined ? this.#what : `${this.#what}.${member}`;
    const got =
      typeof actual === 'string' ? JSON.stringify(actual.slice(0, 80)) : Array.isArray(actual) ? 'an array' : typeOf(actual);
    return new ReceiptError(this.#code, `${place}: expected ${expected}, got ${got}`, { details: { place } });
  }
}

function typeOf(value: unknown): string {
  if (value === undefined) return 'nothing';
  return typeof value === 'object' || value === null ? (value === null ? 'null' : 'an object') : String(value);
}
