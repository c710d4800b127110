/** How many refusals get a receipt: requests that need no key must not let the log grow without bound (spec/operator.md §7). */

/** Refusals of requests without a key that get a receipt in one minute. */
const REFUSALS_A_MINUTE = 30;

/** Counts receipts of refusals by minute. */
export class RefusalLimit {
  #minute = 0;
  #sealed = 0;
  #leftOut = 0;

  /**
   * Takes one receipt. `null` when the minute has no more; else how many refusals got none since the last receipt.
   * @param now epoch seconds.
   */
  take(now: number): number | null {
    const minute = Math.floor(now / 60);
    if (minute !== this.#minute) {
      this.#minute = minute;
      this.#sealed = 0;
    }
    if (this.#sealed >= REFUSALS_A_MINUTE) {
      this.#leftOut += 1;
      return null;
    }
    this.#sealed += 1;
    const leftOut = this.#leftOut;
    this.#leftOut = 0;
    return leftOut;
  }
}
