/** How a command on contracts ends when there is no result: the compiler's words, or why the work could not be done. */

import { CONTRACTS_ERROR_KINDS, ContractsError, type ContractsErrorCode } from '@assay/contracts';
import type { RunResult } from '../index.ts';
import { CliError } from './errors.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';
import type { Io } from './io.ts';
import { printable, styleOf } from './output.ts';

/**
 * Shows the errors of sources that do not compile.
 * @throws {ContractsError} for projects that were refused, with the agent's words; {CliError} `cli/agent-failed` when
 * the agent could not do the work: an analyser that is absent, a compiler that crashed.
 */
export function contractFailure(result: RunResult, quiet: boolean, io: Io): ExitCode {
  if (result.outcome === 'succeeded')
    throw new CliError('cli/agent-failed', 'the agent answered without its document; update it');
  const { code, message } = result.error;
  if (Object.hasOwn(CONTRACTS_ERROR_KINDS, code)) throw new ContractsError(code as ContractsErrorCode, message);
  if (code !== 'contract/compile-failed')
    throw new CliError('cli/agent-failed', `the agent did not do it (${code}): ${message}`);
  if (quiet) return EXIT.no;
  io.stderr(`${styleOf(io).bad('failed')}  ${printable(result.message)}\n`);
  for (const line of message.split('\n')) io.stderr(`  ${printable(line)}\n`);
  return EXIT.no;
}
