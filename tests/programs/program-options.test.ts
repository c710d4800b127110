/** What tools/program-options.ts reads of a call: values with their defaults, the text of `--help`, and each call that does not fit with what was expected. */

import { expect, test } from 'vitest';
import { readCall, usageOf } from '../../tools/program-options.ts';

const PROGRAM = {
  call: 'npm run bench:one',
  does: 'Measures one thing.',
  options: {
    runs: { takes: 'N', about: 'that are timed', number: 'count', default: '5' },
    part: { takes: 'NAME', about: 'alone', choices: ['left', 'right'] },
    quiet: { about: 'prints less' },
  },
  arguments: [
    { name: 'DIR', about: 'of the data', required: true },
    { name: 'SECONDS', about: 'of load', number: 'positive', repeated: true },
  ],
} as const;

test.each<[string, readonly string[], object, readonly string[]]>([
  ['defaults', ['d'], { runs: '5', part: undefined, quiet: false }, ['d']],
  [
    'all of it',
    ['d', '--runs', '12', '3', '--part=left', '--quiet', '0.5'],
    { runs: '12', part: 'left', quiet: true },
    ['d', '3', '0.5'],
  ],
  ['a name like an option, behind two dashes', ['--', '--runs'], { runs: '5', part: undefined, quiet: false }, ['--runs']],
])('%s', (_, args, values, positionals) => {
  expect(readCall(PROGRAM, args)).toEqual({ type: 'call', values, positionals });
});

test.each<[string, readonly string[], string]>([
  ['an unknown option', ['d', '--run', '5'], 'expected one of the options --runs, --part, --quiet, got --run'],
  ['an unknown short option', ['d', '-x'], 'expected one of the options --runs, --part, --quiet, got -x'],
  ['a name of JavaScript', ['d', '--constructor'], 'expected one of the options --runs, --part, --quiet, got --constructor'],
  ['an option without its value', ['d', '--runs'], 'expected N behind --runs, got none'],
  ['an option for a value', ['d', '--runs', '--quiet'], 'expected N behind --runs, got none'],
  ['an empty value', ['d', '--part='], 'expected NAME behind --part, got none'],
  ['a value for a switch', ['d', '--quiet=yes'], 'expected --quiet alone, got a value for it'],
  ['a number in words', ['d', '--runs', 'five'], 'expected a whole number from 1 for --runs, got "five"'],
  ['no run', ['d', '--runs', '0'], 'expected a whole number from 1 for --runs, got "0"'],
  ['no run in many digits', ['d', '--runs', '000'], 'expected a whole number from 1 for --runs, got "000"'],
  ['a negative number', ['d', '--runs=-1'], 'expected a whole number from 1 for --runs, got "-1"'],
  ['a negative number as a word of its own', ['d', '--runs', '-1'], 'expected a whole number from 1 for --runs, got "-1"'],
  ['half a run', ['d', '--runs', '1.5'], 'expected a whole number from 1 for --runs, got "1.5"'],
  ['another form of a number', ['d', '--runs', '1e3'], 'expected a whole number from 1 for --runs, got "1e3"'],
  ['no time', ['d', '0.0'], 'expected a number above 0 for SECONDS, got "0.0"'],
  ['none of the choices', ['d', '--part', 'up'], 'expected one of left, right for --part, got "up"'],
  ['no argument', ['--quiet'], 'expected DIR, got none'],
  ['an argument that is no number', ['d', '1', 'x'], 'expected a number above 0 for SECONDS, got "x"'],
])('misuse: %s', (_, args, message) => {
  expect(readCall(PROGRAM, args)).toEqual({ type: 'misuse', message });
});

test.each([
  [{}, ['--x'], 'expected no option, got --x'],
  [{}, ['x'], 'expected no argument, got "x" as well'],
  [{ key: { takes: 'FILE', about: 'of the signer' } }, ['--x'], 'expected only the option --key, got --x'],
])('misuse of a program with %j', (options, args, message) => {
  expect(readCall({ call: 'npm run x', does: 'Does x.', options }, args)).toEqual({ type: 'misuse', message });
});

test.each(['0', '1', '20', '-1', '0.5'])('a whole number from 0: %s', (word) => {
  const options = { runs: { takes: 'N', about: 'of each', number: 'whole' } } as const;
  const read = readCall({ call: 'npm run x', does: 'Does x.', options }, ['--runs', word]);
  const message = `expected a whole number from 0 for --runs, got "${word}"`;
  const isWhole = /^\d+$/.test(word);
  expect(read).toEqual(isWhole ? { type: 'call', values: { runs: word }, positionals: [] } : { type: 'misuse', message });
});

test('an argument too many', () => {
  const message = 'expected only DIR, got "b" as well';
  expect(readCall({ ...PROGRAM, arguments: [PROGRAM.arguments[0]] }, ['a', 'b'])).toEqual({ type: 'misuse', message });
});

test('--help shows every word, whatever else stands there', () => {
  const usage = usageOf(PROGRAM);
  expect(readCall(PROGRAM, ['-h'])).toEqual({ type: 'help', usage });
  expect(readCall(PROGRAM, ['d', '--help', '--nope'])).toEqual({ type: 'help', usage });
  expect(usage).toBe(`Usage: npm run bench:one -- DIR [SECONDS …] [options]

Measures one thing.

  DIR          of the data
  SECONDS      of load
  --runs N     that are timed (5)
  --part NAME  alone; one of left, right
  --quiet      prints less
  --help       this text

Exit codes: 0 done, 1 failed, 2 misuse.`);
});
