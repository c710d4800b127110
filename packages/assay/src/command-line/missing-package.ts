/** A command whose package is not installed, or needs a newer Node, says what to do. */

import { CliError } from './errors.ts';

/** The Node that @assay/agent is made for: commands that only verify need less. */
const AGENT_NODE = 24;

/**
 * The error for people when a package of Assay could not be loaded; any other error as it is.
 * @example throw missingPackage(error) // 'expected the package @assay/agent, got none; npm install @assay/agent adds it'
 */
export function missingPackage(error: unknown, version: string = process.version): unknown {
  if (!(error instanceof Error)) return error;
  const { code } = error as NodeJS.ErrnoException;
  if (
    code === 'ERR_UNKNOWN_BUILTIN_MODULE' ||
    (error instanceof SyntaxError && Number.parseInt(version.slice(1), 10) < AGENT_NODE)
  )
    return new CliError(
      'cli/node-too-old',
      `this command needs Node ${AGENT_NODE} or newer, got ${version}; install one from https://nodejs.org, or name a running agent with --url`,
      { cause: error },
    );
  if (code !== 'ERR_MODULE_NOT_FOUND') return error;
  const name = /'(@assay\/[a-z-]{1,40})/.exec(error.message)?.[1];
  if (name === undefined) return error;
  return new CliError('cli/package-missing', `this command needs the package ${name}, got none; npm install ${name} adds it`, {
    cause: error,
  });
}
