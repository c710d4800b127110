/** What `npm test` runs again: three files at most, when they explain every failure of the run (tools/test.mjs). */

import { expect, it } from 'vitest';
// @ts-expect-error a script without types
import { filesToRunAgain } from '../../tools/test.mjs';

const ended = (file: string, signal = 'SIGTRAP'): string =>
  `Caused by: Error: Worker exited unexpectedly with signal ${signal} during started state while running test file ${process.cwd()}/${file}\n`;
const failed = (file: string): string => ` FAIL  ${file} > a group > a test\nAssertionError: expected 1 to be 2\n`;
const summary = (files: string, tests: string, errors: number): string =>
  ` Test Files  ${files}\n      Tests  ${tests}\n${errors === 0 ? '' : `     Errors  ${errors} error${errors === 1 ? '' : 's'}\n`}`;

it.each([
  ['a run that passed', 0, summary('2 passed (2)', '9 passed (9)', 0), null],
  ['one process ended', 1, ended('x.test.ts') + summary('1 passed (2)', '5 passed (9)', 1), ['x.test.ts']],
  [
    'two processes ended, one named twice',
    1,
    ended('x.test.ts') + ended('y.test.tsx') + ended('x.test.ts') + summary('1 passed (3)', '5 passed (9)', 2),
    ['x.test.ts', 'y.test.tsx'],
  ],
  [
    'a test that failed as well',
    1,
    failed('z.test.ts') + ended('x.test.ts') + summary('1 failed | 1 passed (3)', '1 failed | 5 passed (9)', 1),
    ['z.test.ts', 'x.test.ts'],
  ],
  ['a test of a project', 1, failed('|shared| z.test.ts') + summary('1 failed (2)', '1 failed (4)', 0), ['z.test.ts']],
  [
    'a test of a project, in colours',
    1,
    failed('  own  z.test.ts') + summary('1 failed (2)', '1 failed (4)', 0),
    ['z.test.ts'],
  ],
  ['a process with several files', 1, ended('x.test.ts').replace('file /', 'files /y.test.ts, /') + summary('', '', 1), null],
  [
    'one file, two tests of it',
    1,
    failed('z.test.ts') + failed('z.test.ts') + summary('1 failed | 1 passed (2)', '2 failed | 5 passed (9)', 0),
    ['z.test.ts'],
  ],
  [
    'four files',
    1,
    ['a', 'b', 'c', 'd'].map((name) => failed(`${name}.test.ts`)).join('') + summary('4 failed (4)', '4 failed (4)', 0),
    null,
  ],
  ['a failed file that is not named', 1, failed('z.test.ts') + summary('2 failed (2)', '2 failed (4)', 0), null],
  ['a failed test and another error', 1, failed('z.test.ts') + summary('1 failed (2)', '1 failed (4)', 1), null],
  ['another error as well', 1, ended('x.test.ts') + summary('1 passed (2)', '5 passed (9)', 2), null],
  ['a fault in V8', 1, ended('x.test.ts', 'SIGSEGV') + summary('1 passed (2)', '5 passed (9)', 1), ['x.test.ts']],
  ['a process ended by the kernel', 1, ended('x.test.ts', 'SIGKILL') + summary('1 passed (2)', '5 passed (9)', 1), null],
  ['a failure that names no file', 1, summary('1 failed (1)', '1 failed (1)', 0), null],
  ['a run that said nothing', 1, '', null],
] as const)('%s', (_, status, output, files) => {
  expect(filesToRunAgain(status, output)).toEqual(files);
});
