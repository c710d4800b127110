/** docs/errors.md and the code name the same codes, with the same kinds; every code is named in a test that provokes it. */

import { globSync, readFileSync } from 'node:fs';
import { ATTESTATION_ERROR_KINDS } from '@assay/attestation';
import { CHANNEL_ERROR_KINDS } from '@assay/channel';
import { CONTRACTS_ERROR_KINDS } from '@assay/contracts';
import { ENCODING_ERROR_KINDS } from '@assay/encoding/errors';
import { MODEL_ERROR_KINDS } from '@assay/models';
import { OPERATOR_ERROR_KINDS } from '@assay/operator';
import { RECEIPT_ERROR_KINDS } from '@assay/receipt';
import { REFERENCE_VALUES_ERROR_KINDS } from '@assay/reference-values';
import { SANDBOX_ERROR_KINDS } from '@assay/sandbox';
import { UPSTREAM_ERROR_KINDS } from '@assay/upstream';
import { CLIENT_ERROR_KINDS } from 'assay';
import { describe, expect, it } from 'vitest';
import { IMAGE_ERROR_KINDS } from '../../image/errors.ts';
import { SERVER_ERROR_KINDS } from '../../packages/agent/src/errors.ts';
import { CLI_ERROR_KINDS } from '../../packages/assay/src/command-line/errors.ts';
import { LEDGER_ERROR_KINDS } from '../../packages/ledger/src/errors.ts';

const PAGE = readFileSync(new URL('../../docs/errors.md', import.meta.url), 'utf8');

const ROOT = new URL('../../', import.meta.url).pathname;

/** Where tests name codes: the tests themselves, and the tables of defects that several of them share. Not this file's own lists. */
const TESTS = globSync(
  ['packages/*/src/**/*.test.{ts,tsx}', 'packages/testing/src/*-defects.ts', 'tests/**/*.test.ts', 'tests/**/probes/**/*.ts'],
  { cwd: ROOT },
)
  .filter((path) => !path.endsWith('docs/errors.test.ts'))
  .map((path) => readFileSync(`${ROOT}${path}`, 'utf8'))
  .join('\n');

/** The code as a whole word: `http/bad` is not named by `http/bad-json`. */
function isNamedInTests(code: string): boolean {
  return new RegExp(`(?<![\\w/-])${code}(?![\\w/-])`).test(TESTS);
}

/** Rows of the tables below one heading: code → kind. */
function documented(heading: string): Readonly<Record<string, string>> {
  const section = PAGE.split(/^## /m).find((part) => part.startsWith(`${heading}\n`)) ?? '';
  return Object.fromEntries(
    [...section.matchAll(/^\| `([^`]+)` *\| ([a-z]+) *\| ([^|]+) \| ([^|]+) \|$/gm)].map(([, code, kind, meaning, action]) => {
      expect(meaning?.trim().length, `${code} has a meaning`).toBeGreaterThan(3);
      expect(action?.trim().length, `${code} says what to do`).toBeGreaterThan(3);
      return [code, kind];
    }),
  );
}

describe.each<[string, Readonly<Record<string, string>>]>([
  ['@assay/encoding', ENCODING_ERROR_KINDS],
  ['@assay/attestation', ATTESTATION_ERROR_KINDS],
  ['@assay/receipt', RECEIPT_ERROR_KINDS],
  ['@assay/models', MODEL_ERROR_KINDS],
  ['@assay/operator', OPERATOR_ERROR_KINDS],
  ['@assay/channel', CHANNEL_ERROR_KINDS],
  ['@assay/contracts', CONTRACTS_ERROR_KINDS],
  ['@assay/reference-values', REFERENCE_VALUES_ERROR_KINDS],
  ['@assay/upstream', UPSTREAM_ERROR_KINDS],
  ['assay', CLIENT_ERROR_KINDS],
  ['@assay/sandbox', SANDBOX_ERROR_KINDS],
  ['@assay/ledger', LEDGER_ERROR_KINDS],
  ['@assay/agent', SERVER_ERROR_KINDS],
  ['assay (command line)', CLI_ERROR_KINDS],
  ['image (npm run image)', IMAGE_ERROR_KINDS],
])('%s', (heading, kinds) => {
  it('is documented code by code', () => {
    expect(documented(heading)).toEqual({ ...kinds });
  });

  it('is provoked code by code: a code that no test names was never seen thrown', () => {
    expect(Object.keys(kinds).filter((code) => !isNamedInTests(code))).toEqual([]);
  });
});

it('knows every list of codes in the packages', () => {
  const lists = globSync('packages/*/src/**/*.ts', { cwd: ROOT }).flatMap((path) => [
    ...readFileSync(`${ROOT}${path}`, 'utf8').matchAll(/^export const (\w+_ERROR_KINDS) = \{/gm),
  ]);
  const imported = readFileSync(`${ROOT}tests/docs/errors.test.ts`, 'utf8');
  expect(lists.map(([, name = '']) => name).filter((name) => !imported.includes(`import { ${name} }`))).toEqual([]);
  expect(lists.length).toBeGreaterThan(6);
});

it('tells a code from one that begins or ends like it', () => {
  expect([isNamedInTests('http/bad'), isNamedInTests('bad-json'), isNamedInTests('http/bad-json')]).toEqual([
    false,
    false,
    true,
  ]);
});
