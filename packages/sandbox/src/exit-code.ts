/** The error of a program that said nothing but its exit code, in every lane. */

import type { SandboxResult } from './port.ts';

/** For an exit code other than 0. */
export function exitError(exitCode: number): NonNullable<SandboxResult['error']> {
  return { name: 'ExitCode', message: `the program ended with exit code ${exitCode}`, traceback: '' };
}
