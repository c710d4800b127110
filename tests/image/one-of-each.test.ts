/** The image holds a package once that npm installed twice, where both are the same to a module that imports them. */

import { expect, test } from 'vitest';
import { type Entry, file } from '../../image/entries.ts';
import { oneOfEach } from '../../image/one-of-each.ts';

const installed = (path: string, code: string, dependencies: object = {}): readonly Entry[] => [
  file(`assay/${path}/package.json`, JSON.stringify({ name: 'p', dependencies })),
  file(`assay/${path}/index.js`, code),
];
const linked = (entries: readonly Entry[]): readonly string[] =>
  oneOfEach(entries)
    .filter(({ kind }) => kind === 'link')
    .map(({ path, target }) => `${path} → ${target}`);

const A = 'packages/a/node_modules/@maker/curves';
const B = 'packages/b/node_modules/@maker/curves';

test('the second of two is a link, and its files are gone', () => {
  const all = oneOfEach([...installed(A, 'same'), ...installed(B, 'same')]);
  expect(all.map(({ path, target }) => [path, target])).toEqual([
    [`assay/${A}/package.json`, ''],
    [`assay/${A}/index.js`, ''],
    [`assay/${B}`, '../../../a/node_modules/@maker/curves'],
  ]);
});

const HASHES = { hashes: '2' };
test.each<[string, readonly Entry[]]>([
  ['a package once', installed(A, 'same')],
  ['other files', [...installed(A, 'one'), ...installed(B, 'other')]],
  [
    'other files of what one of them finds',
    [
      ...installed(A, 'same', HASHES),
      ...installed(B, 'same', HASHES),
      ...installed('node_modules/hashes', 'version 2'),
      ...installed('packages/b/node_modules/hashes', 'version 1'),
    ],
  ],
  [
    'one that finds less',
    [
      ...installed(A, 'same', HASHES),
      ...installed(B, 'same', HASHES),
      ...installed('packages/b/node_modules/hashes', 'version 1'),
    ],
  ],
  [
    'packages inside of them',
    [
      ...installed(A, 'same'),
      ...installed(`${A}/node_modules/one`, '1'),
      ...installed(B, 'same'),
      ...installed(`${B}/node_modules/two`, '2'),
    ],
  ],
])('no link for %s', (_name, entries) => expect(linked(entries)).toEqual([]));

test('what both find is the same, also in a circle', () => {
  const circle = [...installed('node_modules/hashes', 'h', { '@maker/curves': '2' })];
  expect(linked([...installed(A, 'same', HASHES), ...installed(B, 'same', HASHES), ...circle])).toEqual([
    `assay/${B} → ../../../a/node_modules/@maker/curves`,
  ]);
});
