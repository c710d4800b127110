/** Releases and the floor below which none may run: the highest minimum counts, an older allowed version is left out, a statement that is none is refused. */

import { utf8 } from '@assay/encoding/bytes';
import { expectRefusal } from '@assay/testing';
import { describe, expect, it, test } from 'vitest';
import type { Measured } from './measured.ts';
import { compareVersions, parseRelease, type Release, releasesAbove } from './releases.ts';
import { statementOf } from './statement.ts';

const measured = (fill: string): Measured => ({
  type: 'nitro',
  values: { pcr0: fill.repeat(48) },
  inputs: { 'app.eif': fill.repeat(32) },
  facts: {},
  notComputed: [],
});

function release(version: string, minimumVersion?: string): Release {
  return parseRelease(utf8(JSON.stringify(statementOf(measured('ab'), { version, minimumVersion }))));
}

test('a statement is read back as it was written', () => {
  expect(release('1.2.3', '1.0.0')).toEqual({
    version: '1.2.3',
    minimumVersion: '1.0.0',
    measurements: [{ type: 'nitro', values: { pcr0: ['ab'.repeat(48)] } }],
  });
});

describe('the floor', () => {
  const versions = (releases: readonly Release[]): readonly string[] => releases.map(({ version }) => version);

  it('is the highest minimum that any release names', () => {
    const all = [release('1.0.0'), release('1.9.0', '1.0.0'), release('1.10.0', '1.9.0'), release('2.0.0', '1.2.0')];
    const { floor, allowed, below } = releasesAbove(all);
    expect([floor, versions(allowed), versions(below)]).toEqual(['1.9.0', ['2.0.0', '1.10.0', '1.9.0'], ['1.0.0']]);
  });

  it('can be demanded higher, never lower', () => {
    const all = [release('1.0.0'), release('2.0.0', '1.5.0')];
    expect(releasesAbove(all, '1.9.9').floor).toBe('1.9.9');
    expect(releasesAbove(all, '0.1.0').floor).toBe('1.5.0');
    expect(versions(releasesAbove([release('1.0.0')]).allowed)).toEqual(['1.0.0']);
  });

  it('that no release reaches refuses all', async () => {
    await expectRefusal(() => releasesAbove([release('1.0.0')], '1.0.1'), 'release/below-floor', ['1.0.1', 'got 1.0.0']);
    await expectRefusal(() => releasesAbove([]), 'release/below-floor', ['got none']);
    await expectRefusal(() => releasesAbove([release('1.0.0')], 'newest'), 'release/malformed', ['floor']);
  });
});

test('versions are compared by number', () => {
  expect(['1.10.0', '1.9.0', '0.99.99', '1.9.0'].toSorted(compareVersions)).toEqual(['0.99.99', '1.9.0', '1.9.0', '1.10.0']);
});

const SOUND = { version: '1.0.0', measurements: [{ type: 'nitro', values: { pcr0: ['ab'.repeat(48)] } }] };

test.each<[string, object]>([
  ['no version', { ...SOUND, version: undefined }],
  ['a version with a name', { ...SOUND, version: '1.0.0-rc1' }],
  ['a version with leading zeros', { ...SOUND, version: '01.0.0' }],
  ['a minimum above itself', { ...SOUND, minimumVersion: '2.0.0' }],
  ['a minimum that is a number', { ...SOUND, minimumVersion: 1 }],
  ['no measurements', { ...SOUND, measurements: [] }],
  ['a type that is unknown', { ...SOUND, measurements: [{ type: 'abacus', values: { pcr0: ['ab'.repeat(48)] } }] }],
  ['a rule without values', { ...SOUND, measurements: [{ type: 'nitro', values: {} }] }],
  [
    'two values of one name',
    { ...SOUND, measurements: [{ type: 'nitro', values: { pcr0: ['ab'.repeat(48), 'cd'.repeat(48)] } }] },
  ],
  ['a value that is a word', { ...SOUND, measurements: [{ type: 'nitro', values: { pcr0: ['anything'] } }] }],
])('a statement with %s is refused', async (_name, predicate) => {
  const file = utf8(JSON.stringify({ predicateType: 'urn:assay:reference-values:v1', predicate }));
  await expectRefusal(() => parseRelease(file), 'release/malformed', ['--release VERSION']);
});

test.each(['{', '[]', '{"predicateType":"another","predicate":{}}'])('%s is no statement', async (text) => {
  await expectRefusal(() => parseRelease(utf8(text)), 'release/malformed', ['statement']);
});
