/**
 * A bounded map from byte strings to values. Lookup hashes cheaply, then compares every byte, so a hit is exact whatever the
 * attacker feeds it; keys are copied, so that later changes to a caller's buffer change nothing. Oldest entries leave first.
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

  /** Remembers `value` under a copy of `key`. */
  set(key: Uint8Array, value: Value): void {
    this.keep(concatBytes(key), value);
  }

  /** As {@link set} without a copy: the bytes are the caller's own and never change. */
  keep(key: Uint8Array, value: Value): void {
    const at = hash(key);
    const others = (this.#buckets.get(at) ?? []).filter((entry) => !equalBytes(entry.key, key));
    this.#buckets.delete(at);
    this.#buckets.set(at, [...others.slice(1 - BUCKET_SIZE), { key, value }]);
    if (this.#buckets.size > this.#capacity) this.#buckets.delete(this.#buckets.keys().next().value as number);
  }
}

/** Bytes looked at from the end, and spread over the rest. Certificates end in their signatures, which differ wherever they do. */
const TAIL = 32;
const SPREAD = 32;

/** FNV-1a, 32 bits, over a sample: spreads, does not protect. What collides shares a bucket and is told apart by every byte. */
function hash(bytes: Uint8Array): number {
  const { length } = bytes;
  const body = Math.max(0, length - TAIL);
  const step = Math.max(1, Math.ceil(body / SPREAD));
  let value = 0x811c9dc5 ^ length;
  for (let i = 0; i < body; i += step) value = Math.imul(value ^ (bytes[i] as number), 0x01000193);
  for (let i = body; i < length; i++) value = Math.imul(value ^ (bytes[i] as number), 0x01000193);
  return value >>> 0;
}
