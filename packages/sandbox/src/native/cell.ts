/**
 * A cell: one interpreter that waits inside its sandbox for one job, or for the cells of one session. Lanes make cells; what
 * happens in them is the same for every lane (`execute.ts`). The control channel carries frames (`frames.ts`); everything that
 * comes out of a cell is attacker input.
 */

import type { Readable, Writable } from 'node:stream';
import type { ExecutionLimits } from '@assay/receipt';

/** Interpreters a cell can be. A `shell` job runs in whichever of them is there. */
export type CellKind = 'python' | 'javascript';

/** Frame types on the control channel; the runners in `packages/sandbox/runners/` have the same numbers. */
export const FRAME = { job: 1, ready: 2, request: 3, response: 4, done: 5, exited: 6, file: 7 } as const;

export interface CellEnd {
  readonly exitCode: number | null;
  readonly signal: string | null;
}

/** What a cell's processes use now; every field is a lower bound. */
export interface CellUsage {
  readonly memoryBytes: number;
  readonly peakBytes: number;
  readonly cpuMs: number;
  /** Kills by the kernel for want of memory, where it says so. */
  readonly oomKills: number;
  /** Inodes in use below `/tmp`, where nothing else limits them. */
  readonly inodes: number;
  /** Bytes in use below `/tmp`, where nothing else limits them. */
  readonly diskBytes?: number;
  /** Processes and threads, where nothing else limits them exactly. */
  readonly processes?: number;
  /** Why the cell has to end, beyond what has a number in its limits. */
  readonly excess?: string | undefined;
}

export interface Cell {
  readonly kind: CellKind;
  readonly control: Readable & Writable;
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Resolves when the interpreter has ended; never rejects. */
  readonly ended: Promise<CellEnd>;
  /** Limits under which the cell was started; `admit` can change some of them. */
  readonly limits: ExecutionLimits;
  /** True when the cell can run a job with these limits without being started again. */
  admits(limits: ExecutionLimits): boolean;
  /** Applies the limits that can change after the start. */
  admit(limits: ExecutionLimits): Promise<void>;
  usage(): CellUsage;
  /** Descriptor of the directory that the code sees as `/tmp`; the caller closes it. Works until `dispose`. */
  openOutput(): number;
  /**
   * True when nothing of the cell can run any more, although the kernel is still taking its namespaces down and `ended` is to
   * come. Asked for once all its streams are closed; a cell that cannot tell leaves it out.
   */
  quiet?(): boolean;
  /**
   * Stops every process of the cell, so that nothing of a session runs, grows or answers between its cells. Processes other than
   * the interpreter that hold its control channel are killed: they could answer for a later cell. False when some would not stop.
   */
  freeze(): Promise<boolean>;
  /** Lets the processes run again. */
  thaw(): void;
  /** Kills every process of the cell; resolves when none is left. */
  kill(): Promise<void>;
  /** Kills and removes everything the cell has on the host. Can be called twice. */
  dispose(): Promise<void>;
}

/** How a lane starts cells. */
export interface CellFactory {
  readonly kinds: readonly CellKind[];
  /** Limits under which waiting cells are started. */
  readonly defaults: ExecutionLimits;
  /** Starts a cell and waits until it reports ready. `signal` gives up on it. */
  start(kind: CellKind, limits: ExecutionLimits): Promise<Cell>;
  close(): Promise<void>;
}
