/** Admits a bounded number of jobs at a time; the rest wait in line, and beyond the line nobody. */

import { ServerError } from '../../../errors.ts';

export class Slots {
  #free: number;
  readonly #maxWaiting: number;
  readonly #waiting: (() => void)[] = [];

  constructor(slots: number, maxWaiting: number) {
    this.#free = slots;
    this.#maxWaiting = maxWaiting;
  }

  /**
   * Waits for a slot; call what it gives to free it.
   *
   * @throws {ServerError} `sandbox/busy` when the line is full, `sandbox/cancelled` when the signal fired while waiting.
   */
  async acquire(signal?: AbortSignal): Promise<() => void> {
    const cancelled = (): ServerError => new ServerError('sandbox/cancelled', 'the caller cancelled the run before it began');
    if (signal?.aborted) throw cancelled();
    if (this.#free > 0) {
      this.#free -= 1;
      return this.#releaser();
    }
    if (this.#waiting.length >= this.#maxWaiting) {
      throw new ServerError('sandbox/busy', `expected at most ${this.#maxWaiting} waiting jobs; retry later`);
    }
    await new Promise<void>((resolve, reject) => {
      const admit = (): void => {
        signal?.removeEventListener('abort', leave);
        resolve();
      };
      const leave = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(admit), 1);
        reject(cancelled());
      };
      signal?.addEventListener('abort', leave, { once: true });
      this.#waiting.push(admit);
    });
    return this.#releaser();
  }

  #releaser(): () => void {
    let released = false;
    return () => {
      if (released) return;
      released = true;
      const next = this.#waiting.shift();
      if (next === undefined) this.#free += 1;
      else next();
    };
  }
}
