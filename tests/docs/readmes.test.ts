/** The README of each published package, which npm shows: its name, what it is for, at most a screen. */

import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const ROOT = new URL('../../', import.meta.url).pathname;
const MOST_LINES = 60;

const published = globSync('packages/*/package.json', { cwd: ROOT })
  .map((path) => ({ path, ...(JSON.parse(readFileSync(join(ROOT, path), 'utf8')) as { name: string; private?: boolean }) }))
  .filter((manifest) => manifest.private !== true)
  .map(({ path, name }) => [name, path.replace('package.json', 'README.md')] as const);

it('covers what is published', () => {
  expect(published.length).toBeGreaterThan(10);
});

describe.each([...published, ['assay for Python', 'python/README.md'] as const])('%s', (name, path) => {
  const text = readFileSync(join(ROOT, path), 'utf8');

  it(`has at most ${MOST_LINES} lines`, () => {
    expect(text.trimEnd().split('\n').length).toBeLessThanOrEqual(MOST_LINES);
  });

  it('begins with its name, and then says in sentences what it is', () => {
    expect(text).toMatch(new RegExp(`^# ${name}\\n\\n[A-Z][^\\n]{30,}`));
  });
});
