/** Finds the programs and interpreters of this machine that the native lanes use, with their versions and digests. */

import { execFile } from 'node:child_process';
import { accessSync, constants, realpathSync, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { fileDigest } from '../file-digest.ts';

const run = promisify(execFile);
const SYSTEM_PATH = ['/usr/bin', '/usr/local/bin', '/bin', '/usr/sbin', '/sbin'];

export interface Interpreter {
  /** Absolute, links resolved. */
  readonly path: string;
  readonly version: string;
  /** Directory outside /usr that the interpreter needs to run, or `null`. */
  readonly prefix: string | null;
}

export interface Python extends Interpreter {
  /** e.g. `cp311`. */
  readonly tag: string;
}

/**
 * Absolute path of a program, system directories first; `null` when it is not there.
 * @example findProgram('python3') // '/usr/bin/python3'
 */
export function findProgram(name: string, directories: readonly string[] = searchPath()): string | null {
  for (const directory of directories) {
    const path = join(directory, name);
    try {
      accessSync(path, constants.X_OK);
      if (statSync(path).isFile()) return path;
    } catch {
      // Not here.
    }
  }
  return null;
}

/**
 * Where programs are looked for: the system's directories, then the absolute ones of `path`, which is PATH.
 * @example searchPath('/opt/bin:relative').at(-1) // '/opt/bin'
 */
export function searchPath(path: string = process.env.PATH ?? ''): readonly string[] {
  const own = path.split(delimiter).filter((directory) => directory.startsWith('/'));
  return [...new Set([...SYSTEM_PATH, ...own])];
}

const PYTHON_FACTS = "import sys;print(sys.version.split()[0],sys.base_prefix,'cp%d%d'%sys.version_info[:2],sep='\\n')";

/** The first python3 of version 3.9 or newer, the system's own before any other; `null` when there is none. */
export async function findPython(): Promise<Python | null> {
  for (const directory of searchPath()) {
    const found = findProgram('python3', [directory]);
    if (found === null) continue;
    const facts = await run(found, ['-I', '-c', PYTHON_FACTS], { env: {}, timeout: 10_000 }).catch(() => null);
    const [version = '', base = '', tag = ''] = facts?.stdout.trim().split('\n') ?? [];
    const [major = 0, minor = 0] = version.split('.').map(Number);
    if (major !== 3 || minor < 9) continue;
    const prefix = realpathSync(base);
    return { path: interpreterOf(found, prefix), version, tag, prefix: prefix === '/usr' ? null : prefix };
  }
  return null;
}

/** A version manager's launcher script is not the interpreter; the one below the prefix is. */
function interpreterOf(found: string, prefix: string): string {
  return realpathSync(findProgram('python3', [join(prefix, 'bin')]) ?? found);
}

/** The Node that runs this process, which is the pinned one. */
export function ownNode(): Interpreter {
  return { path: realpathSync(process.execPath), version: process.versions.node, prefix: null };
}

const digests = new Map<string, Promise<string>>();

/** Lower-case hex SHA-256 of a file; kept by path, size and time of change. */
export async function digestOf(path: string): Promise<string> {
  const { size, mtimeMs, ino } = statSync(path);
  const key = `${path}|${size}|${mtimeMs}|${ino}`;
  const known = digests.get(key);
  if (known !== undefined) return known;
  const digest = fileDigest(path);
  digests.set(key, digest);
  return digest;
}

/** First line of `program --version`, or `unknown`. */
export async function versionOf(program: string): Promise<string> {
  const output = await run(program, ['--version'], { env: {}, timeout: 5_000 }).catch(() => null);
  return output?.stdout.split('\n')[0]?.trim() || 'unknown';
}
