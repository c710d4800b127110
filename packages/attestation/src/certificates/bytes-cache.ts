/**
 * A bounded map from byte strings to values. Lookup hashes cheaply, then compares every byte, so a hit is exact whatever the
 * attacker feeds it; keys are copied, so later changes to a caller's buffer change nothing. Oldest entries leave first.
 */

import { concatBytes, equalBytes } from '@assay/encoding/bytes';

interface Entry<Value> {
  readonly key: Uint8Array;
  readonly value: Value;
}

const BUCKET_SIZE = 4; // entries that may share one 32-bit hash

export class BytesCache<Value> {
  readonly #buckets = new Map<number, Entry<Value>[]>();
  readonly #capacity: number;

  /** @param capacity number of hashes kept. */
  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get(key: Uint8Array): Value | undefined {
    return this.#buckets.get(hash(key))?.find((entry) => equalBytes(entry.key, key))?.value;
  }

  set(key: Uint8Array, value: Value): void {
    const at = hash(key);
    const others = (this.#buckets.get(at) ?? []).filter((entry) => !equalBytes(entry.key, key));
    this.#buckets.delete(at);
    this.#buckets.set(at, [...others.slice(1 - BUCKET_SIZE), { key: concatBytes(key), value }]);
    if (this.#buckets.size > this.#capacity) this.#buckets.delete(this.#buckets.keys().next().value as number);
  }
}

/** FNV-1a, 32 bits: spreads, does not protect. */
function hash(bytes: Uint8Array): number {
  let value = 0x811c9dc5;
  for (let i = 0; i < bytes.length; i++) value = Math.imul(value ^ (bytes[i] as number), 0x01000193);
  return value >>> 0;
}
