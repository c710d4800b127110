/** Options that say how contracts are compiled, the same for every command that compiles. */

import type { Command } from 'commander';
import { CliError } from './errors.ts';
import { append } from './options.ts';

export interface CompileFlags {
  readonly solc?: string;
  /** Commander gives `false` for `--no-optimizer`. */
  readonly optimizer?: boolean;
  readonly runs?: string;
  readonly evmVersion?: string;
  readonly viaIr?: boolean;
  readonly root?: string | undefined;
  readonly remapping?: readonly string[] | undefined;
  readonly timeout?: string;
}

export function compileOptions(command: Command): Command {
  return command
    .option('--solc <version>', 'compiler, e.g. 0.8.24; by default what the pragmas allow')
    .option('--no-optimizer', 'compile without the optimiser')
    .option('--runs <n>', 'runs of the optimiser; 200 by default')
    .option('--evm-version <name>', "e.g. paris; the compiler's own by default")
    .option('--via-ir', "through the compiler's intermediate language")
    .option('--root <folder>', 'where import paths begin; by default the project around the file')
    .option('--remapping <prefix=target>', 'as for the compiler; repeatable', append)
    .option('--timeout <seconds>', 'for the whole work');
}

/** Members of the request. @throws {CliError} `cli/bad-option`. */
export function compileMembers(flags: CompileFlags): Readonly<Record<string, unknown>> {
  return {
    ...(flags.solc === undefined ? {} : { solc_version: flags.solc }),
    ...(flags.optimizer === false ? { optimizer: false } : {}),
    ...(flags.runs === undefined ? {} : { optimizer_runs: wholeNumber('--runs', flags.runs) }),
    ...(flags.evmVersion === undefined ? {} : { evm_version: flags.evmVersion }),
    ...(flags.viaIr === true ? { via_ir: true } : {}),
    ...(flags.timeout === undefined ? {} : { timeout: wholeNumber('--timeout', flags.timeout) }),
  };
}

function wholeNumber(name: string, text: string): number {
  if (/^[1-9]\d{0,9}$/.test(text)) return Number(text);
  throw new CliError(
    'cli/bad-option',
    `${name}: expected a whole number from 1, got ${JSON.stringify(text.slice(0, 40))}; write 200`,
  );
}
