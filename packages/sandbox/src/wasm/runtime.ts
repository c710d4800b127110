/** The parts of the wasm lane, found, hashed and ready to start guests from. */

import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { fileDigest } from '../file-digest.ts';
import { DEFAULT_LIMITS } from '../port.ts';
import { digestGuests, digestPyodide, type PythonDigests, snapshotKey } from './environment.ts';
import type { Flavour } from './guest-pool.ts';
import { BASE_MEMORY, GuestProcess } from './guest-process.ts';
import type { GuestConfig, ProbeBait } from './messages.ts';
import { findRuntimeFiles, type RuntimeFiles, snapshotCache } from './runtime-files.ts';
import { type Snapshot, snapshotFor } from './snapshot-store.ts';
import { installedWheels, type Wheels } from './wheels.ts';

const PAGE_BYTES = 65_536;

/** Everything on disk that guests are made of, hashed. */
export interface WasmRuntime {
  readonly files: RuntimeFiles;
  readonly denoSha256: string;
  readonly python: PythonDigests;
  readonly guests: Readonly<Record<string, string>>;
  readonly snapshot: Snapshot;
  readonly wheels: Wheels | null;
}

/**
 * Finds and hashes the runtime, and makes the Python snapshot when it is not there yet (about three seconds, once): in `place`, by
 * default the data directory.
 *
 * @throws {SandboxError} `sandbox/unavailable`, `sandbox/start-failed`, `sandbox/tampered`.
 */
export async function prepareRuntime(directory: string, options: { readonly place?: string } = {}): Promise<WasmRuntime> {
  const files = findRuntimeFiles();
  const [denoSha256, python, wheels] = await Promise.all([
    fileDigest(files.deno.path),
    digestPyodide(files),
    installedWheels(directory, files),
  ]);
  const guests = digestGuests(files);
  const places = { make: options.place ?? join(directory, 'sandbox'), also: snapshotCache(files) };
  const snapshot = await snapshotFor(places, snapshotKey(denoSha256, python, guests), () =>
    startGuest({ files, snapshot: null, wheels: null }, 'snapshot', DEFAULT_LIMITS.memoryBytes),
  );
  return { files, denoSha256, python, guests, snapshot, wheels };
}

/** Starts a guest that is not ready yet. */
export function startGuest(
  parts: { readonly files: RuntimeFiles; readonly snapshot: Snapshot | null; readonly wheels: Wheels | null },
  program: Flavour | 'snapshot' | 'probe',
  memoryBytes: number,
  probe?: ProbeBait,
): GuestProcess {
  const { files, snapshot, wheels } = parts;
  const javascript = program === 'javascript' || program === 'ethers' || program === 'probe';
  const config: GuestConfig = {
    ethers: javascript ? pathToFileURL(files.ethers.path).href : null,
    acorn: javascript ? pathToFileURL(files.acorn.path).href : null,
    preload: program === 'ethers',
    pyodide: javascript ? null : `${pathToFileURL(files.pyodide.path).href}/`,
    frontEnd: javascript || snapshot !== null ? [] : files.frontEnd,
    snapshot: javascript ? null : (snapshot?.path ?? null),
    wheels:
      javascript || wheels === null ? null : { directory: wheels.directory, lockFile: wheels.lockFile, load: wheels.load },
    memoryPages: Math.floor(memoryBytes / PAGE_BYTES),
    probe,
  };
  const reads = javascript
    ? [files.ethers.path, files.acorn.path]
    : [
        files.pyodide.path,
        ...(snapshot === null ? files.frontEnd : [snapshot.path]),
        ...(wheels === null ? [] : [wheels.directory]),
      ];
  return new GuestProcess({
    deno: files.deno.path,
    script: join(files.guest, `${program === 'ethers' ? 'javascript' : program}${files.extension}`),
    config,
    reads,
    memoryBytes,
    baseBytes: BASE_MEMORY[javascript ? 'javascript' : 'python'],
  });
}
