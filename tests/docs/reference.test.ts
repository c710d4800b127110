/** The API reference (`npm run reference`): each entry that npm users import has a page, and each exported name a docstring. */

import { execFile } from 'node:child_process';
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';

const ROOT = new URL('../../', import.meta.url).pathname;
const { entries, pageOf } = (await import('../../tools/reference.mjs' as string)) as {
  readonly entries: () => readonly string[];
  readonly pageOf: (specifier: string) => string;
};
const { exportsOf } = (await import('../../tools/reference/declarations.mjs' as string)) as {
  readonly exportsOf: (specifier: string) => readonly Declared[];
};

interface Declared {
  readonly name: string;
  readonly kind: string;
  /** Without the marks of the comment. */
  readonly docs: string;
  /** Empty for a name of another package. */
  readonly code: string;
}

it('covers what users import', () => {
  expect(entries()).toEqual(expect.arrayContaining(['assay', 'assay/tdx', 'assay/policy', '@assay/agent']));
});

describe.each(entries())('%s', (specifier) => {
  it('says of every exported name what it is', () => {
    const found = exportsOf(specifier);
    expect(found.length).toBeGreaterThan(3);
    expect(found.filter(({ docs, code }) => code !== '' && docs === '').map(({ name }) => name)).toEqual([]);
  });
});

it('follows a name through the packages to its declaration', () => {
  const found = exportsOf('assay/receipt').find(({ name }) => name === 'parseReceipt');
  expect(found).toMatchObject({ kind: 'function', code: expect.stringContaining('parseReceipt(') });
  expect(pageOf('assay/tdx')).toMatch(/^## verifyTdx\n[\s\S]*```ts\n/m);
});

it('is written by one command', async () => {
  await promisify(execFile)(process.execPath, ['tools/reference.mjs'], { cwd: ROOT });
  const folder = join(ROOT, 'build/reference');
  const index = await readFile(join(folder, 'README.md'), 'utf8');
  for (const specifier of entries()) expect(index).toContain(`[${specifier}](`);
  expect((await readdir(folder)).length).toBeGreaterThanOrEqual(entries().length + 1);
  await rm(folder, { recursive: true });
});
