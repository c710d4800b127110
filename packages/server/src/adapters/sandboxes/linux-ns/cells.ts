/** Starts cells in namespaces: one launcher process each, with its own user id, control group and scratch directory. */

import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import type { ExecutionLimits } from '@assay/receipt';
import { ServerError } from '../../../errors.ts';
import type { Cell, CellEnd, CellFactory, CellKind, CellUsage } from '../native/cell.ts';
import type { GroupTree, JobGroup } from '../native/cgroup.ts';
import { cellCommand, INSIDE, type Layout } from '../native/layout.ts';
import { descendants, killQuietly, memoryOf } from '../native/process-tree.ts';
import { waitUntilReady } from '../native/ready.ts';
import { LAUNCHER_PROCESSES, type LaunchPrograms, launchCommand } from './bubblewrap.ts';
import { mountScratch, type Stage, unmountScratch } from './stage.ts';

export interface NamespaceOptions {
  readonly programs: LaunchPrograms;
  readonly layout: Layout;
  readonly stage: Stage;
  readonly groups: GroupTree | null;
  readonly defaults: ExecutionLimits;
}

/** Far from the ids of people, services and containers, and below 2^31 (bubblewrap writes them signed); a block for each agent. */
const FIRST_UID = 1_800_000_000;
const UIDS_PER_AGENT = 256;
const AGENTS = 2 ** 20;
const FILTER_DESCRIPTOR = 4;
const MIB = 1024 * 1024;

/** Hands out user ids that no other job has at the same time. */
export class UserIds {
  readonly #first = FIRST_UID + (process.pid % AGENTS) * UIDS_PER_AGENT;
  readonly #taken = new Set<number>();

  take(): number {
    for (let id = this.#first; id < this.#first + UIDS_PER_AGENT; id += 1) {
      if (this.#taken.has(id)) continue;
      this.#taken.add(id);
      return id;
    }
    throw new ServerError('sandbox/busy', `expected at most ${UIDS_PER_AGENT} sandboxes at a time; try again later`);
  }

  give(id: number): void {
    this.#taken.delete(id);
  }
}

/** See {@link CellFactory}. */
export class NamespaceCells implements CellFactory {
  readonly kinds: readonly CellKind[];
  readonly defaults: ExecutionLimits;
  readonly #options: NamespaceOptions;
  readonly userIds = new UserIds();
  #started = 0;

  constructor(options: NamespaceOptions) {
    this.#options = options;
    this.defaults = options.defaults;
    this.kinds = options.layout.python === null ? ['javascript'] : ['python', 'javascript'];
  }

  async start(kind: CellKind, limits: ExecutionLimits): Promise<Cell> {
    const { stage, groups, programs, layout } = this.#options;
    this.#started += 1;
    const name = `job-${this.#started}`;
    const uid = stage.root ? this.userIds.take() : null;
    const scratch = uid === null ? null : join(stage.directory, name);
    let group: JobGroup | null = null;
    const release = async (): Promise<void> => {
      if (scratch !== null) await unmountScratch(scratch);
      group?.remove();
      if (uid !== null) this.userIds.give(uid);
    };
    try {
      if (scratch !== null && uid !== null)
        await mountScratch(scratch, { uid, diskBytes: limits.diskBytes, inodes: limits.inodes });
      group = groups?.create(name) ?? null;
      await group?.limit(groupLimits(limits));
      const inside = { python: layout.python?.path ?? '', node: INSIDE.node, runners: INSIDE.runners };
      const command = launchCommand({
        programs,
        layout,
        binds: stage.binds,
        limits,
        joinFiles: group?.joinFiles ?? [],
        uid,
        scratch,
        filterDescriptor: FILTER_DESCRIPTOR,
        addressSpaceBytes: group === null && kind === 'python' ? addressSpaceOf(limits) : null,
        command: cellCommand(kind, inside),
      });
      const cell = new NamespaceCell({ kind, limits, child: launch(command, stage.filter), group, scratch, release });
      try {
        await waitUntilReady(cell);
        cell.settle();
      } catch (error) {
        await cell.dispose();
        throw error;
      }
      return cell;
    } catch (error) {
      if (group === null) await release();
      throw error;
    }
  }

