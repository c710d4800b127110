/**
 * What a native sandbox sees of this machine: the system's programs and libraries read-only, the interpreters, the runners, the
 * installed packages, a made-up /etc. Every path is decided here, once, when the lane opens.
 */

import { existsSync, lstatSync, readFileSync, readlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { RUNNERS } from '../runners.ts';
import type { CellKind } from './cell.ts';
import type { InstalledImage } from './image.ts';
import type { Interpreter, Python } from './programs.ts';

/** A host path and where the code finds it. Read-only, always. */
export interface Bind {
  readonly source: string;
  /** A file that is made when the lane opens: `source` is its name. */
  readonly text?: string | Uint8Array | undefined;
  readonly target: string;
  /** A small file or folder of the agent's own: where it is installed need not be seen inside. */
  readonly own?: boolean | undefined;
}

export interface Layout {
  readonly binds: readonly Bind[];
  /** Links of a merged /usr, `[target, name]`. */
  readonly links: readonly (readonly [string, string])[];
  readonly python: Python | null;
  readonly node: Interpreter;
  readonly environment: Readonly<Record<string, string>>;
}

export interface LayoutOptions {
  readonly python: Python | null;
  readonly node: Interpreter;
  readonly image: InstalledImage | null;
}

const SYSTEM = ['/usr/bin', '/usr/lib', '/usr/lib32', '/usr/lib64', '/usr/libx32', '/usr/share/zoneinfo'];
const TOP_LEVEL = ['/bin', '/lib', '/lib32', '/lib64', '/libx32'];

/** Where things stand inside the sandbox. */
export const INSIDE = {
  node: '/opt/assay/bin/node',
  runners: '/opt/assay/runners',
  /** What starts the JavaScript runner, its text in one file, and the code that V8 made of that. */
  cell: '/opt/assay/start.cjs',
  runner: '/opt/assay/runner.js',
  runnerCode: '/opt/assay/runner.code',
  packages: '/opt/assay/packages',
  matplotlib: '/opt/assay/matplotlib',
  modules: '/node_modules',
} as const;

/** Decides what is visible where. */
export function planLayout({ python, node, image }: LayoutOptions): Layout {
  const binds: Bind[] = SYSTEM.filter((path) => isDirectory(path)).map((path) => ({ source: path, target: path }));
  const links: [string, string][] = [];
  for (const path of TOP_LEVEL) {
    if (isLink(path)) links.push([readlinkSync(path), path]);
    else if (isDirectory(path)) binds.push({ source: path, target: path });
  }
  if (python?.prefix) binds.push({ source: python.prefix, target: python.prefix });
  binds.push({ source: node.path, target: INSIDE.node, own: true }, { source: RUNNERS, target: INSIDE.runners, own: true });
  for (const { source, name } of nodeModules()) binds.push({ source, target: join(INSIDE.modules, name), own: true });
  if (image !== null) {
    binds.push({ source: image.packages, target: INSIDE.packages });
    if (image.matplotlib !== null) binds.push({ source: image.matplotlib, target: INSIDE.matplotlib });
  }
  return { binds, links, python, node, environment: environmentOf(image) };
}

/**
 * Modules that JavaScript finds with `require`: whole packages that need nothing else. `acorn` is the runner's own.
 */
export function nodeModules(): readonly { readonly name: string; readonly source: string }[] {
  const require_ = createRequire(import.meta.url);
  return [
    { name: 'acorn', source: dirname(require_.resolve('acorn/package.json')) },
    { name: 'ethers/index.js', source: join(packageRoot(require_.resolve('ethers')), 'dist/ethers.umd.min.js') },
  ];
}

/** Version of a package of this workspace that the sandbox offers. */
export function moduleVersion(name: string): string {
  const root = packageRoot(createRequire(import.meta.url).resolve(name));
  return (JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }).version;
}

function packageRoot(entry: string): string {
  const parts = entry.split(/[/\\]/);
  return parts.slice(0, parts.indexOf('node_modules') + 2).join('/');
}

/** Fixed: nothing of the host's environment reaches the code, and nothing here differs from run to run. */
function environmentOf(image: InstalledImage | null): Readonly<Record<string, string>> {
  return {
    PATH: '/usr/bin:/bin',
    HOME: '/tmp',
    TMPDIR: '/tmp',
    LANG: 'C.UTF-8',
    TZ: 'UTC',
    SOURCE_DATE_EPOCH: '315532800',
    PYTHONHASHSEED: '0',
    PYTHONDONTWRITEBYTECODE: '1',
    PYTHONNOUSERSITE: '1',
    MPLBACKEND: 'Agg',
    OPENBLAS_NUM_THREADS: '1',
    OMP_NUM_THREADS: '1',
    OPENSSL_CONF: '/dev/null',
    ...(hasAvx2() ? { OPENBLAS_CORETYPE: 'Haswell' } : {}),
    ...(image === null ? {} : { ASSAY_PACKAGES: INSIDE.packages }),
    ...((image?.matplotlib ?? null) === null
      ? {}
      : { ASSAY_MATPLOTLIB: INSIDE.matplotlib, MATPLOTLIBRC: `${INSIDE.matplotlib}/matplotlibrc` }),
  };
}

/** One kernel for every processor that has AVX2, so that BLAS results do not differ between newer ones. */
function hasAvx2(): boolean {
  try {
    return process.arch === 'x64' && / avx2 /.test(readFileSync('/proc/cpuinfo', 'latin1'));
  } catch {
    return false;
  }
}

/** Where programs stand, inside or outside the mount namespace. */
export interface CellPrograms {
  readonly python: string;
  readonly node: string;
  readonly runners: string;
  /** The JavaScript runner. */
  readonly cell: string;
}

/** The command that becomes a cell of this kind. */
export function cellCommand(kind: CellKind, programs: CellPrograms): readonly string[] {
  return kind === 'python'
    ? [programs.python, '-s', '-S', join(programs.runners, 'python', 'cell.py')]
    : [...nodeCommand(programs.node), programs.cell];
}

/** Node as a cell runs it, before the file. */
export function nodeCommand(node: string): readonly string[] {
  return [node, '--disable-warning=ExperimentalWarning'];
}

/** {@link CellPrograms} as a cell in a mount namespace of its own finds them. */
export function programsInside(python: Python | null): CellPrograms {
  return { python: python?.path ?? '', node: INSIDE.node, runners: INSIDE.runners, cell: INSIDE.cell };
}

function isLink(path: string): boolean {
  return existsSync(path) && lstatSync(path).isSymbolicLink();
}

function isDirectory(path: string): boolean {
  return existsSync(path) && lstatSync(path).isDirectory();
}
