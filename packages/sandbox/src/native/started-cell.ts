/** What the cells of all native lanes have in common: the pipes to their interpreter, and that they are cleared away once. */

import type { ChildProcess } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import type { ExecutionLimits } from '@assay/receipt';
import type { Cell, CellEnd, CellKind, CellUsage } from './cell.ts';
import { continueAll, killHolders, socketOf, stopAll } from './freeze.ts';

export type CellPipes = Pick<Cell, 'control' | 'stdin' | 'stdout' | 'stderr' | 'ended'>;

/** Where the runners expect the control channel. */
const CONTROL_DESCRIPTOR = 3;

/** The pipes of a process that has its control channel on descriptor 3. A broken pipe is the end of it, which `ended` reports. */
export function pipesOf(child: ChildProcess): CellPipes {
  const pipes = {
    control: child.stdio[3] as Readable & Writable,
    stdin: child.stdin as Writable,
    stdout: child.stdout as Readable,
    stderr: child.stderr as Readable,
  };
  for (const stream of Object.values(pipes)) stream.on('error', () => {});
  const ended = new Promise<CellEnd>((resolve) => {
    child.once('error', () => resolve({ exitCode: null, signal: null }));
    child.once('exit', (exitCode, signal) => resolve({ exitCode, signal }));
  });
  return { ...pipes, ended };
}

/** See {@link Cell}. */
export abstract class StartedCell implements Cell {
  readonly kind: CellKind;
  readonly limits: ExecutionLimits;
  readonly control: Readable & Writable;
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  readonly ended: Promise<CellEnd>;
  #disposed: Promise<void> | null = null;
  /** The process that runs the code, and its end of the control channel, as they were before any foreign code ran. */
  #interpreter = 0;
  #channel: string | null = null;

  constructor(kind: CellKind, limits: ExecutionLimits, pipes: CellPipes) {
    this.kind = kind;
    this.limits = limits;
    this.control = pipes.control;
    this.stdin = pipes.stdin;
    this.stdout = pipes.stdout;
    this.stderr = pipes.stderr;
    this.ended = pipes.ended;
  }

  abstract admits(limits: ExecutionLimits): boolean;
  abstract admit(limits: ExecutionLimits): Promise<void>;
  abstract usage(): CellUsage;
  abstract openOutput(): number;
  abstract kill(): Promise<void>;
  /** Every process of the cell. */
  protected abstract members(): readonly number[];

  /** Called with the interpreter's process id when the cell is ready. */
  protected remember(interpreter: number): void {
    this.#interpreter = interpreter;
    this.#channel = socketOf(interpreter, CONTROL_DESCRIPTOR);
  }

  async freeze(): Promise<boolean> {
    if (!(await stopAll(() => this.members()))) return false;
    if (this.#channel === null) return false;
    killHolders(
      this.members().filter((pid) => pid !== this.#interpreter),
      this.#channel,
    );
    return true;
  }

  thaw(): void {
    continueAll(this.members());
  }

  /** Gives back what the cell has on the host, when nothing of it runs any more. */
  protected abstract release(): void | Promise<void>;

  dispose(): Promise<void> {
    this.#disposed ??= (async () => {
      await this.kill();
      for (const stream of [this.control, this.stdin, this.stdout, this.stderr]) stream.destroy();
      await this.release();
    })();
    return this.#disposed;
  }
}
