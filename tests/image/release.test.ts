/** A release: what `tools/check-release.mjs` refuses, and that the workflow makes everything, from a clean tree, before the first step that cannot be undone. */

import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
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
  expect(status).toBe(2);
  expect(stderr).toContain('expected --blobs or --image-name next to --floor');
});

interface Step {
  readonly run?: string;
  readonly uses?: string;
  readonly with?: Readonly<Record<string, string>>;
}

/** What stands in for the programs that build or publish: says how it was called; `npm run image` leaves the files of an image. */
const STAND_IN = `#!/bin/bash
echo "$(basename "$0") $*" >> "$RUNNER_TEMP/calls"
case "$*" in
  "sbom "*) echo '{"bomFormat":"CycloneDX"}' ;;
  "run image -- "*)
    mkdir -p build/image/statements build/image/oci
    for name in SHA256SUMS app-compose.json provenance.json sbom.cdx.json; do echo '{}' > "build/image/$name"; done
    echo '{"predicate":{"values":1}}' > build/image/statements/dstack.json ;;
esac
`;

describe('.github/workflows/release.yml', () => {
  const { jobs } = parse(readFileSync(join(CHECKOUT, '.github/workflows/release.yml'), 'utf8')) as {
    readonly jobs: { readonly release: { readonly steps: readonly Step[] } };
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

  test('each command runs, in order, where what builds and publishes is a stand-in', { timeout: 120_000 }, () => {
    const [checkout, temp, programs] = [place(), place(), place()];
    for (const name of ['npm', 'skopeo', 'gh']) writeFileSync(join(programs, name), STAND_IN, { mode: 0o755 });
    for (const name of ['tools/check-release.mjs', '.gitignore']) cpSync(join(CHECKOUT, name), join(checkout, name));
    const regexes = `fs.appendFileSync(process.env.RUNNER_TEMP + '/calls', 'check-regexes ' + process.argv.slice(2) + '\\n')`;
    writeFileSync(join(checkout, 'tools/check-regexes.mjs'), `import fs from 'node:fs';\n${regexes};\n`);
    mkdirSync(join(checkout, 'packages/assay'), { recursive: true });
    mkdirSync(join(checkout, 'image'));
    writeFileSync(join(checkout, 'packages/assay/package.json'), '{"name":"assay","version":"1.2.3"}');
    writeFileSync(join(checkout, 'image/floor'), '1.0.0\n');
    writeFileSync(join(checkout, 'CHANGELOG.md'), '# Changelog\n\n## 1.2.3 (2026-12-01)\n');
    symlinkSync(join(CHECKOUT, 'node_modules'), join(checkout, 'node_modules'));
    const env = {
      ...{ PATH: `${programs}:${process.env.PATH}`, HOME: temp, RUNNER_TEMP: temp, NODE_OPTIONS: '--conditions=@assay/source' },
      ...{ GITHUB_REPOSITORY: 'Maker/Assay', GITHUB_REF_NAME: 'v1.2.3', GITHUB_ACTOR: 'maker', GH_TOKEN: 'token' },
    };
    const bash = (command: string): void => {
      const { status, stderr } = spawnSync('bash', ['-eo', 'pipefail', '-c', command], {
        cwd: checkout,
        env,
        encoding: 'utf8',
      });
      expect([command, status, stderr]).toEqual([command, 0, '']);
    };
    bash('git init -q && git add --all && git -c user.name=t -c user.email=t@t commit -qm t');
    for (const { run, with: given = {} } of jobs.release.steps) {
      if (run !== undefined) bash(run);
      const files = [given['subject-path'], given['predicate-path'], ...(run?.match(/(?:build\/image\/[\w./-]+)/g) ?? [])];
      for (const file of files.filter((each) => each !== undefined))
        expect([file, existsSync(resolve(checkout, file.replace(/^\$\{\{ runner\.temp }}/, temp)))]).toEqual([file, true]);
    }
    expect(readFileSync(join(temp, 'dstack.predicate.json'), 'utf8')).toBe('{\n  "values": 1\n}\n');
    expect(readFileSync(join(temp, 'calls'), 'utf8').split('\n')).toEqual([
      'npm ci',
      'npm run check',
      'npm run test:pack',
      'check-regexes --all',
      'npm sbom --sbom-format cyclonedx',
      'npm run image -- --image-name ghcr.io/maker/assay --floor 1.0.0',
      'npm publish --workspaces --provenance --access public',
      'skopeo copy --preserve-digests --dest-creds maker:token oci:build/image/oci docker://ghcr.io/maker/assay:1.2.3',
      expect.stringMatching(/^gh release create v1\.2\.3 .*assay\.cdx\.json .* --verify-tag --notes-file CHANGELOG\.md$/),
      '',
    ]);
  });

  test('every script that it runs is one of the workspace, and the SBOM is made of the real lock', { timeout: 120_000 }, () => {
    const { scripts } = JSON.parse(readFileSync(join(CHECKOUT, 'package.json'), 'utf8')) as { readonly scripts: object };
    const named = steps.flatMap((step) => [...step.matchAll(/npm run ([\w:]+)/g)].map(([, name]) => name));
    expect(named).toEqual(['check', 'test:pack', 'image']);
    for (const name of named) expect(scripts).toHaveProperty([name!]);
    const [sbom = ''] = (steps[at('npm sbom')] ?? '').split(' > ');
    const { status, stdout } = spawnSync('bash', ['-c', sbom], { cwd: CHECKOUT, encoding: 'utf8', maxBuffer: 1 << 26 });
    expect(status).toBe(0);
    const { components } = JSON.parse(stdout) as {
      readonly components: readonly { readonly name: string; readonly properties: readonly { readonly name: string }[] }[];
    };
    const development = (name: string): boolean | undefined =>
      components
        .find((each) => each.name === name)
        ?.properties.some((property) => property.name === 'cdx:npm:package:development');
    expect(['hono', 'pino', 'vitest', 'absent'].map(development)).toEqual([false, false, true, undefined]);
  });
});
