/** Ctrl-C or SIGTERM before a command had its result, as a coded error: the reason of {@link Io.signal}, which ends the work behind it. */

import { isCoded } from '@assay/encoding/coded-error';
import { CliError } from './errors.ts';

/** An error that is its own cause, or one of a long chain, is no interrupt. */
const MOST_CAUSES = 16;

/** @example controller.abort(interrupted()) */
export function interrupted(): CliError {
  return new CliError('cli/interrupted', 'expected time until the result, got an interrupt; run the command again');
}

/**
 * The interrupt that ended some work; `null` for another error, and for a coded one whatever caused it. Node's own errors of aborted work have the
 * reason as their cause.
 */
export function interruptOf(error: unknown): CliError | null {
  let found = error;
  for (let depth = 0; depth < MOST_CAUSES && found instanceof Error && !isCoded(found); depth += 1) found = found.cause;
  return CliError.is(found) && found.code === 'cli/interrupted' ? found : null;
}
