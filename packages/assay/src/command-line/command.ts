/** What a file in `commands/` exports. */

import type { Command } from 'commander';
import type { ExitCode } from './exit-codes.ts';
import type { Io } from './io.ts';

/** Hands a command's exit code back. */
export type Finish = (code: ExitCode) => void;

export interface CommandModule {
  configure(command: Command, io: Io, finish: Finish): void;
}
