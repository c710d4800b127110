/** Random bytes drawn from the operating system in larger portions; each byte is handed out once and then cleared. */

import { randomFillSync } from 'node:crypto';

const POOL_BYTES = 4_096;

export class RandomPool {
  readonly #pool = new Uint8Array(POOL_BYTES);
  #at = POOL_BYTES;

  /** `length` fresh random bytes, at most 4,096. */
  take(length: number): Uint8Array {
    if (this.#at + length > POOL_BYTES) {
      randomFillSync(this.#pool);
      this.#at = 0;
    }
    const bytes = this.#pool.slice(this.#at, this.#at + length);
    this.#pool.fill(0, this.#at, this.#at + length);
    this.#at += length;
    return bytes;
  }
}
