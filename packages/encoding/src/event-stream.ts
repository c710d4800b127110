/**
 * Server-sent events (HTML living standard, §9.2.5 and §9.2.6) out of bytes that arrive in pieces of any size: all three line ends, a byte
 * order mark, comments, fields without a value, data of several lines, and a last event without its blank line. The bytes of each
 * event come along, so that a caller can hand on exactly what it has read.
 *
 * Not checked here: what the data says. Bytes that are not UTF-8 become U+FFFD, as the standard wants it.
 */

import { ByteBuffer } from './byte-buffer.ts';
import { EncodingError } from './errors.ts';

/** One event. A block without a `data` line is none (§9.2.6). */
export interface ServerSentEvent {
  /** Of the `event` field; `message` without one. */
  readonly type: string;
  /** One entry a `data` line, in order. The standard joins them with line feeds. */
  readonly lines: readonly string[];
}

/** A part of the stream, as it arrived. All parts in order are the stream. */
export interface EventStreamPart {
  readonly bytes: Uint8Array;
  /** The event that ends with these bytes; `null` for comments and for blocks without data. */
  readonly event: ServerSentEvent | null;
}

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const BYTE_ORDER_MARK = '\uFEFF';
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/**
 * Reads one stream.
 *
 * @example
 * const reader = new EventStreamReader(1024 * 1024);
 * reader.push(utf8('data: 1\r\n\r')); // [{ bytes: …, event: { type: 'message', lines: ['1'] } }]
 * reader.end(); // []
 */
export class EventStreamReader {
  readonly #maxEventBytes: number;
  /** The current part. */
  readonly #pending = new ByteBuffer();
  #lineStart = 0;
  #afterCarriageReturn = false;
  #atStart = true;
  #hasFields = false;
  #type = '';
  #data: string[] = [];

  /** @param maxEventBytes - longest event with its framing, bytes. */
  constructor(maxEventBytes: number) {
    this.#maxEventBytes = maxEventBytes;
  }

  /**
   * The parts that are complete with this piece.
   * @throws {EncodingError} `event-stream/limit` for an event longer than allowed.
   */
  push(piece: Uint8Array): readonly EventStreamPart[] {
    const parts: EventStreamPart[] = [];
    for (let from = 0; from < piece.length; ) {
      const { next, mark } = endOfLine(piece, from);
      this.#append(piece.subarray(from, next));
      from = next;
      if (mark === '') break;
      const line = this.#pending.view(this.#lineStart, this.#pending.length - mark.length);
      const restOfLineEnd = this.#afterCarriageReturn && mark === '\n' && line.length === 0;
      this.#afterCarriageReturn = mark === '\r';
      const found = restOfLineEnd ? undefined : this.#take(decoder.decode(line));
      this.#lineStart = this.#pending.length;
      if (found !== undefined) parts.push({ bytes: this.#cut(), event: found });
    }
    return parts;
  }

  /** What is left when the stream has ended: an event without its blank line counts, because servers in use leave it out. */
  end(): readonly EventStreamPart[] {
    if (this.#pending.length === 0) return [];
    if (this.#lineStart < this.#pending.length) this.#take(decoder.decode(this.#pending.view(this.#lineStart)));
    return [{ bytes: this.#cut(), event: this.#dispatch() }];
  }

  #append(bytes: Uint8Array): void {
    if (this.#pending.length + bytes.length > this.#maxEventBytes) {
      throw new EncodingError(
        'event-stream/limit',
        `expected events of at most ${this.#maxEventBytes} bytes, got a longer one; check what sends this stream`,
      );
    }
    this.#pending.append(bytes);
  }

  #cut(): Uint8Array {
    this.#lineStart = 0;
    return this.#pending.take();
  }

  /** `undefined` while the part goes on. A comment outside of an event is a part of its own, so that it never waits. */
  #take(raw: string): ServerSentEvent | null | undefined {
    const line = this.#atStart && raw.startsWith(BYTE_ORDER_MARK) ? raw.slice(1) : raw;
    this.#atStart = false;
    if (line === '') return this.#dispatch();
    const colon = line.indexOf(':');
    if (colon === 0) return this.#hasFields ? undefined : null;
    this.#hasFields = true;
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(line[colon + 1] === ' ' ? colon + 2 : colon + 1);
    if (field === 'event') this.#type = value;
    if (field === 'data') this.#data.push(value);
    return undefined;
  }

  #dispatch(): ServerSentEvent | null {
    const event = this.#data.length === 0 ? null : { type: this.#type === '' ? 'message' : this.#type, lines: this.#data };
    this.#hasFields = false;
    this.#type = '';
    this.#data = [];
    return event;
  }
}

/** Where the line that `from` is in ends: the position behind its line end, and that line end; an empty one when the piece ends first. */
function endOfLine(piece: Uint8Array, from: number): { readonly next: number; readonly mark: '\n' | '\r' | '\r\n' | '' } {
  for (let at = from; at < piece.length; at += 1) {
    if (piece[at] === LINE_FEED) return { next: at + 1, mark: '\n' };
    if (piece[at] !== CARRIAGE_RETURN) continue;
    return piece[at + 1] === LINE_FEED ? { next: at + 2, mark: '\r\n' } : { next: at + 1, mark: '\r' };
  }
  return { next: piece.length, mark: '' };
}
