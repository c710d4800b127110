/** A cursor over bytes for fixed-layout structures. Every read is bounds-checked; byte reads are views, not copies. */

import { EncodingError } from './errors.ts';

/**
 * Reads `bytes` from the front; `what` names the structure in errors.
 * @throws {EncodingError} from its reads: `reader/out-of-bounds`; from `end()`: `reader/trailing-bytes`.
 * @example
 * const reader = new ByteReader(quote, 'tdx quote');
 * const version = reader.u16le();
 */
export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #what: string;
  #offset = 0;

  constructor(bytes: Uint8Array, what: string) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#what = what;
  }

  /** Bytes consumed so far. */
  get offset(): number {
    return this.#offset;
  }

  /** Bytes not yet consumed. */
  get remaining(): number {
    return this.#bytes.length - this.#offset;
  }

  u8(): number {
    return this.#view.getUint8(this.#take(1));
  }

  u16le(): number {
    return this.#view.getUint16(this.#take(2), true);
  }

  u32le(): number {
    return this.#view.getUint32(this.#take(4), true);
  }

  u64le(): bigint {
    return this.#view.getBigUint64(this.#take(8), true);
  }

  u16be(): number {
    return this.#view.getUint16(this.#take(2), false);
  }

  u32be(): number {
    return this.#view.getUint32(this.#take(4), false);
  }

  u64be(): bigint {
    return this.#view.getBigUint64(this.#take(8), false);
  }

  /** The next `count` bytes, as a view. */
  bytes(count: number): Uint8Array {
    const start = this.#take(count);
    return this.#bytes.subarray(start, start + count);
  }

  /** Passes over `count` bytes. */
  skip(count: number): void {
    this.#take(count);
  }

  /** Everything left, as a view. */
  rest(): Uint8Array {
    return this.bytes(this.remaining);
  }

  /** Demands that nothing is left. */
  end(): void {
    if (this.remaining === 0) return;
    throw new EncodingError(
      'reader/trailing-bytes',
      `expected the end of the ${this.#what}, got ${this.remaining} more bytes`,
      {
        details: { what: this.#what, offset: this.#offset, remaining: this.remaining },
      },
    );
  }

  #take(count: number): number {
    if (!Number.isSafeInteger(count) || count < 0 || count > this.remaining) {
      throw new EncodingError(
        'reader/out-of-bounds',
        `expected ${count} bytes at offset ${this.#offset} of the ${this.#what}, got ${this.remaining}; the input is truncated or its lengths lie`,
        { details: { what: this.#what, offset: this.#offset, wanted: count, remaining: this.remaining } },
      );
    }
    const start = this.#offset;
    this.#offset += count;
    return start;
  }
}
