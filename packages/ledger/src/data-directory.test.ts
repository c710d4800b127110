/** What the system refuses of a data directory is one coded error; what this program does wrong is not. */

import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, onTestFinished, test } from 'vitest';
import { inDirectory } from './data-directory.ts';
import { LedgerError } from './errors.ts';
import { replaceKeyFile } from './key-file.ts';

function freshDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'assay-directory-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  return directory;
}

test.each<readonly [string, () => unknown, string]>([
  ['a folder in a file', () => mkdirSync('/dev/null/folder'), 'ENOTDIR'],
  ['a database that is no file', () => new DatabaseSync('/dev'), 'ERR_SQLITE_ERROR'],
])('%s cannot be used', (_, work, why) => {
  expect(() => inDirectory('data', work)).toThrowError(expect.objectContaining({ code: 'ledger/unavailable' }));
  expect(() => inDirectory('data', work)).toThrowError(`data cannot be used (${why})`);
});

const CODED = new LedgerError('ledger/conflict', 'x; y');
test.each<readonly [string, unknown]>([
  ['an error with a code of ours', CODED],
  ['a fault', new TypeError('x is not a function')],
  ['a wrong argument', Object.assign(new TypeError('path'), { code: 'ERR_INVALID_ARG_TYPE' })],
  ['a value out of range', Object.assign(new RangeError('mode'), { code: 'ERR_INVALID_ARG_VALUE' })],
  ['a text', 'x'],
])('%s passes as it is', (_, thrown) => {
  let caught: unknown;
  try {
    inDirectory('data', () => {
      throw thrown;
    });
  } catch (error) {
    caught = error;
  }
  expect(caught).toBe(thrown);
});

test('what work gives is given back', () => expect(inDirectory('data', () => 7)).toBe(7));

test('a key file that cannot take its name leaves none behind', () => {
  const directory = freshDirectory();
  mkdirSync(join(directory, 'key'));
  expect(() => replaceKeyFile(join(directory, 'key'), 'secret')).toThrowError(
    expect.objectContaining({ code: 'ledger/unavailable' }),
  );
  expect(readdirSync(directory)).toEqual(['key']);
});
