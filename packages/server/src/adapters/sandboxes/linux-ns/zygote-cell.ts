/** A cell that was forked by the fork server. */

import { closeSync, openSync } from 'node:fs';
import type { Readable, Writable } from 'node:stream';
import type { ExecutionLimits } from '@assay/receipt';
import { ServerError } from '../../../errors.ts';
import type { Cell, CellEnd, CellKind, CellUsage } from '../native/cell.ts';
import type { JobGroup } from '../native/cgroup.ts';
import { descendants, killQuietly, memoryOf } from '../native/process-tree.ts';
import { fitsStartedLimits, groupLimits } from './cells.ts';

export interface ZygoteCellOptions {
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  readonly control: Readable & Writable;
  readonly ended: Promise<CellEnd>;
  readonly group: JobGroup | null;
  readonly limits: ExecutionLimits;
  /** The cell on the host; process 1 of its own namespace. `null` when it could not be found. */
  readonly process: number | null;
  readonly forget: () => void;
}

/** See {@link Cell}. */
export class ZygoteCell implements Cell {
  readonly kind: CellKind = 'python';
  readonly limits: ExecutionLimits;
  readonly control: Readable & Writable;
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  readonly ended: Promise<CellEnd>;
  readonly #options: ZygoteCellOptions;
  #output: number | null = null;
  #over = false;
  #disposed: Promise<void> | null = null;

  constructor(options: ZygoteCellOptions) {
    this.#options = options;
    this.limits = options.limits;
    this.control = options.control;
    this.stdin = options.stdin;
    this.stdout = options.stdout;
    this.stderr = options.stderr;
    this.ended = options.ended.then((end) => {
      this.#over = true;
      return end;
    });
  }

  /** Moves the cell into its group and pins its /tmp. Called before any foreign code is handed to it. */
  async settle(): Promise<void> {
    const { group, process } = this.#options;
    if (process === null) {
      throw new ServerError('sandbox/start-failed', 'the forked cell cannot be found in /proc');
    }
    this.#output = openSync(`/proc/${process}/root/tmp`, 'r');
    await group?.add(process);
  }

  admits(limits: ExecutionLimits): boolean {
    return fitsStartedLimits(limits, this.limits, this.#options.group !== null);
  }

  async admit(limits: ExecutionLimits): Promise<void> {
    const same = limits.memoryBytes === this.limits.memoryBytes && limits.processes === this.limits.processes;
    if (!same) await this.#options.group?.limit(groupLimits(limits));
  }

  usage(): CellUsage {
    const group = this.#options.group?.usage();
    if (group !== undefined && group.cpuMs !== null) return { ...group, cpuMs: group.cpuMs, inodes: 0 };
    const tree = descendants(this.#options.process ?? -1);
    const memoryBytes = memoryOf(tree, this.limits.memoryBytes);
    const cpuMs = tree.reduce((sum, usage) => sum + usage.cpuMs, 0);
    return group === undefined
      ? { memoryBytes, peakBytes: memoryBytes, cpuMs, oomKills: 0, inodes: 0 }
      : { ...group, cpuMs, inodes: 0 };
  }

  /** Its streams are closed, so its first process is past running code; when the group has no other, nobody is left to. */
  quiet(): boolean {
    const { group, process } = this.#options;
    return group?.pids().every((pid) => pid === process) ?? false;
  }

  openOutput(): number {
    return openSync(`/proc/self/fd/${this.#output ?? -1}`, 'r');
  }

  async kill(): Promise<void> {
    if (this.#over) return;
    // Process 1 takes its namespace with it.
    if (this.#options.process !== null && !this.#over) killQuietly(this.#options.process);
    await this.#options.group?.kill();
    await this.ended;
  }

  dispose(): Promise<void> {
    this.#disposed ??= (async () => {
      await this.kill();
      if (this.#output !== null) closeSync(this.#output);
      for (const stream of [this.control, this.stdin, this.stdout, this.stderr]) stream.destroy();
      this.#options.group?.remove();
      this.#options.forget();
    })();
    return this.#disposed;
  }
}
