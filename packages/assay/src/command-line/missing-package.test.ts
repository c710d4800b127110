/** The one line about a package that is not there, as Node says it; other errors stay what they are. */

import { expectAdvice } from '@assay/testing';
import { expect, test } from 'vitest';
import type { CliError } from './errors.ts';
import { missingPackage } from './missing-package.ts';

test('cli/package-missing: a package of Assay that is not installed', () => {
  const byNode = Object.assign(new Error("Cannot find package '@assay/agent' imported from /x/run.js"), {
    code: 'ERR_MODULE_NOT_FOUND',
  });
  const error = missingPackage(byNode);
  expect(error).toMatchObject({ code: 'cli/package-missing', kind: 'misuse' });
  expectAdvice((error as CliError).message, ['needs the package @assay/agent', 'npm install @assay/agent']);
});

test.each<readonly [string, unknown]>([
  ['a module of others', Object.assign(new Error("Cannot find package 'left-pad'"), { code: 'ERR_MODULE_NOT_FOUND' })],
  ['another error', new TypeError("'@assay/agent'")],
  ['no error', '@assay/agent'],
])('%s is handed on', (_, error) => {
  expect(missingPackage(error)).toBe(error);
});
