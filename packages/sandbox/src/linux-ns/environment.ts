/** The environment manifest of the lane: everything that can change what a program prints, by digest. */

import { createHash } from 'node:crypto';
import { release } from 'node:os';
import type { ExecutionLanguage } from '@assay/receipt';
import type { GroupTree } from '../native/cgroup.ts';
import type { InstalledImage } from '../native/image.ts';
import { type Layout, moduleVersion, nodeModules } from '../native/layout.ts';
import { digestOf, versionOf } from '../native/programs.ts';
import type { SeccompPolicy } from '../native/seccomp.ts';
import { digestRunners } from '../runners.ts';
import type { LaunchPrograms } from './bubblewrap.ts';

export interface EnvironmentFacts {
  readonly programs: LaunchPrograms;
  readonly layout: Layout;
  readonly image: InstalledImage | null;
  readonly filter: Uint8Array;
  readonly policy: SeccompPolicy;
  readonly groups: GroupTree | null;
  readonly root: boolean;
}

export interface DescribedEnvironment {
  readonly manifest: Readonly<Record<string, unknown>>;
  readonly packages: Readonly<Partial<Record<ExecutionLanguage, readonly string[]>>>;
}

/** Names, versions and SHA-256; JSON-safe, without anything that differs from start to start. */
export async function describeEnvironment(facts: EnvironmentFacts): Promise<DescribedEnvironment> {
  const { programs, layout, image, filter, policy, groups, root } = facts;
  const { python, node } = layout;
  const javascript = [`ethers ${moduleVersion('ethers')}`];
  const packages = { javascript, ...(image === null ? {} : { python: image.names }) };
  const manifest = {
    v: 1,
    lane: 'linux-ns',
    kernel: release(),
    architecture: process.arch,
    bubblewrap: { version: await versionOf(programs.bwrap), sha256: await digestOf(programs.bwrap) },
    python: python === null ? null : { version: python.version, path: python.path, sha256: await digestOf(python.path) },
    node: { version: node.version, sha256: await digestOf(node.path) },
    runners: digestRunners(),
    modules: await digestModules(),
    image: image === null ? null : { tag: image.tag, sha256: image.sha256, packages: image.names },
    seccomp: { sha256: createHash('sha256').update(filter).digest('hex'), policy: { ...policy } },
    policy: {
      userId: root ? 'own' : 'agent',
      groups: groups === null ? 'none' : `v${groups.version}`,
      scratch: root ? 'tmpfs with inode limit' : 'tmpfs',
      network: 'none',
    },
    variables: layout.environment,
  };
  return { manifest, packages };
}

/** Versions of the JavaScript modules on offer; `ethers` by the digest of its one file. */
export async function digestModules(): Promise<Readonly<Record<string, unknown>>> {
  const ethers = nodeModules().find(({ name }) => name.startsWith('ethers/'));
  return {
    acorn: { version: moduleVersion('acorn') },
    ethers: { version: moduleVersion('ethers'), sha256: ethers === undefined ? null : await digestOf(ethers.source) },
  };
}
