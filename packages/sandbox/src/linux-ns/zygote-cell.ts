/** A cell that was forked by the fork server. */

import type { ExecutionLimits } from '@assay/receipt';
import { SandboxError } from '../errors.ts';
import type { CellKind } from '../native/cell.ts';
import type { JobGroup } from '../native/cgroup.ts';
import { killQuietly } from '../native/process-tree.ts';
import type { CellPipes } from '../native/started-cell.ts';
import { GroupedCell } from './grouped-cell.ts';

export interface ZygoteCellOptions {
  readonly kind: CellKind;
  readonly pipes: CellPipes;
  readonly group: JobGroup | null;
  readonly limits: ExecutionLimits;
  /** The cell on the host; process 1 of its own namespace. `null` when it could not be found. */
  readonly process: number | null;
  readonly forget: () => void;
}

/** See {@link Cell}. */
export class ZygoteCell extends GroupedCell {
  readonly #process: number | null;
  readonly #forget: () => void;
  #over = false;

  constructor({ kind, pipes, group, limits, process, forget }: ZygoteCellOptions) {
    super({ kind, limits, pipes, group, ancestor: process });
    this.#process = process;
    this.#forget = forget;
    void pipes.ended.then(() => {
      this.#over = true;
    });
  }

  /** Moves the cell into its group. Called before it makes a control group namespace of its own. */
  async join(): Promise<void> {
    if (this.#process === null) {
      throw new SandboxError('sandbox/start-failed', 'the forked cell cannot be found in /proc; run assay doctor');
    }
    await this.group?.add(this.#process);
  }

  /** Pins the cell's /tmp. Called when it is ready, before any foreign code is handed to it. */
  settle(): void {
    if (this.#process === null) return;
    this.pin(`/proc/${this.#process}/root/tmp`);
    this.remember(this.#process);
  }

  /** Its streams are closed, so its first process is past running code; when the group has no other, none is left. */
  quiet(): boolean {
    return this.group?.pids().every((pid) => pid === this.#process) ?? false;
  }

  async kill(): Promise<void> {
    if (this.#over) return;
    // Process 1 takes its namespace with it.
    if (this.#process !== null) killQuietly(this.#process);
    await this.group?.kill();
    await this.ended;
  }

  protected override async release(): Promise<void> {
    await super.release();
    this.group?.remove();
    this.#forget();
  }
}
