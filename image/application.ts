/** What npm brings into the image: the locked packages without development ones, and this workspace's compiled packages as they are published. */

import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, globSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { compile } from './compile.ts';
import { withoutSymbols } from './elf.ts';
import { type Entry, entriesBelow, file } from './entries.ts';
import { leftOut } from './left-out.ts';
import { oneOfEach } from './one-of-each.ts';
import { readTar } from './tar.ts';

/** Where the application lies in the image. */
export const HOME = 'assay';

/** What runs: not the tests' helpers. */
const LEFT_OUT = new Set(['testing']);
export interface Application {
  readonly entries: readonly Entry[];
  /** Paths of installed packages, as the lock names them. */
  readonly installed: readonly string[];
}

/**
 * @param begin is called with each step when it begins.
 * @throws Error when npm or a compiler fails.
 */
export function application(checkout: string, begin: (step: string) => void): Application {
  const stage = mkdtempSync(join(tmpdir(), 'assay-image-'));
  begin('compile the packages and the console');
  const compiled = compile(checkout);
  try {
    const manifests = globSync(['package.json', '.npmrc', 'package-lock.json', 'packages/*/package.json'], { cwd: checkout });
    for (const path of manifests) {
      mkdirSync(join(stage, dirname(path)), { recursive: true });
      copyFileSync(join(checkout, path), join(stage, path));
    }
    begin("install the locked packages from the registry or npm's cache");
    npm(
      [
        'ci',
        '--omit=dev',
        '--ignore-scripts',
        '--no-audit',
        '--no-fund',
        '--os=linux',
        '--cpu=x64',
        '--libc=glibc',
        '--prefer-offline',
      ],
      stage,
    );
    begin('choose what the image takes of them');
    const wanted = (path: string): boolean => !leftOut(path) && !LEFT_OUT.has(/@assay\/([^/]+)$/.exec(path)?.[1] ?? '');
    const packages = entriesBelow(join(stage, 'node_modules'), `${HOME}/node_modules`, wanted);
    const inner = readdirSync(join(stage, 'packages'))
      .filter((name) => !LEFT_OUT.has(name) && existsSync(join(stage, 'packages', name, 'node_modules')))
      .flatMap((name) =>
        entriesBelow(join(stage, 'packages', name, 'node_modules'), `${HOME}/packages/${name}/node_modules`, wanted),
      );
    const own = readdirSync(join(compiled, 'packages'))
      .filter((name) => !LEFT_OUT.has(name))
      .flatMap((name) => published(join(compiled, 'packages', name), `${HOME}/packages/${name}`));
    const entries = [...packages, ...inner, ...own];
    const installed = entries
      .filter(({ path }) => /(?:^|\/)node_modules\/(?:@[^/]+\/)?[^/]+\/package\.json$/.test(path))
      .map(({ path }) => path.slice(HOME.length + 1, -'/package.json'.length));
    return { entries: oneOfEach(entries), installed: installed.sort() };
  } finally {
    rmSync(stage, { recursive: true, force: true });
    rmSync(compiled, { recursive: true, force: true });
  }
}

/** The files that `npm publish` would take, without the sources: the image runs the compiled files. */
export function published(directory: string, prefix: string): readonly Entry[] {
  const manifest = join(directory, 'package.json');
  const { files = [] } = JSON.parse(readFileSync(manifest, 'utf8')) as { readonly files?: readonly string[] };
  const folders = files.filter((name) => !name.startsWith('!') && name !== 'src' && existsSync(join(directory, name)));
  if (!folders.includes('dist')) throw new Error(`expected ${directory}/dist, got none; mend its tsconfig.json`);
  return [
    file(`${prefix}/package.json`, readFileSync(manifest)),
    ...folders.flatMap((name) => entriesBelowOrFile(join(directory, name), `${prefix}/${name}`)),
  ];
}

function entriesBelowOrFile(source: string, path: string): readonly Entry[] {
  try {
    return entriesBelow(source, path, (each) => !leftOut(each) && !/\.test\.js$|__pycache__/.test(each));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOTDIR') throw error;
    return leftOut(path) ? [] : [file(path, readFileSync(source))];
  }
}

/** Node as npm carries it, checked against its pinned integrity. @throws Error for another package. */
export function nodeProgram(
  pin: { readonly package: string; readonly version: string; readonly integrity: string },
  cache: string,
): readonly Entry[] {
  mkdirSync(cache, { recursive: true });
  const archive = join(cache, `${pin.package}-${pin.version}.tgz`);
  if (!existsSync(archive)) npm(['pack', '--silent', `${pin.package}@${pin.version}`], cache);
  const bytes = readFileSync(archive);
  const integrity = `sha512-${createHash('sha512').update(bytes).digest('base64')}`;
  if (integrity !== pin.integrity)
    throw new Error(`expected ${pin.package} with ${pin.integrity}, got ${integrity}; remove ${archive} and fetch it again`);
  const program = readTar(bytes).find(({ path }) => path === 'package/bin/node');
  if (program === undefined) throw new Error(`expected package/bin/node in ${pin.package}, got none; mend image/pins.json`);
  return [file('usr/bin/node', withoutSymbols(program.bytes), 0o755)];
}

function npm(args: readonly string[], cwd: string): void {
  const { status, stderr } = spawnSync('npm', args, { cwd, stdio: ['ignore', 'ignore', 'pipe'], encoding: 'utf8' });
  if (status !== 0)
    throw new Error(`expected npm ${args[0]} to succeed, got: ${stderr.trim().split('\n').slice(-3).join(' ').slice(0, 500)}`);
}
