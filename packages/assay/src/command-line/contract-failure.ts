/** How a command on contracts ends when there is no result: the compiler's words, or why the work could not be done. */

import { CONTRACTS_ERROR_KINDS, ContractsError, type ContractsErrorCode } from '@assay/contracts';
import type { RunResult } from '../index.ts';
import { CliError } from './errors.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';
import type { Io } from './io.ts';
import { printable, styleOf } from './output.ts';

/**
 * Shows the errors of sources that do not compile.
 * @throws {ContractsError}, {ServerError} or {SandboxError}: the agent's own code and words, e.g. `project/pragma-unmet` without a compiler
 * and `audit/analyzer-absent` without Slither. {CliError} `cli/agent-failed` for a code of a later agent, and an answer without a document.
 */
export async function contractFailure(result: RunResult, quiet: boolean, io: Io): Promise<ExitCode> {
  if (result.outcome === 'succeeded')
    throw new CliError('cli/agent-failed', 'the agent answered without its document; update it');
  const { code, message } = result.error;
  if (code !== 'contract/compile-failed') throw await agentError(code, message);
  if (quiet) return EXIT.no;
  io.stderr(`${styleOf(io).bad('failed')}  ${printable(result.message)}\n`);
  for (const line of message.split('\n')) io.stderr(`  ${printable(line)}\n`);
  return EXIT.no;
}

/** The error that the agent met, under its own code. The server is loaded only here: commands on contracts end well mostly. */
async function agentError(code: string, message: string): Promise<Error> {
  if (Object.hasOwn(CONTRACTS_ERROR_KINDS, code)) return new ContractsError(code as ContractsErrorCode, message);
  const { SANDBOX_ERROR_KINDS, SandboxError, SERVER_ERROR_KINDS, ServerError } = await import('@assay/agent');
  if (Object.hasOwn(SERVER_ERROR_KINDS, code)) return new ServerError(code as keyof typeof SERVER_ERROR_KINDS, message);
  if (Object.hasOwn(SANDBOX_ERROR_KINDS, code)) return new SandboxError(code as keyof typeof SANDBOX_ERROR_KINDS, message);
  return new CliError('cli/agent-failed', `the agent did not do it (${code}): ${message}`);
}
