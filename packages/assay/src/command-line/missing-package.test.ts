/** The one line about a package that is not there, as Node says it; other errors stay what they are. */

import { expectAdvice } from '@assay/testing';
import { expect, test } from 'vitest';
import type { CliError } from './errors.ts';
import { missingPackage } from './missing-package.ts';

test.each(['@assay/agent', '@assay/operator'])('cli/package-missing: %s is not installed', (name) => {
  const byNode = Object.assign(new Error(`Cannot find package '${name}' imported from /x/run.js`), {
    code: 'ERR_MODULE_NOT_FOUND',
  });
  const error = missingPackage(byNode);
  expect(error).toMatchObject({ code: 'cli/package-missing', kind: 'misuse' });
  expectAdvice((error as CliError).message, [`needs the package ${name}`, `npm install ${name}`]);
});

test.each<readonly [string, unknown]>([
  ['a module of others', Object.assign(new Error("Cannot find package 'left-pad'"), { code: 'ERR_MODULE_NOT_FOUND' })],
  ['another error', new TypeError("'@assay/agent'")],
  ['no error', '@assay/agent'],
])('%s is handed on', (_, error) => {
  expect(missingPackage(error)).toBe(error);
});

test.each([
  Object.assign(new Error('No such built-in module: node:sqlite'), { code: 'ERR_UNKNOWN_BUILTIN_MODULE' }),
  new SyntaxError('Unexpected identifier'),
])('a Node that is too old for the agent: %s', (error) => {
  expect(missingPackage(error, 'v22.12.0')).toMatchObject({
    code: 'cli/node-too-old',
    message: expect.stringContaining('needs Node 24 or newer, got v22.12.0; '),
  });
});

test('a syntax error on a Node that is new enough is a defect, and stays one', () => {
  const error = new SyntaxError('Unexpected identifier');
  expect(missingPackage(error, 'v24.0.0')).toBe(error);
});
