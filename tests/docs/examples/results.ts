/** Results that examples state: `statement // value`, for examples that need nothing but what packages export. */

import type { Example } from './collect.ts';
import type { Program } from './preamble.ts';

/** What may stand for a value; a text after it is a remark. */
const VALUE = /^(-?\d[\d_]*n?|true|false|null|'[^'…]*'|Uint8Array \[[\da-fx, ]*\])(?=$|[;,:])/;
const STATED = /^(?!const |for |if |try )([^…]+?);? \/\/ (.*)$/;

export interface Stated {
  /** The line of the example, from 0. */
  readonly line: number;
  readonly found: unknown;
  readonly wanted: unknown;
}

const literalOf = (text: string): string | null => {
  const value = VALUE.exec(text)?.[1];
  if (value === undefined) return null;
  return value.startsWith('Uint8Array') ? value.replace('Uint8Array [', 'Uint8Array.of(').replace(']', ')') : value;
};

/** A module whose `stated` are the results of an example; `null` when it states none, or takes something as given. */
export function resultsModule({ text }: Example, program: Program): string | null {
  const lines = program.text.split('\n');
  const imports = lines.slice(0, program.before).filter((line) => !line.includes(' as Subject '));
  if (imports.some((line) => line.startsWith('declare const ')) || program.unknown.length > 0) return null;
  let count = 0;
  const body = text.split('\n').map((line, index) => {
    const [, expression = '', remark = ''] = STATED.exec(line) ?? [];
    const wanted = literalOf(remark);
    if (wanted === null) return line;
    count += 1;
    return `stated.push({ line: ${index}, found: await (${expression}), wanted: ${wanted} });`;
  });
  const given = imports.filter((line) => line.startsWith('import '));
  return count === 0 ? null : [...given, 'export const stated: unknown[] = [];', ...body, ''].join('\n');
}
