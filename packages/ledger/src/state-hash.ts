/**
 * One hash over all rows of a collection of state, kept up to date row by row (spec/receipt.md, `state.written`). Receipts name it, so that
 * a row that is missing, old or of another origin is found by all who have the log.
 *
 * Rows are sorted into 256 buckets by the first byte of SHA-256(key), so that a change costs its own bucket and not the whole collection.
 */

import { createHash } from 'node:crypto';
import type { StateRow } from './port.ts';

/** The row of a collection whose version is its generation. It is not in the hash. */
export const GENERATION_KEY = 'generation';

const BUCKETS = 256;
const HASH_BYTES = 32;

/**
 * The hash over rows that change one at a time.
 * @example const hash = new StateHash(rows); hash.set({ key: 'a', version: 2, value }); hash.text // 'sha256:9f…'
 */
export class StateHash {
  readonly #buckets: readonly Map<string, Uint8Array>[] = Array.from({ length: BUCKETS }, () => new Map());
  readonly #sums = new Uint8Array(BUCKETS * HASH_BYTES);
  readonly #changed = new Set<number>(Array.from({ length: BUCKETS }, (_, bucket) => bucket));

  constructor(rows: Iterable<StateRow> = []) {
    for (const row of rows) this.set(row);
  }

  /** Puts a row in the place of the one with its key. `value`: the bytes that were handed to the ledger. */
  set({ key, version, value }: StateRow): void {
    this.#bucket(key).set(key, rowHash(key, version, value));
  }

  /** Takes a row out. */
  delete(key: string): void {
    this.#bucket(key).delete(key);
  }

  /** `sha256:` and 64 hex characters. */
  get text(): string {
    for (const bucket of this.#changed) {
      const sum = createHash('sha256');
      const rows = [...(this.#buckets[bucket] ?? [])].sort(([a], [b]) => (a < b ? -1 : 1));
      for (const [, hash] of rows) sum.update(hash);
      this.#sums.set(sum.digest(), bucket * HASH_BYTES);
    }
    this.#changed.clear();
    return `sha256:${createHash('sha256').update(this.#sums).digest('hex')}`;
  }

  #bucket(key: string): Map<string, Uint8Array> {
    const bucket = createHash('sha256').update(key).digest()[0] ?? 0;
    this.#changed.add(bucket);
    return this.#buckets[bucket] as Map<string, Uint8Array>;
  }
}

function rowHash(key: string, version: number, value: Uint8Array): Uint8Array {
  return createHash('sha256')
    .update(`${JSON.stringify([key, version])}\n`)
    .update(value)
    .digest();
}
