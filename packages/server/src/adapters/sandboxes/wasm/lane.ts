/**
 * Opens the wasm lane: finds its parts, has the Python snapshot ready, runs the hostile self-test, and starts the warm pool.
 * Needs nothing but npm packages. Boundary: deno's permissions and the engine's memory safety, under kernel limits on Linux.
 */

import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ServerError } from '../../../errors.ts';
import {
  DEFAULT_LIMITS,
  type Sandbox,
  type SandboxCapabilities,
  type SandboxJob,
  type SandboxResult,
  type SelfTestProbe,
} from '../../../ports/sandbox.ts';
import { digestEnvironment } from '../claim.ts';
import { failedProbes, type Lane, type LaneOptions } from '../lane.ts';
import { digestGuests, digestPyodide, environmentManifest, hashFile, type PythonDigests, snapshotKey } from './environment.ts';
import type { Flavour } from './guest-pool.ts';
import { BASE_MEMORY, GuestProcess } from './guest-process.ts';
import type { GuestConfig } from './messages.ts';
import { findRuntimeFiles, type RuntimeFiles } from './runtime-files.ts';
import { selfTest } from './self-test.ts';
import { type Snapshot, snapshotFor } from './snapshot-store.ts';
import { WasmSandbox } from './wasm-sandbox.ts';
import { installedWheels, WANTED_PACKAGES, type Wheels } from './wheels.ts';

const PAGE_BYTES = 65_536;

/** The lane as `select.ts` knows it. */
export const wasmLane: Lane = { name: 'wasm', isolation: 'wasm', open: openWasmLane };

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
 * Finds and hashes the runtime, and makes the Python snapshot when it is not there yet (about three seconds, once).
 *
 * @throws {ServerError} `sandbox/unavailable`, `sandbox/start-failed`, `sandbox/tampered`.
 */
export async function prepareRuntime(directory: string): Promise<WasmRuntime> {
  const files = findRuntimeFiles();
  const [denoSha256, python, wheels] = await Promise.all([
    hashOnce(files.deno.path, directory),
    digestPyodide(files),
    installedWheels(directory, files),
  ]);
  const guests = digestGuests(files);
  const place = join(directory, 'sandbox');
  const snapshot = await snapshotFor(place, snapshotKey(denoSha256, python, guests), () =>
    startGuest({ files, snapshot: null, wheels: null }, 'snapshot', DEFAULT_LIMITS.memoryBytes),
  );
  return { files, denoSha256, python, guests, snapshot, wheels };
}

async function openWasmLane(options: LaneOptions): Promise<Sandbox> {
  const runtime = await prepareRuntime(options.directory);
  const environment = environmentManifest({ ...runtime, snapshotSha256: runtime.snapshot.sha256 });
  const cores = options.concurrency ?? availableParallelism();
  const warm = options.warm ?? cores;
  const serve = (selfTestProbes: readonly SelfTestProbe[], warmCount: number): WasmSandbox =>
    new WasmSandbox({
      capabilities: capabilitiesOf(runtime, environment, selfTestProbes),
      start: (flavour, memoryBytes) => startGuest(runtime, flavour, memoryBytes),
      concurrency: cores,
      warm: { javascript: warmCount, python: warmCount },
    });
  const trial = serve([], 0);
  let probes: readonly SelfTestProbe[];
  try {
    probes = await selfTest((job) => resultOf(trial, job));
  } finally {
    await trial.close();
  }
  const failed = failedProbes(probes);
  if (failed.length > 0) {
    throw new ServerError(
      'sandbox/unavailable',
      `the wasm sandbox let an attack through (${failed.join('; ')}); do not use it here`,
      { details: { probes } },
    );
  }
  const sandbox = serve(probes, warm);
  void sandbox.warmUp();
  return sandbox;
}

async function resultOf(sandbox: Sandbox, job: SandboxJob): Promise<SandboxResult> {
  for await (const event of sandbox.run(job)) if (event.type === 'result') return event.result;
  throw new ServerError('sandbox/start-failed', 'the run ended without a result');
}

function capabilitiesOf(
  runtime: WasmRuntime,
  environment: Readonly<Record<string, unknown>>,
  probes: readonly SelfTestProbe[],
): SandboxCapabilities {
  return {
    lane: 'wasm',
    isolation: 'wasm',
    languages: ['python', 'javascript'],
    packages: {
      python: runtime.wheels?.files.map(({ name, version }) => `${name} ${version}`) ?? [],
      javascript: [`ethers ${runtime.files.ethers.version}`],
    },
    selfTest: probes,
    environment,
    environmentDigest: digestEnvironment(environment),
  };
}

function startGuest(
  parts: { readonly files: RuntimeFiles; readonly snapshot: Snapshot | null; readonly wheels: Wheels | null },
  program: Flavour | 'snapshot',
  memoryBytes: number,
): GuestProcess {
  const { files, snapshot, wheels } = parts;
  const javascript = program === 'javascript';
  const config: GuestConfig = {
    ethers: javascript ? pathToFileURL(files.ethers.path).href : null,
    pyodide: javascript ? null : `${pathToFileURL(files.pyodide.path).href}/`,
    snapshot: javascript ? null : (snapshot?.path ?? null),
    wheels:
      javascript || wheels === null ? null : { directory: wheels.directory, lockFile: wheels.lockFile, load: WANTED_PACKAGES },
    memoryPages: Math.floor(memoryBytes / PAGE_BYTES),
  };
  const reads = javascript
    ? [files.ethers.path]
    : [files.pyodide.path, ...(snapshot === null ? [] : [snapshot.path]), ...(wheels === null ? [] : [wheels.directory])];
  return new GuestProcess({
    deno: files.deno.path,
    script: join(files.guest, `${program}${files.extension}`),
    config,
    reads,
    memoryBytes,
    baseBytes: BASE_MEMORY[javascript ? 'javascript' : 'python'],
  });
}

/** Hash of a large file, remembered beside its size and times, so that a restart does not read 95 MB again. */
async function hashOnce(path: string, directory: string): Promise<string> {
  const { size, mtimeMs, ctimeMs, ino } = await stat(path);
  const identity = JSON.stringify([path, size, mtimeMs, ctimeMs, ino]);
  const note = join(directory, 'sandbox', 'deno.sha256');
  const kept = await readFile(note, 'utf8').catch(() => '');
  const [keptIdentity, keptDigest] = kept.split('\n');
  if (keptIdentity === identity && /^[0-9a-f]{64}$/.test(keptDigest ?? '')) return keptDigest ?? '';
  const digest = await hashFile(path);
  await mkdir(join(directory, 'sandbox'), { recursive: true });
  await writeFile(note, `${identity}\n${digest}\n`);
  return digest;
}
