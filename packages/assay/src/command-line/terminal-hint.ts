/** What to do with a document that a terminal shows: said below it, on standard error, and to no pipe. */

import type { Io } from './io.ts';
import { wrapped } from './layout.ts';
import { printable } from './output.ts';

/** Prints the hint where a person reads along; nothing in a pipe or a file. */
export function terminalHint(hint: string, io: Io): void {
  if (io.interactive) io.stderr(`\n${wrapped(`hint: ${printable(hint)}`, io.columns, 6)}`);
}
