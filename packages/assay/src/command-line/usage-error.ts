/** What the parser of arguments says about a call, in the form of our errors, with the advice that fits the command. */

import type { CommanderError } from 'commander';
import { CliError } from './errors.ts';

const IN_QUOTES = 'put the text into quotes, so that it is one argument';

/** For more arguments than a command takes: where the further ones belong. */
const FURTHER: Readonly<Record<string, string>> = {
  ask: IN_QUOTES,
  run: IN_QUOTES,
  talk: IN_QUOTES,
  verify: 'verify one file a call, and name its certificates and collateral with --collateral FILE, once for each',
  'collateral fetch': 'name one piece of evidence a call',
  inspect: 'name one file a call',
  measure: 'name one image a call, evidence of it with --compare FILE, and what its firmware boots with --kernel and --initrd',
  receipt: 'name one receipt a call, or several to assay bundle',
  replay: 'name one bundle a call',
};

/**
 * Commander's error in our form; what it suggests becomes the hint.
 * @param words the command, or command and subcommand, that was called; empty without one.
 */
export function usageError({ code, message }: CommanderError, words: string): CliError {
  const [what = '', suggestion = ''] = message.replace(/^error: /, '').split('\n');
  const [, asked] = suggestion.split('(Did you mean ');
  const meant = asked?.endsWith('?)') === true ? asked.slice(0, -2) : undefined;
  if (meant !== undefined) return new CliError('cli/bad-option', `${what}; did you mean ${meant}?`);
  const further = code === 'commander.excessArguments' ? FURTHER[words] : undefined;
  const command = words === '' ? '' : ` ${words}`;
  return new CliError('cli/bad-option', `${what}; ${further ?? `see assay${command} --help`}`);
}