  async close(): Promise<void> {}
}

function launch(command: readonly string[], filter: string): ChildProcess {
  const [program = '', ...rest] = command;
  // Each launcher reads the filter from a descriptor of its own: they would share one file position otherwise.
  const descriptor = openSync(filter, 'r');
  try {
    return spawn(program, rest, { env: {}, cwd: '/', stdio: ['pipe', 'pipe', 'pipe', 'pipe', descriptor] });
  } finally {
    closeSync(descriptor);
  }
}

/** Most virtual memory of a Python process where nothing counts the real one: libraries map far more than they use. */
export function addressSpaceOf(limits: ExecutionLimits): number {
  return 2 * limits.memoryBytes + 512 * MIB;
}

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

interface NamespaceCellOptions {
  readonly kind: CellKind;
  readonly limits: ExecutionLimits;
  readonly child: ChildProcess;
  readonly group: JobGroup | null;
  readonly scratch: string | null;
  readonly release: () => Promise<void>;
}

class NamespaceCell implements Cell {
  readonly kind: CellKind;
  readonly limits: ExecutionLimits;
  readonly control: Readable & Writable;
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  readonly ended: Promise<CellEnd>;
  readonly #options: NamespaceCellOptions;
  /** Pins the job's /tmp beyond the life of its mount namespace. */
  #output: number | null = null;
  #disposed: Promise<void> | null = null;

  constructor(options: NamespaceCellOptions) {
    const { child } = options;
    this.#options = options;
    this.kind = options.kind;
    this.limits = options.limits;
    this.control = child.stdio[3] as Readable & Writable;
    this.stdin = child.stdin as Writable;
    this.stdout = child.stdout as Readable;
    this.stderr = child.stderr as Readable;
    // A broken pipe is the end of the cell, which `ended` reports.
    for (const stream of [this.control, this.stdin, this.stdout, this.stderr]) stream.on('error', () => {});
    this.ended = new Promise((resolve) => {
      child.once('error', () => resolve({ exitCode: null, signal: null }));
      child.once('exit', (exitCode, signal) => resolve({ exitCode, signal }));
    });
  }

  /** Called once the cell is ready: opens its /tmp while there is a process through which to reach it. */
  settle(): void {
    const { scratch } = this.#options;
    this.#output = openSync(scratch ?? `/proc/${this.#innermost()}/root/tmp`, 'r');
  }

  /** The interpreter's process id on the host: the only child of the only child of the launcher. */
  #innermost(): number {
    return descendants(this.#options.child.pid ?? 0).at(-1)?.pid ?? 0;
  }

  admits(limits: ExecutionLimits): boolean {
    return fitsStartedLimits(limits, this.limits, this.#options.group !== null);
  }

  async admit(limits: ExecutionLimits): Promise<void> {
    const same = limits.memoryBytes === this.limits.memoryBytes && limits.processes === this.limits.processes;
    if (!same) await this.#options.group?.limit(groupLimits(limits));
  }

  usage(): CellUsage {
    const inodes = this.#inodes();
    const group = this.#options.group?.usage();
    if (group !== undefined && group.cpuMs !== null) return { ...group, cpuMs: group.cpuMs, inodes };
    const tree = descendants(this.#options.child.pid ?? -1);
    const memoryBytes = memoryOf(tree, this.limits.memoryBytes);
    const cpuMs = tree.reduce((sum, usage) => sum + usage.cpuMs, 0);
    return group === undefined
      ? { memoryBytes, peakBytes: memoryBytes, cpuMs, oomKills: 0, inodes }
      : { ...group, cpuMs, inodes };
  }

  /** The scratch mount has its own limit; a tmpfs made by bwrap has none, so somebody must look. */
  #inodes(): number {
    if (this.#options.scratch !== null || this.#output === null) return 0;
    try {
      const { files, ffree } = statfsSync(`/proc/self/fd/${this.#output}`);
      return files - ffree;
    } catch {
      return 0;
    }
  }

  openOutput(): number {
    return openSync(`/proc/self/fd/${this.#output ?? -1}`, 'r');
  }

  async kill(): Promise<void> {
    const { child, group } = this.#options;
    const tree = group === null ? descendants(child.pid ?? -1) : [];
    // The launcher's end takes process 1 of the namespace with it, and that one everything else.
    child.kill('SIGKILL');
    await group?.kill();
    for (const { pid } of tree) killQuietly(pid);
    await this.ended;
  }

  dispose(): Promise<void> {
    this.#disposed ??= (async () => {
      await this.kill();
      if (this.#output !== null) closeSync(this.#output);
      for (const stream of [this.control, this.stdin, this.stdout, this.stderr]) stream.destroy();
      await this.#options.release();
    })();
    return this.#disposed;
  }
}
