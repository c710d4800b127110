/**
 * Length-prefixed parts, of which RFC 9292 builds everything: writes them into one growing array, and reads texts back. Names and
 * values of headers are a few ASCII characters each, for which a loop is faster than a call of TextEncoder or TextDecoder.
 */

import { decodeUtf8, utf8 } from '@assay/encoding/bytes';
import { ChannelError } from '../errors.ts';
import { encodeVarint } from './varint.ts';

const SHORT = 128; // characters

/** Text of the UTF-8 in `bytes` from `start` to `end`. @throws {ChannelError} `channel/message-malformed`. */
export function readText(bytes: Uint8Array, start: number, end: number): string {
  let text = '';
  for (let offset = start; offset < end; offset += 1) {
    const byte = bytes[offset] ?? 0;
    if (byte >= 0x80 || end - start > SHORT) return decodeText(bytes.subarray(start, end));
    text += String.fromCharCode(byte);
  }
  return text;
}

function decodeText(bytes: Uint8Array): string {
  try {
    return decodeUtf8(bytes);
  } catch (cause) {
    throw new ChannelError('channel/message-malformed', 'expected UTF-8 text', { cause });
  }
}

const ROOM = 16 * 1024; // bytes that a writer keeps for its next message

/**
 * Collects parts; {@link PartWriter.take} gives them as one array. A writer is used for one message after another, because arrays are
 * what a short message costs most.
 */
export class PartWriter {
  #bytes: Uint8Array = new Uint8Array(512);
  #length = 0;

  #grow(more: number): void {
    if (this.#length + more <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length + more));
    larger.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = larger;
  }

  bytes(bytes: Uint8Array): this {
    this.#grow(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
    return this;
  }

  integer(value: number): this {
    if (value >= 0x40) return this.bytes(encodeVarint(value));
    this.#grow(1);
    this.#bytes[this.#length++] = value;
    return this;
  }

  /** `bytes` behind their length. */
  part(bytes: Uint8Array): this {
    return this.integer(bytes.length).bytes(bytes);
  }

  /** UTF-8 of `text` behind its length. */
  text(text: string): this {
    if (text.length > SHORT) return this.part(utf8(text));
    for (let index = 0; index < text.length; index += 1) if (text.charCodeAt(index) >= 0x80) return this.part(utf8(text));
    this.integer(text.length).#grow(text.length);
    for (let index = 0; index < text.length; index += 1) this.#bytes[this.#length++] = text.charCodeAt(index);
    return this;
  }

  /** Drops what is left of a message that failed, so that none of it gets into the next. */
  begin(): this {
    this.#length = 0;
    return this;
  }

  /** What was written so far behind its length, as {@link PartWriter.part}; empties `other`. */
  partOf(other: PartWriter): this {
    this.part(other.#bytes.subarray(0, other.#length));
    other.#length = 0;
    return this;
  }

  /** What was written; the writer is empty after it. */
  take(): Uint8Array {
    const taken = this.#bytes.slice(0, this.#length);
    this.#length = 0;
    if (this.#bytes.length > ROOM) this.#bytes = new Uint8Array(512);
    return taken;
  }
}
