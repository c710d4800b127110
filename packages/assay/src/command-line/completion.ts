/** Completion in bash, zsh, fish and PowerShell, from the commands themselves: `@bomb.sh/tab` reads them from Commander. */

import tab from '@bomb.sh/tab/commander';
import type { Command } from 'commander';

/**
 * Adds `completion <shell>`, which prints the script for a shell, and `complete`, which such a script asks on every TAB. Both print by
 * themselves, to standard output.
 * @param program with all its commands and their options.
 */
export function addCompletion(program: Command): void {
  tab(program, { completionCommandName: 'completion' });
}
