/** Keeps cells waiting, so that a job does not wait for its interpreter. Every cell serves one job and is thrown away. */

import { setTimeout as delay } from 'node:timers/promises';
import type { ExecutionLimits } from '@assay/receipt';
import type { Cell, CellFactory, CellKind } from './cell.ts';

/** Cells that start at the same time in the background: more would only take the processors from running jobs. */
const MAX_STARTING = 2;
/** After a failed start nothing is tried for this long, so that a broken machine is not kept busy. */
const PAUSE_MS = 1_000;
const REFILL_MS = 20;

export class CellPool {
  readonly #factory: CellFactory;
  readonly #size: number;
  readonly #waiting = new Map<CellKind, Cell[]>();
  readonly #starting = new Map<CellKind, Set<Promise<void>>>();
  readonly #stopping = new AbortController();
  #closed = false;

  /** `size` cells are kept waiting for each kind; 0 starts every cell when it is asked for. */
  constructor(factory: CellFactory, size: number) {
    this.#factory = factory;
    this.#size = size;
    for (const kind of factory.kinds) {
      this.#waiting.set(kind, []);
      this.#starting.set(kind, new Set());
    }
  }

  /** Begins to fill; does not wait. */
  fill(): void {
    for (const kind of this.#factory.kinds) this.#refill(kind);
  }

  /** A cell for these limits: a waiting one when it fits, else a new one. */
  async take(kind: CellKind, limits: ExecutionLimits): Promise<{ readonly cell: Cell; readonly warm: boolean }> {
    const waiting = this.#waiting.get(kind) ?? [];
    const at = waiting.findIndex((cell) => cell.admits(limits));
    const [cell] = at === -1 ? [] : waiting.splice(at, 1);
    if (cell !== undefined) {
      this.#refillLater(kind);
      await cell.admit(limits);
      return { cell, warm: true };
    }
    const fresh = await this.#factory.start(kind, limits);
    this.#refillLater(kind);
    return { cell: fresh, warm: false };
  }

  /** Resolves when `count` cells of a kind wait; for tests and measurements. */
  async ready(kind: CellKind, count = this.#size): Promise<void> {
    while (!this.#closed && (this.#waiting.get(kind)?.length ?? 0) < Math.min(count, this.#size)) {
      const starting = [...(this.#starting.get(kind) ?? [])];
      if (starting.length === 0) return;
      await Promise.race(starting);
    }
  }

  /** A start costs this process milliseconds; the job that was just handed over goes first. */
  #refillLater(kind: CellKind): void {
    setTimeout(() => this.#refill(kind), REFILL_MS).unref();
  }

  #refill(kind: CellKind): void {
    const waiting = this.#waiting.get(kind) ?? [];
    const starting = this.#starting.get(kind) ?? new Set();
    while (!this.#closed && starting.size < MAX_STARTING && waiting.length + starting.size < this.#size) {
      const start: Promise<void> = this.#startOne(kind, waiting).finally(() => {
        starting.delete(start);
        this.#refill(kind);
      });
      starting.add(start);
    }
  }

  async #startOne(kind: CellKind, waiting: Cell[]): Promise<void> {
    try {
      const cell = await this.#factory.start(kind, this.#factory.defaults);
      if (this.#closed) {
        await cell.dispose();
        return;
      }
      waiting.push(cell);
      void cell.ended.then(() => {
        const at = waiting.indexOf(cell);
        if (at === -1) return;
        waiting.splice(at, 1);
        void cell.dispose();
        this.#refill(kind);
      });
    } catch {
      // The job that needs a cell meets the same error and reports it.
      await delay(PAUSE_MS, undefined, { signal: this.#stopping.signal }).catch(() => undefined);
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#stopping.abort();
    await Promise.all([...this.#starting.values()].flatMap((starting) => [...starting]));
    await Promise.all([...this.#waiting.values()].flat().map((cell) => cell.dispose()));
  }
}
