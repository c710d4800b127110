/** Types of `source.mjs`. */

export interface Prepared {
  /** An async function expression of `require`, `module`, `exports`, `__filename`, `__dirname`, `__load` and `__keep`. */
  readonly source: string;
  /** What was put in where, so that columns in traces can be put right. */
  readonly shifts: readonly ColumnShift[];
  /** One line for people about each line that was left out because only a notebook understands it. */
  readonly leftOut: readonly string[];
}

/** At `column` (from 0) of `line` (from 1) of the program, `by` characters were put in (or taken out, when negative). */
export type ColumnShift = readonly [line: number, column: number, by: number];

/** A syntax error, in the words of the code's own lines. */
export interface SyntaxDefect {
  readonly name: 'SyntaxError';
  readonly message: string;
  readonly traceback: string;
}

export function prepareJavaScript(
  text: string,
  options: { readonly acorn: import('./parser.mjs').Acorn; readonly session: boolean },
): Prepared | SyntaxDefect;

export function prepareModule(
  text: string,
  options: { readonly acorn: import('./parser.mjs').Acorn; readonly path: string; readonly always?: boolean },
): string | null;
