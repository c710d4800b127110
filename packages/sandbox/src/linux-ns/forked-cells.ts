/** Cells from a fork server where it runs, and one by one where it does not or a job wants limits of its own. */

import type { ExecutionLimits } from '@assay/receipt';
import type { Cell, CellFactory, CellKind } from '../native/cell.ts';
import type { NamespaceCells } from './cells.ts';
import { fitsStartedLimits } from './grouped-cell.ts';
import { Zygote, type ZygoteOptions } from './zygote.ts';

/** Cells share the fork server's memory layout and hash seed; this many of them do, then it is renewed. */
const CELLS_PER_ZYGOTE = 1_000;
const RETRY_MS = 30_000;

export interface ForkedCellsOptions extends Omit<ZygoteOptions, 'name' | 'uid'> {
  /** Forks after which a fork server is renewed; 1,000 by default. */
  readonly cellsPerZygote?: number | undefined;
}

export class ForkedCells implements CellFactory {
  readonly kinds: readonly CellKind[];
  readonly defaults: ExecutionLimits;
  readonly #single: NamespaceCells;
  readonly #options: ForkedCellsOptions;
  #zygote: Zygote | null = null;
  /** Fork servers that were renewed and still have cells. */
  readonly #retiring = new Set<Promise<void>>();
  #opening: Promise<void> | null = null;
  #opened = 0;
  #retryAt = 0;
  #closed = false;
  /** Why there is no fork server; `null` when there is one or none was tried. */
  reason: string | null = null;

  constructor(single: NamespaceCells, options: ForkedCellsOptions) {
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
      if (old !== null) this.#retire(old);
    } catch (error) {
      if (uid !== null) this.#single.userIds.give(uid);
      this.reason = (error as Error).message;
      this.#retryAt = Date.now() + RETRY_MS;
    }
  }

  #retire(zygote: Zygote): void {
    const retired = zygote
      .retire()
      .finally(() => {
        this.#giveUserId(zygote);
        this.#retiring.delete(retired);
      })
      .catch(() => undefined);
    this.#retiring.add(retired);
  }

  #giveUserId({ uid }: Zygote): void {
    if (uid !== null) this.#single.userIds.give(uid);
  }

  async start(kind: CellKind, limits: ExecutionLimits): Promise<Cell> {
    const zygote = this.#zygote;
    if (zygote === null || !fitsStartedLimits(limits, this.defaults, this.#options.groups !== null)) {
      return this.#single.start(kind, limits);
    }
    if (!zygote.alive || zygote.started >= (this.#options.cellsPerZygote ?? CELLS_PER_ZYGOTE)) void this.open();
    if (!zygote.alive) return this.#single.start(kind, limits);
    const cell = await zygote.fork(kind);
    await cell.admit(limits);
    return cell;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#opening;
    if (this.#zygote !== null) {
      await this.#zygote.close();
      this.#giveUserId(this.#zygote);
    }
    await Promise.all(this.#retiring);
    await this.#single.close();
  }
}
