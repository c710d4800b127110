/** Types of `parser.mjs`. */

import type { Program } from 'acorn';

/** What the front end uses of acorn, which lanes load by its path. */
export interface Acorn {
  readonly Parser: unknown;
}

export function parseProgram(acorn: Acorn, code: string): Program;
