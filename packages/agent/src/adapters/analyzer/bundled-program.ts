/**
 * Programs of npm packages that audits run in the sandbox, each as one file, made by npm and esbuild from a lock file when an operator asks for
 * it, never on behalf of a task. A file is held to a pinned digest, when it is made and each time before it runs.
 */

import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { utf8 } from '@assay/encoding/bytes';
import { ServerError } from '../../errors.ts';

/** `packages/agent`, next to `src` and `dist` alike. */
const PACKAGE = fileURLToPath(new URL('../../..', import.meta.url));
const INSTALL_MS = 5 * 60_000;
const run = promisify(execFile);

export interface BundledProgram {
  /** Package and version. */
  readonly name: string;
  /** Folder of `packages/agent` with manifest, lock file and entry; also the folder of the data directory that it is kept in. */
  readonly folder: string;
  readonly entry: string;
  /** How esbuild shortens it. */
  readonly minify: readonly string[];
  /** SHA-256 of the file, lower-case hex. Changes with the folder. */
  readonly digest: string;
}

/** By the lane of `assay sandbox install`. */
export const PROGRAMS = {
  /** The Ethereum virtual machine for exploits of claimed findings. */
  evm: {
    name: '@ethereumjs/evm 10.1.3',
    folder: 'evm',
    entry: 'exploit.js',
    minify: ['--minify-whitespace'],
    digest: '75385e412f017bb7ec7c3ed459c31937783577e74c93fc4169a1056ffc4eabf6',
  },
  /** The linter of audited sources. */
  solhint: {
    name: 'solhint 6.2.4',
    folder: 'linter',
    entry: 'lint.js',
    minify: ['--minify', '--keep-names'],
    digest: 'd8615000e253b8ebf2af747b21447cf6862686d2d78d77e84e387e072f9939c3',
  },
} as const satisfies Readonly<Record<string, BundledProgram>>;

/** Where `program` is below the data directory. */
export function programFile({ folder, entry }: BundledProgram): string {
  return join(folder, entry.replace(/\.js$/, '.cjs'));
}

/**
 * The program's text, `null` where it is not installed.
 * @throws {ServerError} `program/tampered`.
 */
export function installedProgram(directory: string, program: BundledProgram): string | null {
  const path = join(directory, programFile(program));
  if (!existsSync(path)) return null;
  const bytes = readFileSync(path);
  requirePinned(
    bytes,
    program,
    'do not use it: assay sandbox install --lane evm, or solhint, puts the pinned one in its place',
  );
  return bytes.toString('utf8');
}

/**
 * Those that are installed, by `sha256:` and their digest: bundles name a pinned program and need not hold it.
 * @example const bytes = installedPrograms('/var/lib/assay/programs')(digest)
 */
export function installedPrograms(directory: string): (digest: string) => Uint8Array | null {
  return (digest) => {
    const program = Object.values(PROGRAMS).find((each) => digest === `sha256:${each.digest}`);
    const text = program === undefined ? null : installedProgram(directory, program);
    return text === null ? null : utf8(text);
  };
}

/**
 * Installs it below `directory`. The pinned file is left alone when it is there already; another one, such as that of an earlier version, is
 * replaced.
 * @param source where manifest, lock file and entry are; those of this package by default.
 * @throws {ServerError} `program/download-failed`, `program/tampered`.
 * @example await installProgram('.assay', PROGRAMS.evm) // '@ethereumjs/evm 10.1.3'
 */
export async function installProgram(
  directory: string,
  program: BundledProgram,
  source: string = join(PACKAGE, program.folder),
): Promise<string> {
  const file = join(directory, programFile(program));
  if (existsSync(file) && digestOf(readFileSync(file)) === program.digest) return program.name;
  const work = mkdtempSync(join(tmpdir(), 'assay-program-'));
  try {
    for (const name of ['package.json', 'package-lock.json', program.entry]) cpSync(join(source, name), join(work, name));
    await bundle(work, program);
    const bytes = readFileSync(join(work, 'out.cjs'));
    requirePinned(bytes, program, 'nothing was installed: install this version of assay again from its source');
    mkdirSync(dirname(file), { recursive: true });
    const building = `${file}.${process.pid}.building`;
    writeFileSync(building, bytes, { mode: 0o644 });
    renameSync(building, file);
    return program.name;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

async function bundle(work: string, { name, entry, minify }: BundledProgram): Promise<void> {
  const options = { cwd: work, timeout: INSTALL_MS, maxBuffer: 16 * 1024 * 1024 };
  try {
    await run('npm', ['ci', '--silent', '--ignore-scripts', '--no-audit', '--no-fund'], options);
    const flags = ['--bundle', ...minify, '--platform=node', '--format=cjs', '--target=node22', '--log-level=error'];
    const esbuild = join('node_modules', 'esbuild', 'bin', 'esbuild');
    await run(process.execPath, [esbuild, entry, ...flags, '--outfile=out.cjs'], options);
  } catch (cause) {
    const said =
      String((cause as { stderr?: string }).stderr || cause)
        .trim()
        .split('\n')[0] ?? '';
    throw new ServerError(
      'program/download-failed',
      `npm could not fetch and bundle ${name} (${said.slice(0, 200)}); check the way to the registry and try again`,
      { cause },
    );
  }
}

function digestOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function requirePinned(bytes: Uint8Array, program: BundledProgram, whatToDo: string): void {
  const digest = digestOf(bytes);
  if (digest === program.digest) return;
  throw new ServerError(
    'program/tampered',
    `expected ${program.name} bundled with SHA-256 ${program.digest}, got ${digest}; ${whatToDo}`,
  );
}
