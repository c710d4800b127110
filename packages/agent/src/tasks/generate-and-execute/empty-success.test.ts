import type { SandboxResult } from '@assay/sandbox';
import { expect, test } from 'vitest';
import { emptySuccess } from './empty-success.ts';

const CATCHES = 'try:\n    f()\nexcept Exception as error:\n    print("Error:", error)';
const run = (text: string, more: object = {}): SandboxResult =>
  ({ status: 'ok', stdout: { text }, value: null, artifacts: [], network: [], ...more }) as unknown as SandboxResult;

test.each<[string, string, SandboxResult]>([
  ['an error that was caught and printed', CATCHES, run('Error: no such column\n')],
  ['in other words', CATCHES, run('Reading the file\nAn error occurred: no such column')],
  ['in JavaScript', 'try { f() } catch (e) { console.log("Error", e.message) }', run('Error no such column')],
])('%s is told', (_, code, result) => {
  expect(emptySuccess('Do the task', code, result)).toMatch(/^the program caught an error.*no such column; mend the cause/);
});

test.each<[string, string, SandboxResult]>([
  ['a program that catches nothing may print the word', 'print("Error: 404 is a status")', run('Error: 404 is a status')],
  ['one that says something else', CATCHES, run('File not found, using default data')],
  ['one that did its work as well', CATCHES, run('1\n2\n3\nError: one row was skipped')],
  ['one that left a file', CATCHES, run('Error: one row was skipped', { artifacts: [{}] })],
  ['one that failed, which says so itself', CATCHES, run('Error: x', { status: 'error' })],
  ['no output, but a value', 'f()', run('', { value: '42' })],
  ['no output, but a request', 'f()', run('', { network: [{}] })],
  ['None behind a result', 'f()', run('42\nNone')],
])('%s: nothing', (_, code, result) => {
  expect(emptySuccess('Do the task', code, result)).toBeNull();
});

test.each<[string, SandboxResult, RegExp]>([
  ['nothing', run(''), /^the program ended without printing anything or writing a file; print the result$/],
  ['white space', run(' \n'), /^the program ended without/],
  ['no value in JavaScript', run('undefined\n'), /^the program printed only undefined, /],
  ['no value in Python', run('None\n'), /^the program printed only None, /],
  ['a thing without text', run('<generator object <genexpr> at 0x7f>'), /^the program printed only <generator /],
  ['an iterator without text', run('<reversed object at 0x7f12>'), /^the program printed only <reversed object /],
  ['an object without text', run('[object Object]'), /^the program printed only \[object Object\], /],
])('a program that prints %s is told', (_, result, told) => {
  expect(emptySuccess('Print the name', 'f()', result)).toMatch(told);
});

test('a file is no answer to a task that asks to print', () => {
  const file = run('', { artifacts: [{}] });
  expect(emptySuccess('Print the sum', 'f()', file)).toMatch(/^the program wrote a file and printed nothing/);
  expect(emptySuccess('Save the sum', 'f()', file)).toBeNull();
  expect(emptySuccess('Print the sum', 'f()', run('3', { artifacts: [{}] }))).toBeNull();
});

test('what the task names itself may be printed', () => {
  expect(emptySuccess('Print the name, or None when there is none', 'f()', run('None'))).toBeNull();
});
