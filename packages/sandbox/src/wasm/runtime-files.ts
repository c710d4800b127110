/**
 * Finds the parts of the wasm lane in `node_modules`: the deno binary itself (not its JavaScript shim), Pyodide, ethers, and the
 * guest programs beside this file. Nothing is downloaded here.
 */

import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SandboxError } from '../errors.ts';
import { pythonFrontEnd } from '../runners.ts';

/** A part and the version that its package names. */
export interface Part {
  readonly path: string;
  readonly version: string;
}

export interface RuntimeFiles {
  /** Executable. */
  readonly deno: Part;
  /** Directory with `pyodide.mjs`, `pyodide.asm.wasm`, … */
  readonly pyodide: Part;
  /** `ethers.min.js`. */
  readonly ethers: Part;
  /** `acorn.mjs`. */
  readonly acorn: Part;
  /** Directory of the guest programs. */
  readonly guest: string;
  /** Paths of the Python front end's modules. */
  readonly frontEnd: readonly string[];
  /** `.ts` from source, `.js` when compiled. */
  readonly extension: string;
}

const PLATFORMS: Readonly<Record<string, string>> = {
  'linux-x64': '@deno/linux-x64-glibc',
  'linux-arm64': '@deno/linux-arm64-glibc',
  'darwin-x64': '@deno/darwin-x64',
  'darwin-arm64': '@deno/darwin-arm64',
  'win32-x64': '@deno/win32-x64',
  'win32-arm64': '@deno/win32-arm64',
};

/**
 * Finds every part.
 *
 * @throws {SandboxError} `sandbox/unavailable` when one is missing, e.g. on a platform that deno has no package for (musl).
 * @example const files = findRuntimeFiles()
 */
export function findRuntimeFiles(): RuntimeFiles {
  const here = fileURLToPath(import.meta.url);
  const platform = PLATFORMS[`${process.platform}-${process.arch}`];
  if (platform === undefined) throw missing(`deno for ${process.platform}-${process.arch}`);
  const denoShim = packageDirectory('deno', here);
  const denoPackage = packageDirectory(platform, join(denoShim, 'package.json'));
  const binary = join(denoPackage, process.platform === 'win32' ? 'deno.exe' : 'deno');
  if (!existsSync(binary)) throw missing(binary);
  const pyodide = packageDirectory('pyodide', here);
  const ethers = packageDirectory('ethers', here);
  const acorn = packageDirectory('acorn', here);
  return {
    deno: { path: binary, version: versionOf(denoPackage) },
    pyodide: { path: pyodide, version: versionOf(pyodide) },
    ethers: { path: join(ethers, 'dist', 'ethers.min.js'), version: versionOf(ethers) },
    acorn: { path: join(acorn, 'dist', 'acorn.mjs'), version: versionOf(acorn) },
    guest: join(dirname(here), 'guest'),
    frontEnd: pythonFrontEnd(),
    extension: extname(here),
  };
}

/** Directory next to the packages, for what is made once at install. */
export function snapshotCache({ pyodide }: RuntimeFiles): string {
  return join(dirname(pyodide.path), '.cache', 'assay');
}

/** Real directory of an installed package, without asking its `exports` for leave. */
function packageDirectory(name: string, from: string): string {
  for (const directory of createRequire(from).resolve.paths(name) ?? []) {
    const found = join(directory, name);
    if (existsSync(join(found, 'package.json'))) return realpathSync(found);
  }
  throw missing(`the npm package ${name}`);
}

function versionOf(directory: string): string {
  const { version } = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8')) as { readonly version: string };
  return version;
}

function missing(what: string): SandboxError {
  return new SandboxError('sandbox/unavailable', `${what} is not installed here; run npm install, or use another sandbox lane`);
}
