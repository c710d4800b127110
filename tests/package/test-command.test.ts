/** What `npm test` runs again: files whose process V8 ended, and nothing that failed (tools/test.mjs). */

import { expect, it } from 'vitest';
// @ts-expect-error a script without types
import { filesEndedByV8 } from '../../tools/test.mjs';

const ended = (file: string, signal = 'SIGTRAP'): string =>
  `Caused by: Error: Worker exited unexpectedly with signal ${signal} during started state while running test file /a/${file}\n`;
const summary = (files: string, tests: string, errors: number): string =>
  ` Test Files  ${files}\n      Tests  ${tests}\n${errors === 0 ? '' : `     Errors  ${errors} error${errors === 1 ? '' : 's'}\n`}`;

it.each([
  ['a run that passed', 0, summary('2 passed (2)', '9 passed (9)', 0), null],
  ['one process ended', 1, ended('x.test.ts') + summary('1 passed (2)', '5 passed (9)', 1), ['/a/x.test.ts']],
  [
    'two processes ended, one named twice',
    1,
    ended('x.test.ts') + ended('y.test.tsx') + ended('x.test.ts') + summary('1 passed (3)', '5 passed (9)', 2),
    ['/a/x.test.ts', '/a/y.test.tsx'],
  ],
  [
    'a test that failed as well',
    1,
    ended('x.test.ts') + summary('1 failed | 1 passed (3)', '1 failed | 5 passed (9)', 1),
    null,
  ],
  ['another error as well', 1, ended('x.test.ts') + summary('1 passed (2)', '5 passed (9)', 2), null],
  ['a fault in V8', 1, ended('x.test.ts', 'SIGSEGV') + summary('1 passed (2)', '5 passed (9)', 1), ['/a/x.test.ts']],
  ['a process ended by the kernel', 1, ended('x.test.ts', 'SIGKILL') + summary('1 passed (2)', '5 passed (9)', 1), null],
  ['a test that failed', 1, summary('1 failed (1)', '1 failed (1)', 0), null],
  ['a run that said nothing', 1, '', null],
] as const)('%s', (_, status, output, files) => {
  expect(filesEndedByV8(status, output)).toEqual(files);
});
