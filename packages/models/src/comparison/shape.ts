/**
 * Shapes of the documents of a comparison (spec/model-comparison.md §6, §7): each narrows a parsed JSON value to its type, once, at the edge. Objects
 * have the named members and no others. Written here, because a schema library would be most of what the verifier's users install.
 */

import { isJsonObject, type JsonObject } from '@assay/encoding/json';
import { ModelError } from '../errors.ts';

/**
 * The value as its type. `place` says where in the document it stands, such as `queries.3.index`.
 * @throws {ModelError} `comparison/malformed`.
 */
export type Shape<T> = (value: unknown, place: string) => T;
export type Shaped<S> = S extends Shape<infer T> ? T : never;

type Members = Readonly<Record<string, Shape<unknown>>>;
type ObjectOf<M extends Members> = { readonly [Name in keyof M]: Shaped<M[Name]> };

/** Any value; as a member of an {@link object} it must be there all the same. */
export const anything: Shape<unknown> = (value) => value;

/** An object with any members. */
export const anyObject: Shape<JsonObject> = (value, place) => {
  if (isJsonObject(value)) return value;
  throw misshapen(place, 'an object');
};

export function text({ pattern = /^/, least = 0, most = Number.POSITIVE_INFINITY } = {}): Shape<string> {
  return (value, place) => {
    if (typeof value === 'string' && value.length >= least && value.length <= most && pattern.test(value)) return value;
    throw misshapen(place, `a text of ${least} to ${most} characters that matches ${pattern}`);
  };
}

interface Range {
  readonly least?: number | undefined;
  readonly most?: number | undefined;
  /** Whole numbers only. */
  readonly whole?: boolean | undefined;
}

export function number({
  least = Number.NEGATIVE_INFINITY,
  most = Number.POSITIVE_INFINITY,
  whole = false,
}: Range = {}): Shape<number> {
  return (value, place) => {
    const fits = whole ? Number.isSafeInteger(value) : Number.isFinite(value);
    if (fits && (value as number) >= least && (value as number) <= most) return value as number;
    throw misshapen(place, `a ${whole ? 'whole ' : ''}number from ${least} to ${most}`);
  };
}

/** A number greater than 0; the end of the range belongs to it. */
export function positive(most: number): Shape<number> {
  return number({ least: Number.MIN_VALUE, most });
}

export function oneOf<const Word extends string>(words: readonly Word[]): Shape<Word> {
  return (value, place) => {
    const found = words.find((word) => word === value);
    if (found !== undefined) return found;
    throw misshapen(place, words.join(' or '));
  };
}

export function nullable<T>(shape: Shape<T>): Shape<T | null> {
  return (value, place) => (value === null ? null : shape(value, place));
}

/** At most `most` members. */
export function list<T>(shape: Shape<T>, most: number): Shape<readonly T[]> {
  return (value, place) => {
    if (Array.isArray(value) && value.length <= most) return value.map((each, index) => shape(each, `${place}.${index}`));
    throw misshapen(place, `a list of at most ${most}`);
  };
}

/** An object with all of these members, as its own, and no others. */
export function object<M extends Members>(members: M): Shape<ObjectOf<M>> {
  return (value, place) => {
    const given = anyObject(value, place);
    const foreign = Object.keys(given).find((name) => !Object.hasOwn(members, name));
    if (foreign !== undefined) throw misshapen(`${place}.${foreign}`, `no member but ${Object.keys(members).join(', ')}`);
    const missing = Object.keys(members).find((name) => !Object.hasOwn(given, name));
    if (missing !== undefined) throw misshapen(`${place}.${missing}`, 'a member', 'none');
    const read = Object.entries(members).map(([name, shape]) => [name, shape(given[name], `${place}.${name}`)]);
    return Object.fromEntries(read) as ObjectOf<M>;
  };
}

/** An object whose member `kind` says which members it has. */
export function byKind<K extends Readonly<Record<string, Members>>>(
  kinds: K,
): Shape<{ [Kind in keyof K]: { readonly kind: Kind } & ObjectOf<K[Kind]> }[keyof K]> {
  return (value, place) => {
    const kind = oneOf(Object.keys(kinds))(isJsonObject(value) ? value.kind : undefined, `${place}.kind`);
    return object({ kind: anything, ...kinds[kind] })(value, place) as never;
  };
}

function misshapen(place: string, expected: string, got = 'something else'): ModelError {
  return new ModelError('comparison/malformed', `expected ${expected} as ${place}, got ${got}; have the comparison made again`);
}
