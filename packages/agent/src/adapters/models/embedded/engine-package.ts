/**
 * The engine that runs models here: llama.cpp through the npm package node-llama-cpp, with its prebuilt binaries. It is no dependency of
 * this package; `assay model fetch` installs it into the data directory, each package by the digest in the lock file that ships here.
 * No script of a package runs on the way.
 */

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { access, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { ServerError } from '../../../errors.ts';
import { runTool } from './child-run.ts';
import { type FreeBytes, needRoom, writeFault } from './disk-space.ts';
import { reasonOf } from './download.ts';
import { checkEngineFiles } from './engine-files.ts';
import { makeModelsDirectory, modelsDirectory } from './places.ts';

/** Also the version of the platform's package: 3.21 has no raw logits. */
export const ENGINE_VERSION = '3.22.1';

/** Room for an installed engine, bytes. */
const ENGINE_BYTES = 120 * 1024 * 1024;
const PLATFORMS = ['linux-x64', 'linux-arm64'] as const;
type Platform = (typeof PLATFORMS)[number];

const lockSchema = z.object({
  packages: z.record(
    z.string(),
    z.object({
      version: z.string().optional(),
      integrity: z.string().optional(),
      dependencies: z.record(z.string(), z.string()).optional(),
    }),
  ),
});
type LockedPackages = z.infer<typeof lockSchema>['packages'];

/** One package of the engine, as npm's lock file pins it. */
export interface EnginePackage {
  readonly name: string;
  readonly version: string;
  /** `sha512-…`, of the package's archive. */
  readonly integrity: string;
}

/** An engine that is installed. */
export interface InstalledEngine {
  readonly platform: string;
  /** Holds `node_modules`. */
  readonly directory: string;
  /** Sorted by name. */
  readonly packages: readonly EnginePackage[];
}

/** Why there can be no engine on this machine; `null` when there can. */
export function engineRefusal(platform: string = process.platform, arch: string = process.arch): string | null {
  const name = `${platform}-${arch}`;
  if (!PLATFORMS.includes(name as Platform))
    return `expected one of ${PLATFORMS.join(', ')}, got ${name}; connect Ollama or another endpoint instead`;
  const { header } = process.report.getReport() as unknown as { readonly header: { readonly glibcVersionRuntime?: string } };
  if (header.glibcVersionRuntime === undefined && platform === process.platform)
    return 'expected a Linux with glibc, got another C library; connect Ollama or another endpoint instead';
  return null;
}

/** @throws {ServerError} `model/engine-unsupported`. */
export function needEngineSupport(platform?: string, arch?: string): void {
  const refusal = engineRefusal(platform, arch);
  if (refusal !== null) throw new ServerError('model/engine-unsupported', refusal);
}

/**
 * The engine in the data directory by npm's list of what it installed, or `null`. {@link checkEngineFiles} reads the files themselves.
 * @throws {ServerError} for an engine that is there and not whole.
 */
export async function findEngine(dataDir: string): Promise<InstalledEngine | null> {
  if (engineRefusal() !== null) return null;
  const directory = engineDirectory(dataDir);
  try {
    await access(join(directory, 'node_modules', 'node-llama-cpp', 'package.json'));
    return { platform: ownPlatform(), directory, packages: await installedPackages(directory) };
  } catch (cause) {
    if (ServerError.is(cause)) throw cause;
    return null;
  }
}

export interface InstallOptions {
  readonly signal: AbortSignal;
  readonly free?: FreeBytes | undefined;
}

/**
 * Installs the engine, when it is not there. Needs npm and its registry.
 * @throws {ServerError} `model/engine-unsupported`, `model/fetch-failed`, `model/wrong-digest`, `model/disk-full`.
 */
export async function installEngine(dataDir: string, { signal, free }: InstallOptions): Promise<InstalledEngine> {
  needEngineSupport();
  const found = await findEngine(dataDir).catch(() => null); // one with other packages is installed again
  if (found !== null) return found;
  const models = await makeModelsDirectory(dataDir);
  await needRoom(models, ENGINE_BYTES, free);
  const scratch = await mkdtemp(join(models, 'engine-part-'));
  try {
    const lock = shippedLock();
    const { dependencies } = lock.packages[''] ?? {};
    await writeFile(join(scratch, 'package.json'), JSON.stringify({ private: true, dependencies }));
    await writeFile(join(scratch, 'package-lock.json'), lock.text);
    const args = ['install', '--no-save', '--omit=optional', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
    await runTool({ command: 'npm', args, cwd: scratch, signal }).catch((cause: unknown) => {
      signal.throwIfAborted();
      const reason = `npm does not install node-llama-cpp ${ENGINE_VERSION}: ${reasonOf(cause)}`;
      throw new ServerError('model/fetch-failed', `${reason}; check the network and npm`, { cause });
    });
    const packages = await installedPackages(scratch);
    await checkEngineFiles(scratch);
    const directory = engineDirectory(dataDir);
    await rm(directory, { recursive: true, force: true });
    await mkdir(models, { recursive: true });
    await rename(scratch, directory);
    return { platform: ownPlatform(), directory, packages };
  } catch (cause) {
    throw writeFault(cause, models);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/**
 * What npm says it installed, held against the lock file: every package by version and digest, none beside them.
 * @throws {ServerError} `model/wrong-digest`.
 */
async function installedPackages(directory: string): Promise<readonly EnginePackage[]> {
  const text = await readFile(join(directory, 'node_modules', '.package-lock.json'), 'utf8');
  const installed = lockSchema.parse(JSON.parse(text)).packages;
  const { packages: locked } = shippedLock();
  const found = Object.entries(installed).map(([path, { version = '', integrity = '' }]) => {
    const wanted = locked[path];
    if (integrity !== '' && wanted?.version === version && wanted.integrity === integrity)
      return { name: nameOf(path), version, integrity };
    const message = `expected the packages of the shipped lock file, got ${path} ${version}; remove ${directory} and fetch again`;
    throw new ServerError('model/wrong-digest', message);
  });
  return found.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}

/** The name in a path of `node_modules`; of a nested one with the packages around it, so that names are unique. */
function nameOf(path: string): string {
  return path.replace(/^node_modules\//, '').replaceAll('/node_modules/', '>');
}

function engineDirectory(dataDir: string): string {
  return join(modelsDirectory(dataDir), `engine-${ENGINE_VERSION}`);
}

function ownPlatform(): Platform {
  return `${process.platform}-${process.arch}` as Platform;
}

function shippedLock(): { readonly text: string; readonly packages: LockedPackages } {
  const text = readFileSync(new URL(`../../../../models/engine-${ownPlatform()}.json`, import.meta.url), 'utf8');
  return { text, packages: lockSchema.parse(JSON.parse(text)).packages };
}

/** Lower-case hex SHA-256 of the shipped lock file. */
export function shippedLockDigest(): string {
  return createHash('sha256').update(shippedLock().text, 'utf8').digest('hex');
}
