/** Compiles a checkout where nothing older lies. What stands in its own `dist` folders is in no commit, and never reaches an image. */

import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, relative } from 'node:path';

/** Below the checkout, so that installed packages are found upward, and by the same relative path on every machine. */
const STAGE = 'build/compiled';

/**
 * Copies every file that git tracks or would track, and compiles the packages and the console there.
 * @returns the folder with `packages/`; the caller removes it.
 * @throws Error when git or a compiler fails.
 */
export function compile(checkout: string): string {
  const stage = join(checkout, STAGE);
  rmSync(stage, { recursive: true, force: true });
  for (const path of sources(checkout)) {
    mkdirSync(join(stage, dirname(path)), { recursive: true });
    copyFileSync(join(checkout, path), join(stage, path));
  }
  withoutComments(stage);
  for (const manifest of globSync('packages/*/package.json', { cwd: stage })) linkPackage(checkout, stage, dirname(manifest));
  run(join(checkout, 'node_modules/.bin/tsc'), ['-b'], stage);
  if (existsSync(join(stage, 'packages/web'))) run('npm', ['run', '--silent', 'build:web'], stage);
  return stage;
}

/** An image is read by no one: a fifth of the compiled code is comments. */
function withoutComments(stage: string): void {
  const path = join(stage, 'tsconfig.base.json');
  if (!existsSync(path)) return;
  const base = JSON.parse(readFileSync(path, 'utf8')) as { readonly compilerOptions: object };
  writeFileSync(path, JSON.stringify({ ...base, compilerOptions: { ...base.compilerOptions, removeComments: true } }));
}

/** What `git status` speaks of: tracked files that are there, and new ones that nothing ignores. */
function sources(checkout: string): readonly string[] {
  return run('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard', '--', 'packages', ':(glob)*'], checkout)
    .split('\0')
    .filter((path) => path !== '' && existsSync(join(checkout, path)));
}

/** Packages of the workspace find each other in the stage; what one of them installed for itself comes along. */
function linkPackage(checkout: string, stage: string, folder: string): void {
  const { name } = JSON.parse(readFileSync(join(stage, folder, 'package.json'), 'utf8')) as { readonly name: string };
  const link = join(stage, 'node_modules', name);
  mkdirSync(dirname(link), { recursive: true });
  symlinkSync(relative(dirname(link), join(stage, folder)), link);
  const own = join(checkout, folder, 'node_modules');
  if (existsSync(own)) cpSync(own, join(stage, folder, 'node_modules'), { recursive: true, verbatimSymlinks: true });
}

function run(program: string, args: readonly string[], cwd: string): string {
  const { status, stdout, stderr } = spawnSync(program, args, { cwd, encoding: 'utf8', maxBuffer: 1 << 26 });
  if (status === 0) return stdout;
  throw new Error(`expected ${program} ${args[0]} to succeed, got: ${`${stdout}${stderr}`.trim().slice(-800)}`);
}
