/** A command whose package is not installed says how to add it. */

import { CliError } from './errors.ts';

/**
 * The error for people when a package of Assay could not be loaded; any other error as it is.
 * @example throw missingPackage(error) // 'expected the package @assay/agent, got none; npm install @assay/agent adds it'
 */
export function missingPackage(error: unknown): unknown {
  if (!(error instanceof Error) || (error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') return error;
  const name = /'(@assay\/[a-z-]{1,40})/.exec(error.message)?.[1];
  if (name === undefined) return error;
  return new CliError('cli/package-missing', `this command needs the package ${name}, got none; npm install ${name} adds it`, {
    cause: error,
  });
}
