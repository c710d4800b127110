/** A release: what `tools/check-release.mjs` refuses, and that the workflow makes everything, from a clean tree, before the first step that cannot be undone. */

import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { parse } from 'yaml';

const CHECKOUT = new URL('../../', import.meta.url).pathname;

function place(): string {
  const directory = mkdtempSync(join(tmpdir(), 'assay-release-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

describe('tools/check-release.mjs', () => {
  /** Runs it in a checkout of two packages of version 1.2.3. */
  function check(tag: string, { version = '1.2.3', floor = '1.0.0', heading = '## 1.2.3 (2026-12-01)' } = {}): string {
    const directory = place();
    for (const [name, manifest] of [
      ['one', { name: '@assay/one', version }],
      ['two', { name: 'assay', version: '1.2.3', dependencies: { '@assay/one': '1.2.3', other: '9.0.0' } }],
    ] as const) {
      mkdirSync(join(directory, 'packages', name), { recursive: true });
      writeFileSync(join(directory, 'packages', name, 'package.json'), JSON.stringify(manifest));
    }
    mkdirSync(join(directory, 'image'));
    mkdirSync(join(directory, 'tools'));
    writeFileSync(join(directory, 'image/floor'), `${floor}\n`);
    writeFileSync(join(directory, 'CHANGELOG.md'), `# Changelog\n\n${heading}\n`);
    cpSync(join(CHECKOUT, 'tools/check-release.mjs'), join(directory, 'tools/check-release.mjs'));
    symlinkSync(join(CHECKOUT, 'node_modules'), join(directory, 'node_modules'));
    const args = ['--conditions=@assay/source', 'tools/check-release.mjs', tag];
    const { status, stderr } = spawnSync(process.execPath, args, { cwd: directory, encoding: 'utf8' });
    return status === 0 ? 'passed' : stderr.trim();
  }

  test.each<[string, string, Parameters<typeof check>[1], string]>([
    ['a sound release', 'v1.2.3', {}, 'passed'],
    ['a pre-release', 'v1.2.3-rc.1', {}, 'expected a tag of three numbers like v1.2.3, got "v1.2.3-rc.1"'],
    ['a tag without v', '1.2.3', {}, 'expected a tag of three numbers like v1.2.3, got "1.2.3"'],
    ['a package of another version', 'v1.2.3', { version: '1.2.2' }, '@assay/one: expected version 1.2.3, got 1.2.2'],
    ['no changelog', 'v1.2.3', { heading: '## 1.2' }, 'CHANGELOG.md: expected a heading "## 1.2.3 (year-month-day)", got none'],
    ['a floor above it', 'v1.2.3', { floor: '1.10.0' }, 'image/floor: expected at most 1.2.3, got 1.10.0'],
    ['a floor that is none', 'v1.2.3', { floor: '1.2' }, 'image/floor: expected three numbers, got "1.2"'],
  ])('%s', (_name, tag, options, expected) => expect(check(tag, options)).toBe(expected));
});

test('a floor without a statement to stand in is refused before anything is built', () => {
  const out = join(place(), 'image');
  const args = ['--conditions=@assay/source', 'image/build.ts', '--out', out, '--floor', '0.1.0'];
  const { status, stderr } = spawnSync(process.execPath, args, { cwd: CHECKOUT, encoding: 'utf8' });
  expect(status).toBe(1);
  expect(stderr).toContain('expected --blobs or --image-name next to --floor');
});

describe('.github/workflows/release.yml', () => {
  const { jobs } = parse(readFileSync(join(CHECKOUT, '.github/workflows/release.yml'), 'utf8')) as {
    readonly jobs: { readonly release: { readonly steps: readonly { readonly run?: string; readonly uses?: string }[] } };
  };
  const steps = jobs.release.steps.map(({ run, uses }) => run ?? uses ?? '');
  const at = (part: string): number => {
    const found = steps.flatMap((step, index) => (step.includes(part) ? [index] : []));
    return found.length === 1 ? found[0]! : expect.fail(`expected one step with ${part}, got ${found.length}`);
  };

  test('builds the image from a tree that it shows to be clean, with the floor of the commit', () => {
    const image = at('npm run image -- ');
    expect(steps[image - 1]).toContain('test -z "$(git status --porcelain)"');
    expect(steps[image]).toContain('--floor "$(cat image/floor)"');
    const written = steps.flatMap((step) => [...step.matchAll(/> (\S+)/g)].map(([, target]) => target));
    expect(written.length).toBeGreaterThan(0);
    for (const target of written) expect(target).toMatch(/^"\$RUNNER_TEMP\//);
  });

  test('builds and checks nothing after the first step that cannot be undone', () => {
    const published = at('npm publish');
    for (const part of ['npm run check', 'test:pack', 'check-release', 'npm sbom', 'npm run image -- ', 'jq '])
      expect(at(part)).toBeLessThan(published);
    for (const step of steps.slice(published + 1))
      expect(step).toMatch(/^(?:skopeo copy --preserve-digests|actions\/attest|gh release create)/);
  });
});
