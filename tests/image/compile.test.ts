/** The packages of an image are compiled from what git sees: a stray edit in `dist`, which leaves the tree clean, does not reach it. */

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { published } from '../../image/application.ts';
import { compile } from '../../image/compile.ts';

const ROOT = new URL('../../', import.meta.url).pathname;
const COMPILED = {
  rootDir: 'src',
  outDir: 'dist',
  composite: true,
  target: 'es2023',
  module: 'nodenext',
  types: [],
  tsBuildInfoFile: 'dist/.tsbuildinfo',
};

/** A checkout with two packages, of which `two` imports `one`. */
function checkout(): string {
  const folder = mkdtempSync(join(tmpdir(), 'assay-checkout-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const write = (path: string, content: string | object): void => {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), typeof content === 'string' ? content : JSON.stringify(content));
  };
  write('.gitignore', 'node_modules\ndist/\n*.tsbuildinfo\n/build/\n.env\n');
  write('package.json', { name: 'workspace', private: true, workspaces: ['packages/*'] });
  write('tsconfig.json', { files: [], references: [{ path: 'packages/one' }, { path: 'packages/two' }] });
  for (const name of ['one', 'two']) {
    const references = name === 'two' ? [{ path: '../one' }] : [];
    const manifest = {
      name: `@assay/${name}`,
      version: '1.0.0',
      type: 'module',
      exports: './dist/index.js',
      files: ['dist', 'src'],
    };
    write(`packages/${name}/package.json`, manifest);
    write(`packages/${name}/tsconfig.json`, { compilerOptions: COMPILED, include: ['src'], references });
  }
  write('packages/one/src/index.ts', "export const answer: string = 'of the source';\n");
  write('packages/two/src/index.ts', "export { answer } from '@assay/one';\n");
  write('packages/one/dist/index.js', "export const answer = 'of a stray edit';\n");
  write('packages/one/dist/gone.js', 'export {};\n');
  write('packages/one/.env', 'AI_API_KEY=secret\n');
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  for (const args of [
    ['init', '--quiet'],
    ['add', '--all'],
    ['-c', 'user.name=t', '-c', 'user.email=t@t', 'commit', '--quiet', '-m', 't'],
  ])
    expect(spawnSync('git', args, { cwd: folder, encoding: 'utf8' })).toMatchObject({ status: 0 });
  return folder;
}

const textOf = (stage: string, path: string): string => {
  const entries = published(join(stage, 'packages/one'), 'one');
  return new TextDecoder().decode(entries.find((entry) => entry.path === path)?.bytes);
};

test('a stray edit in dist, which git does not see, is not in the package', () => {
  const folder = checkout();
  expect(spawnSync('git', ['status', '--porcelain'], { cwd: folder, encoding: 'utf8' }).stdout).toBe('');
  const stage = compile(folder);
  expect(textOf(stage, 'one/dist/index.js')).toContain('of the source');
  expect(
    published(join(stage, 'packages/one'), 'one')
      .map(({ path }) => path)
      .sort(),
  ).toEqual(['one/dist/index.js', 'one/package.json']);
  expect([existsSync(join(stage, 'packages/one/.env')), existsSync(join(stage, 'packages/two/dist/index.js'))]).toEqual([
    false,
    true,
  ]);
});

test('a changed or new source, which makes the tree DIRTY, is in the package, also after an earlier build', () => {
  const folder = checkout();
  compile(folder);
  writeFileSync(join(folder, 'packages/one/src/index.ts'), "export const answer: string = 'changed';\n");
  writeFileSync(join(folder, 'packages/one/src/more.ts'), "export const more: string = 'new';\n");
  const stage = compile(folder);
  expect([textOf(stage, 'one/dist/index.js'), textOf(stage, 'one/dist/more.js')]).toEqual([
    expect.stringContaining('changed'),
    expect.stringContaining('new'),
  ]);
});

test('a source that does not compile ends the build', () => {
  const folder = checkout();
  writeFileSync(join(folder, 'packages/one/src/index.ts'), 'export const answer: number = "text";\n');
  expect(() => compile(folder)).toThrow('tsc -b to succeed, got: packages/one/src/index.ts');
});
