/** A cell that was launched in namespaces of its own. */

import type { ChildProcess } from 'node:child_process';
import { closeSync, openSync, statfsSync } from 'node:fs';
import type { ExecutionLimits } from '@assay/receipt';
import type { CellKind } from '../native/cell.ts';
import type { JobGroup } from '../native/cgroup.ts';
import { descendants, killQuietly } from '../native/process-tree.ts';
import { pipesOf } from '../native/started-cell.ts';
import { GroupedCell } from './grouped-cell.ts';

export interface NamespaceCellOptions {
  readonly kind: CellKind;
  readonly limits: ExecutionLimits;
  /** The launcher. */
  readonly child: ChildProcess;
  readonly group: JobGroup | null;
  /** The job's /tmp on the host, mounted with limits of its own; `null` when the launcher made one inside. */
  readonly scratch: string | null;
  readonly release: () => Promise<void>;
}

/** See {@link Cell}. */
export class NamespaceCell extends GroupedCell {
  readonly #child: ChildProcess;
  readonly #scratch: string | null;
  readonly #release: () => Promise<void>;
  /** Descriptor of the cell's /dev/shm. */
  #shared: number | null = null;

  constructor({ kind, limits, child, group, scratch, release }: NamespaceCellOptions) {
    super({ kind, limits, pipes: pipesOf(child), group, ancestor: child.pid ?? null });
    this.#child = child;
    this.#scratch = scratch;
    this.#release = release;
  }

  /** Called once the cell is ready. Inside, the interpreter is the only child of the only child of the launcher. */
  settle(): void {
    const interpreter = descendants(this.#child.pid ?? 0).at(-1)?.pid ?? 0;
    this.pin(this.#scratch ?? `/proc/${interpreter}/root/tmp`);
    this.#shared = openSync(`/proc/${interpreter}/root/dev/shm`, 'r');
    this.remember(interpreter);
  }

  /** The scratch mount has its own limit of inodes; those that bwrap makes have none. */
  protected override inodes(): number {
    const shared = this.#shared === null ? 0 : inodesOf(`/proc/self/fd/${this.#shared}`);
    return this.#scratch !== null || this.pinned === null ? shared : inodesOf(this.pinned) + shared;
  }

  async kill(): Promise<void> {
    const tree = this.group === null ? descendants(this.#child.pid ?? -1) : [];
    // The launcher's end takes process 1 of the namespace with it, and that one everything else.
    this.#child.kill('SIGKILL');
    await this.group?.kill();
    for (const { pid } of tree) killQuietly(pid);
    await this.ended;
  }

  protected override async release(): Promise<void> {
    await super.release();
    if (this.#shared !== null) closeSync(this.#shared);
    await this.#release();
  }
}

function inodesOf(path: string): number {
  try {
    const { files, ffree } = statfsSync(path);
    return files - ffree;
  } catch {
    return 0;
  }
}
