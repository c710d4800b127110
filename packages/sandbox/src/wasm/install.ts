/**
 * Prepares the wasm lane ahead of time: the Python snapshot at `npm install`, the packages by `assay sandbox install`.
 */

import { readAtMost } from '@assay/encoding/bounded-reader';
import { SandboxError } from '../errors.ts';
import { prepareRuntime } from './runtime.ts';
import { findRuntimeFiles, snapshotCache } from './runtime-files.ts';
import { installWheels, type WheelFile, type WheelSource } from './wheels.ts';

/** Where Pyodide's makers publish the wheels of a release. Nothing from there is trusted: hashes come from the npm package. */
const PUBLISHED = 'https://cdn.jsdelivr.net/pyodide';
const TIMEOUT_MS = 120_000;
const MAX_WHEEL_BYTES = 64 * 1024 * 1024;

export interface InstallOptions {
  /** Gives a wheel's bytes by file name. Default: Pyodide's published files. */
  readonly source?: WheelSource;
}

export interface InstalledRuntime {
  readonly wheels: readonly WheelFile[];
  /** SHA-256 of the Python snapshot. */
  readonly snapshotSha256: string;
}

/**
 * Fetches numpy, pandas, matplotlib and what they need into `<directory>/sandbox/wheels`, every file by its pinned SHA-256, and
 * makes the Python snapshot.
 *
 * @throws {SandboxError} `sandbox/download-failed`, `sandbox/tampered`, `sandbox/unavailable`, `sandbox/start-failed`.
 *
 * @example
 * await installWasmRuntime('/var/lib/assay', console.error);
 */
export async function installWasmRuntime(
  directory: string,
  onProgress: (message: string) => void = () => {},
  options: InstallOptions = {},
): Promise<InstalledRuntime> {
  const files = findRuntimeFiles();
  const wheels = await installWheels(directory, files, options.source ?? publishedWheels(files.pyodide.version), onProgress);
  onProgress('preparing the Python interpreter');
  const { snapshot } = await prepareRuntime(directory);
  return { wheels: wheels.files, snapshotSha256: snapshot.sha256 };
}

/**
 * Makes the Python snapshot next to the packages, so that the first start need not. Returns its path.
 * @example const path = await installSnapshot()
 */
export async function installSnapshot(): Promise<string> {
  const cache = snapshotCache(findRuntimeFiles());
  const { snapshot } = await prepareRuntime(cache, { place: cache });
  return snapshot.path;
}

function publishedWheels(version: string): WheelSource {
  return async (file) => {
    const url = `${PUBLISHED}/v${version}/full/${encodeURIComponent(file)}`;
    const failed = (cause: unknown): never => {
      throw new SandboxError(
        'sandbox/download-failed',
        `${new URL(url).host} cannot be reached, or sends no such file; check the network or pass a folder with the wheels`,
        { cause },
      );
    };
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    const response = await fetch(url, { redirect: 'error', signal }).catch(failed);
    if (!response.ok) return null;
    return readAtMost(response.body, { most: MAX_WHEEL_BYTES, what: url }).catch(failed);
  };
}
