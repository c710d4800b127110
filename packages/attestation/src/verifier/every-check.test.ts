/**
 * Every check that sound evidence of every kind gives, by its outcome: none may go, none may turn from not-checked to pass. The lists are
 * in every-check.txt; after a wanted change, write the line there that this test gives.
 */

import { readFileSync } from 'node:fs';
import { fakeEvidence } from '@assay/testing';
import { expect, test } from 'vitest';
import type { Check } from '../model/check.ts';
import type { NamedClaims } from '../model/claims.ts';
import { verifyEvidence } from '../verify.ts';

const WRITTEN = readFileSync(new URL('every-check.txt', import.meta.url), 'utf8')
  .trimEnd()
  .split('\n\n');
const ALL = await fakeEvidence();

/** One line for each outcome, with the checks of all parts. */
function listed(claims: NamedClaims): readonly string[] {
  const all = checksOf(claims, '');
  return (['pass', 'not-checked', 'fail'] as const).flatMap((outcome) => {
    const ids = all.filter((check) => check.outcome === outcome).map(({ id }) => id);
    return ids.length === 0 ? [] : [`${outcome}: ${ids.join(' ')}`];
  });
}

function checksOf({ checks, submodules }: NamedClaims, prefix: string): readonly Pick<Check, 'id' | 'outcome'>[] {
  return [
    ...checks.map(({ id, outcome }) => ({ id: `${prefix}${id}`, outcome })),
    ...Object.entries(submodules).flatMap(([name, part]) => checksOf(part, `${prefix}${name}/`)),
  ];
}

test('every kind has its list', () => {
  expect(WRITTEN.map((section) => section.split('\n')[0])).toEqual(ALL.map(({ name }) => name));
});

test.each(ALL.map((each) => [each.name, each] as const))('%s', async (name, { file, options }) => {
  const section = [name, ...listed(await verifyEvidence(file, options))].join('\n');
  expect(section).toBe(WRITTEN.find((each) => each.startsWith(`${name}\n`)));
});
