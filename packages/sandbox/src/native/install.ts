/**
 * Installs the Python packages of the native lanes: pinned wheels with required hashes, compiled in advance, with a font cache
 * that names no font of this machine. Runs pip on the host, as the operator, never on behalf of a job.
 *
 * ethers, for JavaScript, comes with the agent itself: npm checked its integrity against the lock file.
 */

import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { SandboxError } from '../errors.ts';
import { RUNNERS } from '../runners.ts';
import { digestTree, type InstalledImage, imageRoot, readInstalledImage } from './image.ts';
import { IMAGES, type ImageKind } from './images.ts';
import { INSIDE } from './layout.ts';
import { findProgram, findPython, type Python } from './programs.ts';

const run = promisify(execFile);
const PIP_MS = 15 * 60 * 1000;
/** What the operator's pip may know: its own settings and the way to the network, nothing else of the agent's environment. */
const KEPT = /^(PATH|HOME|LANG|LC_.*|TMPDIR|PIP_.*|https?_proxy|no_proxy|SSL_CERT_(FILE|DIR)|REQUESTS_CA_BUNDLE)$/i;

/** One line for people about what is being done. */
export type OnProgress = (message: string) => void;

/**
 * Installs an image for this machine's Python into `<directory>/sandbox/<kind>/<tag>`; a finished one is left alone.
 *
 * @throws {SandboxError} `sandbox/unavailable` without a fitting Python or pip, `sandbox/download-failed` when pip fails.
 *
 * @example
 * const image = await installNativeImage('.assay', (line) => process.stderr.write(`${line}\n`));
 */
export async function installNativeImage(
  directory: string,
  onProgress: OnProgress = () => {},
  kind: ImageKind = 'native',
): Promise<InstalledImage> {
  const { list, main, fonts, leftOut } = IMAGES[kind];
  const python = await findPython();
  const minor = Number(/^3\.(\d+)/.exec(python?.version ?? '')?.[1] ?? 0);
  if (python === null || minor < 11) {
    throw new SandboxError(
      'sandbox/unavailable',
      `the packages need Python 3.11 or newer, found ${python?.version ?? 'none'}; install python3`,
    );
  }
  const existing = readInstalledImage(directory, python.tag, kind);
  if (existing !== null) {
    onProgress(`already installed for Python ${python.version}: ${existing.names.join(', ')}`);
    return existing;
  }
  const root = imageRoot(directory, python.tag, kind);
  const building = `${root}.building-${process.pid}`;
  rmSync(building, { recursive: true, force: true });
  mkdirSync(join(building, 'packages'), { recursive: true, mode: 0o755 });
  try {
    onProgress(`installing ${main.join(', ')} for Python ${python.version}`);
    await installWheels(python, join(building, 'packages'), list);
    removeTests(join(building, 'packages'));
    for (const file of leftOut) rmSync(join(building, 'packages', file));
    onProgress('compiling');
    await compile(python, join(building, 'packages'));
    if (fonts) {
      onProgress('building the font cache');
      await buildFontCache(python, building);
    }
    const sha256 = await digestTree(building);
    const names = packageNames(join(building, 'packages'), main);
    writeFileSync(join(building, 'manifest.json'), `${JSON.stringify({ v: 1, tag: python.tag, names, sha256 }, null, 2)}\n`);
    rmSync(root, { recursive: true, force: true });
    renameSync(building, root);
  } finally {
    rmSync(building, { recursive: true, force: true });
  }
  const image = readInstalledImage(directory, python.tag, kind);
  if (image === null)
    throw new SandboxError('sandbox/download-failed', `expected an image in ${root} after the installation; try again`);
  return image;
}

async function installWheels(python: Python, target: string, packages: string): Promise<void> {
  const pip = await findPip(python);
  const options = [
    '--require-hashes',
    '--only-binary',
    ':all:',
    '--no-deps',
    '--no-compile',
    '--no-input',
    '--disable-pip-version-check',
  ];
  const list = join(RUNNERS, packages);
  const [program = '', ...rest] = [...pip, 'install', '--quiet', '--target', target, ...options, '-r', list];
  try {
    await run(program, rest, { env: hostEnvironment(), timeout: PIP_MS, maxBuffer: 16 * 1024 * 1024 });
  } catch (cause) {
    const said = String((cause as { stderr?: string }).stderr ?? cause)
      .trim()
      .split('\n');
    const last = said.find((line) => line.startsWith('ERROR')) ?? said.at(-1) ?? '';
    throw new SandboxError('sandbox/download-failed', `pip could not install the packages: ${last.slice(0, 300)}`, { cause });
  }
}

