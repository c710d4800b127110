/** Lets so many jobs run at a time, the others in the order in which they came. */

import { SandboxError } from './errors.ts';

const MAX_WAITING = 256;

export class Turns {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(concurrency: number) {
    this.#free = concurrency;
  }

  /**
   * Waits for a turn; gives the function that ends it.
   *
   * @throws {SandboxError} `sandbox/busy` when too many wait, `sandbox/cancelled` when `signal` fires first.
   */
  async take(signal: AbortSignal | undefined): Promise<() => void> {
    if (signal?.aborted) throw cancelled();
    if (this.#free > 0) this.#free -= 1;
    else await this.#wait(signal);
    let ended = false;
    return () => {
      if (ended) return;
      ended = true;
      const next = this.#waiting.shift();
      if (next === undefined) this.#free += 1;
      else next();
    };
  }

  #wait(signal: AbortSignal | undefined): Promise<void> {
    if (this.#waiting.length >= MAX_WAITING) {
      throw new SandboxError('sandbox/busy', `expected at most ${MAX_WAITING} jobs waiting for a sandbox; try again later`);
    }
    return new Promise((resolve, reject) => {
      const start = (): void => {
        signal?.removeEventListener('abort', abort);
        resolve();
      };
      const abort = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(start), 1);
        reject(cancelled());
      };
      signal?.addEventListener('abort', abort, { once: true });
      this.#waiting.push(start);
    });
  }
}

function cancelled(): SandboxError {
  return new SandboxError('sandbox/cancelled', 'the job was cancelled before it started');
}
