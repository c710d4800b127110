/** A cell whose processes are counted and limited by a control group, where there is one, and whose /tmp is pinned from outside. */

import { closeSync, openSync } from 'node:fs';
import type { ExecutionLimits } from '@assay/receipt';
import type { CellKind, CellUsage } from '../native/cell.ts';
import type { JobGroup } from '../native/cgroup.ts';
import { MemoryLook, namespaceSocketBytesOf } from '../native/memory-look.ts';
import { descendants } from '../native/process-tree.ts';
import { type CellPipes, StartedCell } from '../native/started-cell.ts';
import { LAUNCHER_PROCESSES } from './bubblewrap.ts';

export interface GroupedCellOptions {
  readonly kind: CellKind;
  readonly limits: ExecutionLimits;
  readonly pipes: CellPipes;
  readonly group: JobGroup | null;
  /** The process that all others of the cell descend from. */
  readonly ancestor: number | null;
}

/** See {@link Cell}. */
export abstract class GroupedCell extends StartedCell {
  protected readonly group: JobGroup | null;
  readonly #ancestor: number | null;
  readonly #look = new MemoryLook();
  /** Pins the job's /tmp beyond the life of its mount namespace. */
  #output: number | null = null;

  constructor({ kind, limits, pipes, group, ancestor }: GroupedCellOptions) {
    super(kind, limits, pipes);
    this.group = group;
    this.#ancestor = ancestor;
  }

  /** Opens the cell's /tmp while there is a process through which to reach it. */
  protected pin(directory: string): void {
    this.#output = openSync(directory, 'r');
  }

  /** The pinned /tmp as a path; `null` before it is pinned. */
  protected get pinned(): string | null {
    return this.#output === null ? null : `/proc/self/fd/${this.#output}`;
  }

  protected members(): readonly number[] {
    return this.group?.pids() ?? descendants(this.#ancestor ?? -1).map(({ pid }) => pid);
  }

  /** Inodes in use below /tmp, where the mount has no limit of its own. */
  protected inodes(): number {
    return 0;
  }

  admits(limits: ExecutionLimits): boolean {
    return fitsStartedLimits(limits, this.limits, this.group !== null);
  }

  async admit(limits: ExecutionLimits): Promise<void> {
    const same = limits.memoryBytes === this.limits.memoryBytes && limits.processes === this.limits.processes;
    if (!same) await this.group?.limit(groupLimits(limits));
  }

  usage(): CellUsage {
    const inodes = this.inodes();
    const counted = this.group?.usage();
    if (counted === undefined) return { ...this.#lookAt(), inodes };
    const cpuMs = counted.cpuMs ?? this.#lookAt().cpuMs;
    const members = this.members().map((pid) => ({ pid, task: `/proc/${pid}` }));
    return { ...counted, cpuMs, inodes, excess: this.#look.excess(members, true) };
  }

  /** Where no control group counts. */
  #lookAt(): Omit<CellUsage, 'inodes'> {
    const tree = descendants(this.#ancestor ?? -1);
    const memoryBytes = this.#look.processes(tree, this.limits.memoryBytes) + namespaceSocketBytesOf(tree);
    const cpuMs = tree.reduce((sum, usage) => sum + usage.cpuMs, 0);
    return { memoryBytes, peakBytes: memoryBytes, cpuMs, oomKills: 0, excess: this.#look.excess(tree, false) };
  }

  openOutput(): number {
    return openSync(this.pinned ?? '/proc/self/fd/-1', 'r');
  }

  protected release(): void | Promise<void> {
    if (this.#output !== null) closeSync(this.#output);
  }
}

/** What the control group of a cell allows: the launcher counts too. */
export function groupLimits(limits: ExecutionLimits): { readonly memoryBytes: number; readonly processes: number } {
  return { memoryBytes: limits.memoryBytes, processes: limits.processes + LAUNCHER_PROCESSES };
}

/** True when a cell that was started under `started` can run a job under `limits`: what differs can still be changed. */
export function fitsStartedLimits(limits: ExecutionLimits, started: ExecutionLimits, grouped: boolean): boolean {
  const fixed: (keyof ExecutionLimits)[] = ['openFiles', 'fileBytes', 'diskBytes', 'inodes'];
  if (!grouped) fixed.push('processes', 'memoryBytes');
  return (
    fixed.every((name) => limits[name] === started[name]) &&
    limits.cpuMs <= started.cpuMs &&
    limits.processes <= started.processes
  );
}
