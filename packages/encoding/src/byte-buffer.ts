/** Bytes that arrive in pieces, in one place. Grows by doubling, so that many small pieces cost no more than a large one. */

/**
 * @example
 * const buffer = new ByteBuffer();
 * buffer.append(utf8('a'));
 * buffer.bytes(); // a copy
 */
export class ByteBuffer {
  #room = new Uint8Array(1024);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  append(bytes: Uint8Array): void {
    const length = this.#length + bytes.length;
    if (length > this.#room.length) {
      const larger = new Uint8Array(Math.max(length, this.#room.length * 2));
      larger.set(this.view());
      this.#room = larger;
    }
    this.#room.set(bytes, this.#length);
    this.#length = length;
  }

  /** The bytes themselves from `start` up to `end`; they hold until the next {@link append}. */
  view(start = 0, end = this.#length): Uint8Array<ArrayBuffer> {
    return this.#room.subarray(start, end);
  }

  /** A copy of everything. */
  bytes(): Uint8Array<ArrayBuffer> {
    return this.#room.slice(0, this.#length);
  }

  /** A copy of everything; the buffer is empty after it. */
  take(): Uint8Array<ArrayBuffer> {
    const bytes = this.bytes();
    this.#length = 0;
    return bytes;
  }
}
