/** The lock file serves every platform: an install gets the optional parts of its platform, and `npm ci` takes it. */

import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

interface LockedPackage {
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly integrity?: string;
  readonly link?: boolean;
}

const { packages } = JSON.parse(readFileSync(new URL('../../package-lock.json', import.meta.url), 'utf8')) as {
  readonly packages: Readonly<Record<string, LockedPackage>>;
};

/** As Node looks packages up: beside the dependent, then in each folder above. */
function isLocked(name: string, from: string): boolean {
  for (let place = from; ; place = place.slice(0, Math.max(0, place.lastIndexOf('node_modules/') - 1))) {
    if (packages[`${place === '' ? '' : `${place}/`}node_modules/${name}`] !== undefined) return true;
    if (!place.includes('node_modules/')) return packages[`node_modules/${name}`] !== undefined;
  }
}

test('every optional dependency, of every platform, has an entry', () => {
  const missing = Object.entries(packages).flatMap(([place, { optionalDependencies = {} }]) =>
    Object.keys(optionalDependencies)
      .filter((name) => !isLocked(name, place))
      .map((name) => `${name} of ${place}`),
  );
  expect(missing).toEqual([]);
});

test.each(['darwin-arm64', 'darwin-x64', 'linux-arm64-glibc', 'linux-x64-glibc', 'win32-x64'])(
  'Deno is there for %s',
  (platform) => {
    expect(packages[`node_modules/@deno/${platform}`]?.integrity).toMatch(/^sha512-/);
  },
);

test('every package from outside is pinned by its hash', () => {
  const loose = Object.entries(packages).filter(
    ([place, { link, integrity }]) => place.includes('node_modules/') && !link && !integrity,
  );
  expect(loose.map(([place]) => place)).toEqual([]);
});
