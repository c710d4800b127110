/** Work that blocks this process and whose length the measured program decides: repeated only so often that it stays a small part. */

/** Time between two runs, as a multiple of what the last one took. */
const REST = 4;

export class Paced<T> {
  readonly #leastMs: number;
  #next = 0;
  #last: { readonly value: T } | null = null;

  /** `leastMs`: time between two runs, however short they are. */
  constructor(leastMs: number) {
    this.#leastMs = leastMs;
  }

  /** The result of `work`, or of its last run while the next is not due. */
  get(work: () => T): T {
    const started = performance.now();
    if (this.#last !== null && started < this.#next) return this.#last.value;
    const value = work();
    const ended = performance.now();
    this.#next = ended + Math.max(this.#leastMs, (ended - started) * REST);
    this.#last = { value };
    return value;
  }
}