/** The interpreter's own pip, or that of another interpreter of the same minor version (pip judges versions by its own). */
async function findPip(python: Python): Promise<readonly string[]> {
  const wanted = /^3\.\d+/.exec(python.version)?.[0] ?? '';
  const others = (process.env.PATH ?? '').split(':').flatMap((directory) => findProgram(`python${wanted}`, [directory]) ?? []);
  for (const interpreter of [python.path, ...others]) {
    const answer = await run(interpreter, ['-m', 'pip', '--version'], { env: hostEnvironment(), timeout: 30_000 }).catch(
      () => null,
    );
    if (answer?.stdout.includes(`(python ${wanted})`)) return [interpreter, '-m', 'pip'];
  }
  throw new SandboxError('sandbox/unavailable', `installing packages needs pip for Python ${wanted}; install python3-pip`);
}

function hostEnvironment(): Record<string, string> {
  const kept = Object.entries(process.env).filter(
    (entry): entry is [string, string] => KEPT.test(entry[0]) && entry[1] !== undefined,
  );
  return Object.fromEntries(kept);
}

/** Test suites are half of the bytes and no program needs them. */
function removeTests(packages: string): void {
  for (const entry of readdirSync(packages, { withFileTypes: true, recursive: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isDirectory() && entry.name === 'tests' && existsSync(path)) rmSync(path, { recursive: true });
  }
}

/** Byte code that is valid whatever the files' times are, under the paths that the code will see. */
async function compile(python: Python, packages: string): Promise<void> {
  const mode = ['--invalidation-mode', 'unchecked-hash', '-s', packages, '-p', INSIDE.packages];
  // A few files of some wheels are templates and do not compile; that is their business.
  await run(python.path, ['-I', '-m', 'compileall', '-q', '-j', '0', ...mode, packages], { env: {}, timeout: PIP_MS }).catch(
    () => undefined,
  );
}

const FONT_CACHE = `
import json, sys
sys.path.insert(0, sys.argv[1])
import matplotlib.font_manager as fonts
manager = fonts._load_fontmanager(try_read_cache=False)
for names in (manager.ttflist, manager.afmlist):
    kept = [entry for entry in names if not entry.fname.startswith('/') or entry.fname.startswith(sys.argv[1])]
    names[:] = sorted(kept, key=lambda entry: (entry.fname, getattr(entry, 'index', 0)))
fonts.json_dump(manager, sys.argv[2] + '/fontlist-v%s.json' % manager.__version__)
`;

/** Only the fonts that matplotlib brings: those of this machine are not visible inside, and would differ from machine to machine. */
async function buildFontCache(python: Python, root: string): Promise<void> {
  const directory = join(root, 'matplotlib');
  mkdirSync(directory, { mode: 0o755 });
  writeFileSync(join(directory, 'matplotlibrc'), 'backend: Agg\nsvg.hashsalt: assay\n');
  const environment = { MPLCONFIGDIR: directory, MPLBACKEND: 'Agg', HOME: directory, PYTHONDONTWRITEBYTECODE: '1' };
  try {
    await run(python.path, ['-s', '-S', '-c', FONT_CACHE, join(root, 'packages'), directory], {
      env: environment,
      timeout: 120_000,
    });
  } catch (cause) {
    throw new SandboxError(
      'sandbox/download-failed',
      'the installed matplotlib does not work with this Python; see the cause',
      {
        cause,
      },
    );
  }
}

/** `name version` of every installed distribution, the main ones first. */
function packageNames(packages: string, first: readonly string[]): readonly string[] {
  const found = readdirSync(packages)
    .map((name) => /^(.+?)-([^-]+)\.dist-info$/.exec(name))
    .filter((match) => match !== null)
    .map(([, name = '', version = '']) => `${name.replaceAll('_', '-').toLowerCase()} ${version}`)
    .sort();
  const main = first.flatMap((name) => found.filter((entry) => entry.startsWith(`${name} `)));
  return [...main, ...found.filter((entry) => !main.includes(entry))];
}
