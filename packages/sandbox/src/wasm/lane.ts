/**
 * Opens the wasm lane: finds its parts, has the Python snapshot ready, runs the hostile self-test, and starts the warm pool.
 * Needs nothing but npm packages. Boundary: a realm that holds only listed names, in a process without permissions, on the engine's
 * memory safety, under kernel limits on Linux.
 */

import { availableParallelism } from 'node:os';
import { digestEnvironment } from '../claim.ts';
import { SandboxError } from '../errors.ts';
import { failedProbes, type Lane, type LaneOptions } from '../lane.ts';
import {
  DEFAULT_LIMITS,
  type Sandbox,
  type SandboxCapabilities,
  type SandboxJob,
  type SandboxResult,
  type SelfTestProbe,
} from '../port.ts';
import { environmentManifest } from './environment.ts';
import { prepareRuntime, startGuest, type WasmRuntime } from './runtime.ts';
import { selfTest } from './self-test.ts';
import { WasmSandbox } from './wasm-sandbox.ts';

/** The lane as `select.ts` knows it. */
export const wasmLane: Lane = { name: 'wasm', isolation: 'wasm', open: openWasmLane };

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
      warm: { javascript: warmCount, ethers: Math.min(1, warmCount), python: Math.min(2, warmCount) },
    });
  const trial = serve([], 0);
  let probes: readonly SelfTestProbe[];
  try {
    probes = await selfTest({
      run: (job) => resultOf(trial, job),
      attack: (bait) => startGuest(runtime, 'probe', DEFAULT_LIMITS.memoryBytes, bait),
    });
  } finally {
    await trial.close();
  }
  const failed = failedProbes(probes);
  if (failed.length > 0) {
    throw new SandboxError(
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
  throw new SandboxError('sandbox/start-failed', 'the run ended without a result; run assay doctor');
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
