/** Ctrl-C or SIGTERM before a command had its result, as a coded error. */

import { CliError } from './errors.ts';

export function interrupted(cause: unknown): CliError {
  return new CliError('cli/interrupted', 'expected time until the result, got an interrupt; run the command again', { cause });
}

/** The error in a coded form when it is the reason of an aborted signal; others as they are. */
export function asInterruption(error: unknown): unknown {
  return error instanceof Error && error.name === 'AbortError' ? interrupted(error) : error;
}
