/** What the parser of arguments says becomes an error with advice: a word that was meant, where a further argument belongs, or the help. */

import { CommanderError } from 'commander';
import { expect, test } from 'vitest';
import { usageError } from './usage-error.ts';

const EXCESS = 'commander.excessArguments';

test.each([
  [
    'a slip',
    'commander.unknownOption',
    "error: unknown option '--jsn'\n(Did you mean --json?)",
    'verify',
    'did you mean --json?',
  ],
  ['a companion', EXCESS, 'error: too many arguments', 'verify', '--collateral FILE'],
  ['a task in words', EXCESS, 'error: too many arguments', 'run', 'quotes'],
  ['of a command that takes none', EXCESS, 'error: too many arguments', 'doctor', 'see assay doctor --help'],
  ['too few', 'commander.missingArgument', "error: missing required argument 'subject'", 'verify', 'see assay verify --help'],
  ['no command', 'commander.unknownCommand', "error: unknown command 'x'", '', 'see assay --help'],
])('%s', (_, code, message, words, advice) => {
  const { message: said } = usageError(new CommanderError(1, code, message), words);
  expect(said.slice(said.lastIndexOf('; '))).toContain(advice);
});
