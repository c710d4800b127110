/**
 * The `linux-ns` lane: native Python and Node in namespaces of their own (bubblewrap), under a seccomp allow-list, resource
 * limits and a control group. The strongest lane; needs Linux with user namespaces, bubblewrap and util-linux.
 */

import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { digestEnvironment } from '../claim.ts';
import { SandboxError } from '../errors.ts';
import { joinedRunner } from '../front-end/joined-runner.ts';
import { keptCode } from '../front-end/kept-code.ts';
import { failedProbes, type Lane, type LaneOptions } from '../lane.ts';
import { openGroupTree } from '../native/cgroup.ts';
import { type InstalledImage, readInstalledImage, verifyImage } from '../native/image.ts';
import { IMAGES } from '../native/images.ts';
import { type Bind, INSIDE, nodeCommand, planLayout } from '../native/layout.ts';
import { NativeSandbox } from '../native/native-sandbox.ts';
import { findProgram, findPython, ownNode } from '../native/programs.ts';
import { type SeccompPolicy, seccompProgram } from '../native/seccomp.ts';
import { selfTest } from '../native/self-test.ts';
import { RUNNERS } from '../runners.ts';
import type { LaunchPrograms } from './bubblewrap.ts';
import { NamespaceCells } from './cells.ts';
import { describeEnvironment } from './environment.ts';
import { ForkedCells, type ForkedCellsOptions } from './forked-cells.ts';
import { openStage } from './stage.ts';

/** See {@link Lane}. */
export const linuxNsLane: Lane = { name: 'linux-ns', isolation: 'ns', open: openLinuxNs };

/**
 * Opens the lane.
 *
 * @throws {SandboxError} `sandbox/unavailable` when the machine lacks something or the hostile self-test found a hole.
 *
 * @example
 * const sandbox = await openLinuxNs({ directory: '.assay' });
 */
export async function openLinuxNs(options: LaneOptions & Pick<ForkedCellsOptions, 'cellsPerZygote'>): Promise<NativeSandbox> {
  const programs = findLaunchPrograms();
  const architecture = process.arch;
  if (architecture !== 'x64' && architecture !== 'arm64') {
    throw new SandboxError('sandbox/unavailable', `expected an x64 or arm64 processor, got ${architecture}`);
  }
  const groups = openGroupTree();
  const policy: SeccompPolicy = {
    architecture,
    sockets: groups === null ? 'local' : 'families',
    signals: true,
    sessions: true,
    metadata: true,
    others: true,
  };
  const filter = seccompProgram(policy);
  const node = ownNode();
  const text = joinedRunner();
  const [python, code] = await Promise.all([findPython(), keptCode(nodeCommand(node.path), text)]);
  const kind = options.image ?? 'native';
  const image = python === null ? null : readInstalledImage(options.directory, python.tag, kind);
  // Both run beside the start; what a tampered package does until then it does inside a sandbox that never serves.
  const verified = image === null ? Promise.resolve() : verifyImage(image);
  verified.catch(() => undefined);
  const layout = planLayout({ python, node, image });
  const stage = await openStage({ binds: [...layout.binds, ...runnerFiles(text, code)], filter });
  const release = async (): Promise<void> => {
    groups?.close();
    await stage.close();
  };
  const described = describeEnvironment({ programs, layout, image, filter, policy, groups, root: stage.root });
  described.catch(() => undefined);
  const single = new NamespaceCells({ programs, layout, stage, groups, defaults: IMAGES[kind].limits });
  const factory = new ForkedCells(single, {
    programs,
    layout,
    stage,
    groups,
    limits: IMAGES[kind].limits,
    preload: preloads(image),
    cellsPerZygote: options.cellsPerZygote,
  });
  try {
    if (python !== null && options.warm !== 0) await factory.open();
    const probes = await selfTest(factory);
    await verified;
    const failed = failedProbes(probes);
    if (failed.length > 0) {
      throw new SandboxError('sandbox/unavailable', `the self-test of linux-ns found a hole: ${failed.join('; ')}`, {
        details: { probes },
      });
    }
    const environment = await described;
    const concurrency = options.concurrency ?? availableParallelism();
    return new NativeSandbox({
      capabilities: {
        lane: 'linux-ns',
        isolation: 'ns',
        languages: python === null ? ['javascript', 'shell'] : ['python', 'javascript', 'shell'],
        packages: environment.packages,
        selfTest: probes,
        environment: environment.manifest,
        environmentDigest: digestEnvironment(environment.manifest),
      },
      factory,
      concurrency,
      warm: options.warm ?? concurrency,
      release,
    });
  } catch (error) {
    await factory.close();
    await release();
    throw error;
  }
}

/** The JavaScript runner as cells find it. */
function runnerFiles(text: string, code: Uint8Array): readonly Bind[] {
  const start = readFileSync(join(RUNNERS, 'javascript', 'start.cjs'));
  return [
    { source: 'start.cjs', text: start, target: INSIDE.cell },
    { source: 'runner.js', text, target: INSIDE.runner },
    { source: 'runner.code', text: code, target: INSIDE.runnerCode },
  ];
}

/** What the fork server imports once for all cells. */
function preloads(image: InstalledImage | null): readonly string[] {
  const standard =
    'asyncio collections csv dataclasses datetime decimal functools itertools math pathlib random re statistics string typing uuid urllib.parse'.split(
      ' ',
    );
  const installed = image === null ? {} : IMAGES[image.kind].preload;
  const found = Object.entries(installed).filter(([name]) => image?.names.some((entry) => entry.startsWith(`${name} `)));
  return [...standard, ...found.map(([, module]) => module)];
}

function findLaunchPrograms(): LaunchPrograms {
  if (process.platform !== 'linux')
    throw new SandboxError('sandbox/unavailable', `linux-ns needs Linux, this is ${process.platform}`);
  const need = (name: string, from: string): string => {
    const path = findProgram(name);
    if (path === null) throw new SandboxError('sandbox/unavailable', `linux-ns needs ${name}; install ${from}`);
    return path;
  };
  return {
    sh: need('sh', 'a POSIX shell'),
    bwrap: need('bwrap', 'bubblewrap'),
    prlimit: need('prlimit', 'util-linux'),
    setpriv: need('setpriv', 'util-linux'),
  };
}
