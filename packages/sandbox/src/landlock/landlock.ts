/**
 * The `landlock` lane: native Python and Node where the machine forbids user namespaces (containers under the usual profile).
 * Landlock decides about files, seccomp about sockets and signals, resource limits and a watchdog about the rest. Isolation is
 * `reduced`: the code can see that paths exist, and shares the host's pid namespace and /proc's numbers.
 */

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { availableParallelism, release } from 'node:os';
import { join } from 'node:path';
import { digestEnvironment } from '../claim.ts';
import { SandboxError } from '../errors.ts';
import { failedProbes, type Lane, type LaneOptions } from '../lane.ts';
import { digestModules } from '../linux-ns/environment.ts';
import { readInstalledImage, verifyImage } from '../native/image.ts';
import { IMAGES } from '../native/images.ts';
import { moduleVersion, planLayout } from '../native/layout.ts';
import { NativeSandbox } from '../native/native-sandbox.ts';
import { digestOf, findProgram, findPython, ownNode, type Python } from '../native/programs.ts';
import { type SeccompPolicy, seccompProgram } from '../native/seccomp.ts';
import { selfTest } from '../native/self-test.ts';
import { digestRunners, RUNNERS } from '../runners.ts';
import { LandlockCells } from './cells.ts';
import { isOpenToAll, openPlace } from './place.ts';

/** From this ABI on Landlock keeps signals inside; before, seccomp refuses to send any. */
const SIGNAL_SCOPE_ABI = 6;

/** See {@link Lane}. */
export const landlockLane: Lane = { name: 'landlock', isolation: 'reduced', open: openLandlock };

/**
 * Opens the lane.
 *
 * @throws {SandboxError} `sandbox/unavailable` when the machine lacks something or the hostile self-test found a hole.
 *
 * @example
 * const sandbox = await openLandlock({ directory: '.assay' });
 */
export async function openLandlock(options: LaneOptions): Promise<NativeSandbox> {
  if (process.platform !== 'linux')
    throw new SandboxError('sandbox/unavailable', `landlock needs Linux, this is ${process.platform}`);
  const architecture = process.arch;
  if (architecture !== 'x64' && architecture !== 'arm64') {
    throw new SandboxError('sandbox/unavailable', `expected an x64 or arm64 processor, got ${architecture}`);
  }
  const python = await findPython();
  if (python === null)
    throw new SandboxError('sandbox/unavailable', 'landlock needs python3 (3.9 or newer) to start; install it');
  const abi = landlockAbi(python);
  if (abi < 1) throw new SandboxError('sandbox/unavailable', 'this kernel has no Landlock, or it is switched off');
  const setpriv = findProgram('setpriv');
  const asRoot = process.getuid?.() === 0;
  if (asRoot && setpriv === null)
    throw new SandboxError('sandbox/unavailable', 'landlock needs setpriv when run as root; install util-linux');

  const policy: SeccompPolicy = {
    architecture,
    sockets: 'none',
    signals: abi >= SIGNAL_SCOPE_ABI,
    sessions: false,
    metadata: false,
    others: false,
  };
  const filter = seccompProgram(policy);
  const node = ownNode();
  const kind = options.image ?? 'native';
  const [module = ''] = Object.values(IMAGES[kind].preload).map((name) => name.split('.')[0] ?? '');
  const installed = readInstalledImage(options.directory, python.tag, kind);
  const image =
    installed !== null && (!asRoot || isOpenToAll(join(installed.packages, module, '__init__.py'))) ? installed : null;
  if (image !== null) await verifyImage(image);
  const planned = planLayout({ python, node, image });
  const inPlace = {
    ASSAY_PACKAGES: image?.packages,
    ASSAY_MATPLOTLIB: image?.matplotlib,
    MATPLOTLIBRC: (image?.matplotlib ?? null) === null ? undefined : `${image?.matplotlib}/matplotlibrc`,
  };
  const environment = Object.fromEntries(
    Object.entries({ ...planned.environment, ...inPlace }).filter(
      (entry): entry is [string, string] => typeof entry[1] === 'string',
    ),
  );
  const layout = { ...planned, python, environment };
  const place = openPlace({ node: node.path, filter });
  try {
    const factory = new LandlockCells({ layout, place, setpriv: setpriv ?? '', defaults: IMAGES[kind].limits });
    const probes = await selfTest(factory);
    const failed = failedProbes(probes);
    if (failed.length > 0) {
      throw new SandboxError('sandbox/unavailable', `the self-test of landlock found a hole: ${failed.join('; ')}`, {
        details: { probes },
      });
    }
    const manifest = {
      v: 1,
      lane: 'landlock',
      kernel: release(),
      architecture,
      landlock: { abi },
      python: { version: python.version, path: python.path, sha256: await digestOf(python.path) },
      node: { version: node.version, sha256: await digestOf(node.path) },
      runners: digestRunners(),
      modules: await digestModules(),
      image: image === null ? null : { tag: image.tag, sha256: image.sha256, packages: image.names },
      seccomp: { sha256: createHash('sha256').update(filter).digest('hex'), policy: { ...policy } },
      policy: { userId: asRoot ? 'own' : 'agent', groups: 'none', scratch: 'directory', network: 'none' },
      variables: planned.environment,
    };
    const concurrency = options.concurrency ?? availableParallelism();
    return new NativeSandbox({
      capabilities: {
        lane: 'landlock',
        isolation: 'reduced',
        languages: ['python', 'javascript', 'shell'],
        packages: { javascript: [`ethers ${moduleVersion('ethers')}`], ...(image === null ? {} : { python: image.names }) },
        selfTest: probes,
        environment: manifest,
        environmentDigest: digestEnvironment(manifest),
      },
      factory,
      concurrency,
      warm: options.warm ?? concurrency,
      release: async () => place.close(),
    });
  } catch (error) {
    place.close();
    throw error;
  }
}

/** The kernel's Landlock ABI, 0 without Landlock. */
function landlockAbi(python: Python): number {
  try {
    const said = execFileSync(python.path, ['-I', '-S', join(RUNNERS, 'landlock.py'), '--abi'], {
      env: {},
      encoding: 'utf8',
      timeout: 10_000,
    });
    return Number(said.trim()) || 0;
  } catch {
    return 0;
  }
}
