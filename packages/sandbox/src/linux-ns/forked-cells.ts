/** Cells from a fork server where it runs, and one by one where it does not or a job wants limits of its own. */

import type { ExecutionLimits } from '@assay/receipt';
import type { Cell, CellFactory, CellKind } from '../native/cell.ts';
import type { NamespaceCells } from './cells.ts';
import { fitsStartedLimits } from './grouped-cell.ts';
import { Zygote, type ZygoteOptions } from './zygote.ts';

/** Cells share the fork server's memory layout and hash seed; this many of them do, then it is renewed. */
const CELLS_PER_ZYGOTE = 1_000;
const RETRY_MS = 30_000;

export class ForkedCells implements CellFactory {
  readonly kinds: readonly CellKind[];
  readonly defaults: ExecutionLimits;
  readonly #single: NamespaceCells;
  readonly #options: Omit<ZygoteOptions, 'name' | 'uid'>;
  #zygote: Zygote | null = null;
  #opening: Promise<void> | null = null;
  #opened = 0;
  #retryAt = 0;
  #closed = false;
  /** Why there is no fork server; `null` when there is one or none was tried. */
  reason: string | null = null;

  constructor(single: NamespaceCells, options: Omit<ZygoteOptions, 'name' | 'uid'>) {
    this.#single = single;
    this.#options = options;
    this.kinds = single.kinds;
    this.defaults = single.defaults;
  }

  /** Starts the fork server, if it can; never throws. */
  open(): Promise<void> {
    this.#opening ??= this.#open().finally(() => {
      this.#opening = null;
    });
    return this.#opening;
  }

  async #open(): Promise<void> {
    if (this.#closed || Date.now() < this.#retryAt) return;
    this.#opened += 1;
    const uid = this.#options.stage.root ? this.#single.userIds.take() : null;
    try {
      const zygote = await Zygote.open({ ...this.#options, name: `zygote-${this.#opened}`, uid });
      const old = this.#zygote;
      this.#zygote = zygote;
      this.reason = null;
      if (this.#closed) await zygote.close();
      void old?.retire();
    } catch (error) {
      if (uid !== null) this.#single.userIds.give(uid);
      this.reason = (error as Error).message;
      this.#retryAt = Date.now() + RETRY_MS;
    }
  }

  async start(kind: CellKind, limits: ExecutionLimits): Promise<Cell> {
    const zygote = this.#zygote;
    if (zygote === null || !fitsStartedLimits(limits, this.defaults, this.#options.groups !== null)) {
      return this.#single.start(kind, limits);
    }
    if (!zygote.alive || zygote.started >= CELLS_PER_ZYGOTE) void this.open();
    if (!zygote.alive) return this.#single.start(kind, limits);
    const cell = await zygote.fork(kind);
    await cell.admit(limits);
    return cell;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#opening;
    await this.#zygote?.close();
    await this.#single.close();
  }
}
