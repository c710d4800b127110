/** How this checkout's own programs say that something failed: two lines for what a person can mend, the stack for a fault of the program. */

import { isCoded } from '../packages/encoding/src/coded-error.ts';

/** Prints `error:` and `hint:` lines on standard error; the hint stands behind the last semicolon of the message. */
export function printFailure(message: string, code?: string): void {
  const cut = message.lastIndexOf('; ');
  const named = code === undefined ? '' : ` [${code}]`;
  if (cut < 0) console.error(`error: ${message}${named}`);
  else console.error(`error: ${message.slice(0, cut)}${named}\nhint: ${message.slice(cut + 2)}`);
}

/**
 * Prints what ended a program, and has the process end with 1: errors of the form "expected …, got …; do …", coded ones, and those of files without their
 * stack.
 * @example await build().catch(endWithFailure);
 */
export function endWithFailure(error: unknown): void {
  process.exitCode = 1;
  if (isCoded(error)) printFailure(error.message, error.code);
  else if (error instanceof Error && error.message.startsWith('expected ')) printFailure(error.message);
  else if (error instanceof Error && 'path' in error && 'code' in error)
    printFailure(`cannot use ${String(error.path)}: ${String(error.code)}; check the path`);
  else console.error(error);
}
