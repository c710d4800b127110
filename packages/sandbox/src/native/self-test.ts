/**
 * The hostile self-test of a native lane: two real cells at the same time, one runs every probe, the other takes memory until it
 * is stopped. The outcome stands in the environment manifest; a probe that was not contained takes the lane out of service.
 */

import { accessSync, constants, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionLimits } from '@assay/receipt';
import type { SandboxCapabilities, SandboxJob, SandboxResult, SelfTestProbe } from '../port.ts';
import type { CellFactory } from './cell.ts';
import { Execution } from './execution.ts';
import { MEMORY_BOMB, nodeSelfTest, pythonSelfTest, readProbes } from './self-test-program.ts';

const PROBE_MS = 10_000;
const BOMB_BYTES = 96 * 1024 * 1024;
const VARIABLE = 'ASSAY_SELF_TEST_CANARY';

/** Enough of the capabilities for a claim that is not shown. */
const PLACEHOLDER: SandboxCapabilities = {
  ...{ lane: 'linux-ns', isolation: 'ns', languages: [], packages: {}, selfTest: [], environment: {}, environmentDigest: '' },
};

/** Runs the probes. Never throws for an escape; throws when cells cannot start at all. */
export async function selfTest(factory: CellFactory): Promise<readonly SelfTestProbe[]> {
  const directory = mkdtempSync(join(canaryPlace(), 'assay-canary-'));
  const canary = join(directory, 'canary');
  writeFileSync(canary, 'the agent alone may read this', { mode: 0o600 });
  const server = await listen();
  process.env[VARIABLE] = '1';
  try {
    const { port } = server.address() as AddressInfo;
    const bait = { canary, port, variable: VARIABLE, processes: 24 };
    const limits = { ...factory.defaults, wallMs: PROBE_MS };
    const python = factory.kinds.includes('python');
    const attack = (language: 'python' | 'javascript', code: string): Promise<SandboxResult> =>
      runOnce(factory, { language, code }, { ...limits, processes: bait.processes });
    const [first, second, bomb] = await Promise.all([
      attack('javascript', nodeSelfTest(bait)),
      python ? attack('python', pythonSelfTest(bait)) : null,
      python ? runOnce(factory, { language: 'python', code: MEMORY_BOMB }, { ...limits, memoryBytes: BOMB_BYTES }) : null,
    ]);
    return [
      ...probesOf('javascript', first),
      ...(second === null ? [] : probesOf('python', second)),
      ...(bomb === null ? [] : [memoryProbe(bomb)]),
    ];
  } finally {
    delete process.env[VARIABLE];
    server.close();
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Not below /tmp where that can be helped: a lane may show another directory there, and would pass for the wrong reason. */
function canaryPlace(): string {
  try {
    accessSync('/var/tmp', constants.W_OK);
    return '/var/tmp';
  } catch {
    return tmpdir();
  }
}

function probesOf(language: string, result: SandboxResult): readonly SelfTestProbe[] {
  const said = `${result.status} ${result.stderr.text || result.error?.message}`;
  return readProbes(result.stdout.text, said).map((probe) => ({ ...probe, name: `${language}/${probe.name}` }));
}

function memoryProbe(bomb: SandboxResult): SelfTestProbe {
  const detail = `${bomb.status} at ${Math.round(bomb.observed.maxRssMiB)} MiB of ${BOMB_BYTES >> 20}`;
  return { name: 'python/memory', contained: bomb.status === 'oom', detail };
}

async function runOnce(factory: CellFactory, job: SandboxJob, limits: ExecutionLimits): Promise<SandboxResult> {
  const cell = await factory.start(job.language === 'python' ? 'python' : 'javascript', limits);
  try {
    const execution = new Execution({
      ...{ cell, job, limits, inputs: [], capabilities: PLACEHOLDER, clock: { seed: '', epochMs: 0 } },
      ...{ queuedMs: 0, startMs: 0, warm: false, session: null },
    });
    for await (const event of execution.run()) if (event.type === 'result') return event.result;
    throw new Error('the run ended without a result');
  } finally {
    await cell.dispose();
  }
}

function listen(): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => resolve(server));
  });
}
