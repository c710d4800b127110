import type { SandboxResult } from '@assay/sandbox';
import { expect, test } from 'vitest';
import { swallowedError } from './swallowed-error.ts';

const CATCHES = 'try:\n    f()\nexcept Exception as error:\n    print("Error:", error)';
const run = (text: string, more: object = {}): SandboxResult =>
  ({ status: 'ok', stdout: { text }, artifacts: [], ...more }) as unknown as SandboxResult;

test.each<[string, string, SandboxResult]>([
  ['an error that was caught and printed', CATCHES, run('Error: no such column\n')],
  ['in other words', CATCHES, run('Reading the file\nAn error occurred: no such column')],
  ['in JavaScript', 'try { f() } catch (e) { console.log("Error", e.message) }', run('Error no such column')],
])('%s is told', (_, code, result) => {
  expect(swallowedError(code, result)).toMatch(/^the program caught an error.*no such column; mend the cause/);
});

test.each<[string, string, SandboxResult]>([
  ['a program that catches nothing may print the word', 'print("Error: 404 is a status")', run('Error: 404 is a status')],
  ['one that says something else', CATCHES, run('File not found, using default data')],
  ['one that did its work as well', CATCHES, run('1\n2\n3\nError: one row was skipped')],
  ['one that left a file', CATCHES, run('Error: one row was skipped', { artifacts: [{}] })],
  ['one that failed, which says so itself', CATCHES, run('Error: x', { status: 'error' })],
  ['no output', CATCHES, run('')],
])('%s: nothing', (_, code, result) => {
  expect(swallowedError(code, result)).toBeNull();
});
