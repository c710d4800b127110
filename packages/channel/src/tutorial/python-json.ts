/**
 * JSON as Python's `json.dumps` writes it, because the tutorial's signatures cover that text (seed 004: the seed's client checks the
 * default form, the original server signs the compact, sorted one).
 *
 * Numbers: integers and doubles in Python's `repr` notation are equal to JavaScript's except for exponents and whole doubles; the
 * signed documents carry integers and strings only, others are refused.
 */

import type { Json } from '@assay/encoding/json';
import { ChannelError } from '../errors.ts';

export interface PythonJsonOptions {
  /** `spaced` writes `", "` and `": "` as `json.dumps(x)`; `compact` writes `","` and `":"`. */
  readonly separators: 'spaced' | 'compact';
  readonly sortKeys: boolean;
}

function quote(text: string): string {
  // ensure_ascii: every UTF-16 unit outside ASCII, and DEL stays as it is.
  return JSON.stringify(text).replace(/[\u0080-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/**
 * @throws {ChannelError} `channel/message-malformed` for numbers that Python would write differently.
 * @example pythonJson({ b: 1, a: 2 }, { separators: 'spaced', sortKeys: true }) // '{"a": 2, "b": 1}'
 */
export function pythonJson(value: Json, options: PythonJsonOptions): string {
  const [comma, colon] = options.separators === 'spaced' ? [', ', ': '] : [',', ':'];
  if (typeof value === 'string') return quote(value);
  if (typeof value === 'number') {
    if (!Number.isSafeInteger(value))
      throw new ChannelError('channel/message-malformed', 'expected an integer in a signed document');
    return String(value);
  }
  if (value === null || typeof value === 'boolean') return String(value);
  if (Array.isArray(value)) return `[${value.map((item: Json) => pythonJson(item, options)).join(comma)}]`;
  const names = Object.keys(value);
  // Python sorts by code point, JavaScript by UTF-16 unit; compare code points.
  if (options.sortKeys) names.sort((a, b) => compareCodePoints(a, b));
  const members = value as { readonly [name: string]: Json };
  return `{${names.map((name) => `${quote(name)}${colon}${pythonJson(members[name] ?? null, options)}`).join(comma)}}`;
}

function compareCodePoints(a: string, b: string): number {
  const [left, right] = [Array.from(a), Array.from(b)];
  for (let index = 0; index < Math.min(left.length, right.length); index += 1) {
    const difference = (left[index]?.codePointAt(0) ?? 0) - (right[index]?.codePointAt(0) ?? 0);
    if (difference !== 0) return difference;
  }
  return left.length - right.length;
}
