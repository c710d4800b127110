/** Hashes of everything in the wasm lane that can change an output: published, measured, and compared on replay. */

import { readdirSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { NETWORK_BOUNDS } from '../network/gateway.ts';
import { javascriptFrontEnd } from '../runners.ts';
import { sha256 } from './checked-job.ts';
import { ENGINE_FLAGS, GUEST_ENVIRONMENT, GUEST_FLAGS } from './guest-process.ts';
import type { RuntimeFiles } from './runtime-files.ts';
import type { Wheels } from './wheels.ts';

const PYODIDE_FILES = ['pyodide.mjs', 'pyodide.asm.mjs', 'pyodide.asm.wasm', 'python_stdlib.zip'] as const;

/** Hashes of the parts that a snapshot is made of, and of the rest of the Python runtime. */
export interface PythonDigests {
  readonly version: string;
  readonly files: Readonly<Record<string, string>>;
}

/** Hashes Pyodide's own files. */
export async function digestPyodide({ pyodide }: RuntimeFiles): Promise<PythonDigests> {
  const entries = await Promise.all(
    PYODIDE_FILES.map(async (name): Promise<[string, string]> => [name, sha256(await readFile(join(pyodide.path, name)))]),
  );
  return { version: pyodide.version, files: Object.fromEntries(entries) };
}

/** Hashes the guest programs, by file name without extension, and the modules of the front ends, by file name. */
export function digestGuests({ guest, extension, frontEnd }: RuntimeFiles): Readonly<Record<string, string>> {
  const names = readdirSync(guest)
    .filter((name) => name.endsWith(extension) && !name.endsWith(`.d${extension}`) && !name.endsWith(`.test${extension}`))
    .sort();
  return Object.fromEntries([
    ...names.map((name) => [name.slice(0, -extension.length), sha256(readFileSync(join(guest, name)))]),
    ...[...frontEnd, ...javascriptFrontEnd()].map((path) => [basename(path), sha256(readFileSync(path))]),
  ]);
}

/** Key of the snapshot: changes when anything it is made of does. */
export function snapshotKey(denoSha256: string, python: PythonDigests, guests: Readonly<Record<string, string>>): string {
  return sha256(JSON.stringify([denoSha256, python, guests]));
}

/** The environment manifest of the lane, JSON-safe. */
export function environmentManifest(parts: {
  readonly files: RuntimeFiles;
  readonly denoSha256: string;
  readonly python: PythonDigests;
  readonly guests: Readonly<Record<string, string>>;
  readonly snapshotSha256: string | null;
  readonly wheels: Wheels | null;
}): Readonly<Record<string, unknown>> {
  const { files, denoSha256, python, guests, snapshotSha256, wheels } = parts;
  return {
    v: 1,
    lane: 'wasm',
    platform: `${process.platform}-${process.arch}`,
    deno: {
      version: files.deno.version,
      sha256: denoSha256,
      flags: [...GUEST_FLAGS, ...ENGINE_FLAGS],
      environment: GUEST_ENVIRONMENT,
    },
    pyodide: { version: python.version, files: python.files, snapshot_sha256: snapshotSha256 },
    wheels:
      wheels === null
        ? []
        : wheels.files.map(({ name, version, file, sha256: digest }) => ({ name, version, file, sha256: digest })),
    ethers: { version: files.ethers.version, sha256: sha256(readFileSync(files.ethers.path)) },
    acorn: { version: files.acorn.version, sha256: sha256(readFileSync(files.acorn.path)) },
    guests,
    network_bounds: { ...NETWORK_BOUNDS },
  };
}
