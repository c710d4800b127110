/**
 * Python packages of the wasm lane: wheels built for Pyodide's ABI, listed with their SHA-256 in the lock file of the `pyodide`
 * npm package. Pyodide itself does not check hashes outside browsers, so this file does, before a wheel is ever used.
 */

import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SandboxError } from '../errors.ts';
import { sha256 } from './checked-job.ts';
import type { RuntimeFiles } from './runtime-files.ts';

/** What seed examples and everyday analysis import; their dependencies come along. */
export const WANTED_PACKAGES: readonly string[] = ['numpy', 'pandas', 'matplotlib'];

export interface WheelFile {
  readonly name: string;
  readonly version: string;
  readonly file: string;
  readonly sha256: string;
}

export interface Wheels {
  readonly directory: string;
  /** Pyodide lock file with these packages only. */
  readonly lockFile: string;
  readonly files: readonly WheelFile[];
  /** Names to load before the first job; their dependencies come along. */
  readonly load: readonly string[];
}

interface LockedPackage {
  readonly version: string;
  readonly file_name: string;
  readonly sha256: string;
  readonly depends: readonly string[];
}

interface LockFile {
  readonly info: Readonly<Record<string, string>>;
  readonly packages: Readonly<Record<string, LockedPackage>>;
}

/** The wheels that {@link WANTED_PACKAGES} need, in the pinned versions, sorted by name. */
export function wantedWheels(files: RuntimeFiles, wanted: readonly string[] = WANTED_PACKAGES): readonly WheelFile[] {
  return closure(readLock(files), wanted).map(([name, { version, file_name, sha256: digest }]) => ({
    name,
    version,
    file: file_name,
    sha256: digest,
  }));
}

function readLock({ pyodide }: RuntimeFiles): LockFile {
  return JSON.parse(readFileSync(join(pyodide.path, 'pyodide-lock.json'), 'utf8')) as LockFile;
}

/** Packages by the lock file's own keys, which are lower-case where a package's name is not. */
function closure({ packages }: LockFile, wanted: readonly string[]): readonly (readonly [key: string, entry: LockedPackage])[] {
  const found = new Map<string, LockedPackage>();
  const pending = [...wanted];
  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    const entry = packages[name];
    if (entry === undefined)
      throw new SandboxError('sandbox/package-unavailable', `pyodide has no package ${name}; ask for another`);
    if (found.has(name)) continue;
    found.set(name, entry);
    pending.push(...entry.depends);
  }
  return [...found].sort(([a], [b]) => (a < b ? -1 : 1));
}

export function wheelDirectory(directory: string): string {
  return join(directory, 'sandbox', 'wheels');
}

/**
 * The installed wheels, every hash checked; `null` when they were never installed.
 *
 * @throws {SandboxError} `sandbox/tampered` when a wheel does not have its pinned hash.
 */
export async function installedWheels(directory: string, files: RuntimeFiles): Promise<Wheels | null> {
  const place = wheelDirectory(directory);
  const lockFile = join(place, 'lock.json');
  if (!existsSync(lockFile)) return null;
  const wheels = wantedWheels(files);
  for (const wheel of wheels) {
    const bytes = await readFile(join(place, wheel.file)).catch(() => null);
    if (bytes === null) return null;
    if (sha256(bytes) !== wheel.sha256) throw tampered(wheel.file);
  }
  const wanted = lockText(files);
  if ((await readFile(lockFile, 'utf8')) !== wanted) throw tampered('lock.json');
  return { directory: place, lockFile, files: wheels, load: WANTED_PACKAGES };
}

/** Gives the bytes of a wheel by file name, or `null` when it has none. */
export type WheelSource = (file: string) => Promise<Uint8Array | null>;

/**
 * Fetches and keeps the wheels. Nothing is kept that does not have its pinned hash.
 *
 * @throws {SandboxError} `sandbox/download-failed`, `sandbox/tampered`.
 */
export async function installWheels(
  directory: string,
  files: RuntimeFiles,
  source: WheelSource,
  onProgress: (message: string) => void,
): Promise<Wheels> {
  const place = wheelDirectory(directory);
  await mkdir(place, { recursive: true });
  const wheels = wantedWheels(files);
  for (const [index, wheel] of wheels.entries()) {
    const path = join(place, wheel.file);
    const kept = await readFile(path).catch(() => null);
    if (kept !== null && sha256(kept) === wheel.sha256) continue;
    onProgress(`fetching ${wheel.name} ${wheel.version} (${index + 1} of ${wheels.length})`);
    const bytes = await source(wheel.file);
    if (bytes === null) {
      throw new SandboxError(
        'sandbox/download-failed',
        `${wheel.file} could not be fetched; check the network or pass a folder with the wheels`,
      );
    }
    if (sha256(bytes) !== wheel.sha256) throw tampered(wheel.file);
    await replaceFile(path, bytes);
  }
  const lockFile = join(place, 'lock.json');
  await replaceFile(lockFile, Buffer.from(lockText(files)));
  return { directory: place, lockFile, files: wheels, load: WANTED_PACKAGES };
}

function lockText(files: RuntimeFiles): string {
  const lock = readLock(files);
  const packages = Object.fromEntries(closure(lock, WANTED_PACKAGES));
  return JSON.stringify({ info: lock.info, packages });
}

async function replaceFile(path: string, bytes: Uint8Array): Promise<void> {
  const fresh = `${path}.${randomBytes(6).toString('hex')}.new`;
  await writeFile(fresh, bytes, { mode: 0o644 });
  await rename(fresh, path);
}

function tampered(file: string): SandboxError {
  return new SandboxError(
    'sandbox/tampered',
    `${file} does not have its pinned SHA-256; delete it and run 'assay sandbox install' again`,
  );
}
