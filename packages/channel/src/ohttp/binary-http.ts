/**
 * Binary HTTP (RFC 9292), known-length form: the whole message that OHTTP encrypts, so that method, path and headers are hidden too.
 * Not implemented: informational responses and trailers are refused, because nothing here produces them; padding is accepted.
 */

import { concatBytes } from '@assay/encoding/bytes';
import { ChannelError } from '../errors.ts';
import { PartWriter, readText } from './parts.ts';
import { decodeVarint } from './varint.ts';

export interface BinaryRequest {
  readonly method: string;
  readonly scheme: string;
  readonly authority: string;
  /** Path with query. */
  readonly path: string;
  /** Lower-case names, in order. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Uint8Array;
}

export interface ResponseHead {
  readonly status: number;
  readonly headers: readonly (readonly [name: string, value: string])[];
}

const REQUEST_KNOWN_LENGTH = 0;
const RESPONSE_INDETERMINATE_LENGTH = 3;
const MAX_FIELDS = 256;
const NAME = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/;
/** What a header value may be on every platform: characters that stand for one byte each. */
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

// Nothing that writes waits, so two writers serve all messages.
const message = new PartWriter();
const fields = new PartWriter();

function writeFields(writer: PartWriter, headers: ResponseHead['headers']): PartWriter {
  for (const [name, value] of headers) writer.text(name).text(value);
  return writer;
}

/** Reads what RFC 9292 calls length-prefixed parts; every overrun is `channel/message-malformed`. */
class PartReader {
  readonly #bytes: Uint8Array;
  offset = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get remaining(): number {
    return this.#bytes.length - this.offset;
  }

  integer(): number {
    const found = decodeVarint(this.#bytes, this.offset);
    if (!found) throw new ChannelError('channel/message-malformed', 'expected an integer, got the end of the message');
    this.offset = found.next;
    return found.value;
  }

  #take(): number {
    const length = this.integer();
    if (length > this.remaining)
      throw new ChannelError('channel/message-malformed', `expected ${length} bytes, got ${this.remaining}`);
    this.offset += length;
    return this.offset - length;
  }

  part(): Uint8Array {
    const start = this.#take();
    return this.#bytes.subarray(start, this.offset);
  }

  text(): string {
    const start = this.#take();
    return readText(this.#bytes, start, this.offset);
  }

  fields(): (readonly [string, string])[] {
    const section = new PartReader(this.part());
    const fields: (readonly [string, string])[] = [];
    while (section.remaining > 0) {
      const name = section.text();
      const value = section.text();
      if (!NAME.test(name) || !VALUE.test(value))
        throw new ChannelError('channel/message-malformed', 'expected a lower-case header field');
      if (fields.push([name, value]) > MAX_FIELDS)
        throw new ChannelError('channel/oversize', `expected at most ${MAX_FIELDS} header fields`);
    }
    return fields;
  }
}

/**
 * RFC 9292 §3.1, framing indicator 0.
 * @example const message = encodeRequest({ method: 'GET', scheme: 'https', authority: 'agent.example', path: '/v1/models', headers: [], body: new Uint8Array() })
 */
export function encodeRequest({ method, scheme, authority, path, headers, body }: BinaryRequest): Uint8Array {
  return message
    .begin()
    .integer(REQUEST_KNOWN_LENGTH)
    .text(method)
    .text(scheme)
    .text(authority)
    .text(path)
    .partOf(writeFields(fields.begin(), headers))
    .part(body)
    .integer(0)
    .take();
}

/**
 * @throws {ChannelError} `channel/message-malformed`, `channel/oversize`.
 * @example const { method, path } = decodeRequest(bytes)
 */
export function decodeRequest(bytes: Uint8Array): BinaryRequest {
  const reader = new PartReader(bytes);
  if (reader.integer() !== REQUEST_KNOWN_LENGTH)
    throw new ChannelError('channel/message-malformed', 'expected a known-length binary HTTP request');
  const request = { method: reader.text(), scheme: reader.text(), authority: reader.text(), path: reader.text() };
  if (!/^[A-Z]{1,16}$/.test(request.method) || !/^\/[\x21-\x7e]*$/.test(request.path)) {
    throw new ChannelError('channel/message-malformed', 'expected an upper-case method and a path that begins with /');
  }
  // §3.8: a message may end before any of its last three parts; a part that is missing is an empty one.
  const headers = reader.remaining > 0 ? reader.fields() : [];
  const body = reader.remaining > 0 ? reader.part() : new Uint8Array(0);
  if (reader.remaining > 0 && reader.part().length > 0)
    throw new ChannelError('channel/message-malformed', 'expected no trailers');
  while (reader.remaining > 0) {
    if (reader.integer() !== 0) throw new ChannelError('channel/message-malformed', 'expected zero padding');
  }
  return { ...request, headers, body };
}

/**
 * Head of an indeterminate-length response (RFC 9292 §3.2, framing indicator 3); content chunks follow.
 * @example const head = encodeResponseHead({ status: 200, headers: [['content-type', 'application/json']] })
 */
export function encodeResponseHead({ status, headers }: ResponseHead): Uint8Array {
  return writeFields(message.begin().integer(RESPONSE_INDETERMINATE_LENGTH).integer(status), headers).integer(0).take();
}

/**
 * One content chunk of an indeterminate-length message; never empty.
 * @example const chunk = encodeContentChunk(utf8('data: [DONE]'))
 */
export function encodeContentChunk(content: Uint8Array): Uint8Array {
  return message.begin().part(content).take();
}

/**
 * A whole response: {@link encodeResponseHead}, the content as one chunk if there is any, {@link CONTENT_END}.
 * @example const message = encodeResponse({ status: 200, headers: [] }, utf8('{}'))
 */
export function encodeResponse({ status, headers }: ResponseHead, content: Uint8Array): Uint8Array {
  writeFields(message.begin().integer(RESPONSE_INDETERMINATE_LENGTH).integer(status), headers).integer(0);
  if (content.length > 0) message.part(content);
  return message.bytes(CONTENT_END).take();
}

/** Ends content and (empty) trailers of an indeterminate-length message. */
export const CONTENT_END: Uint8Array = Uint8Array.of(0, 0);

/**
 * Reads an indeterminate-length response piece by piece: push decrypted bytes in, take content out. The head is known after the
 * first pieces; `ended` tells whether the terminator was seen.
 */
export class ResponseDecoder {
  #pending: Uint8Array = new Uint8Array(0);
  #head: ResponseHead | null = null;
  #contentEnded = false;
  #trailersEnded = false;

  get head(): ResponseHead | null {
    return this.#head;
  }

  get ended(): boolean {
    return this.#trailersEnded;
  }

  /** Content that became complete with `bytes`, as views of it; leave it unchanged. @throws {ChannelError} `channel/message-malformed`, `channel/oversize`. */
  push(bytes: Uint8Array): readonly Uint8Array[] {
    this.#pending = this.#pending.length === 0 ? bytes : concatBytes(this.#pending, bytes);
    if (!this.#head && !this.#readHead()) return [];
    const content: Uint8Array[] = [];
    while (!this.#contentEnded) {
      const length = decodeVarint(this.#pending, 0);
      if (!length || length.next + length.value > this.#pending.length) return content;
      if (length.value === 0) this.#contentEnded = true;
      else content.push(this.#pending.subarray(length.next, length.next + length.value));
      this.#pending = this.#pending.subarray(length.next + length.value);
    }
    for (const byte of this.#pending) {
      if (byte !== 0) throw new ChannelError('channel/message-malformed', 'expected no trailers after the content');
      this.#trailersEnded = true;
    }
    this.#pending = new Uint8Array(0);
    return content;
  }

  #readHead(): boolean {
    const bytes = this.#pending;
    let offset = 0;
    const integer = (): number | null => {
      const found = decodeVarint(bytes, offset);
      if (found) offset = found.next;
      return found ? found.value : null;
    };
    const part = (length: number): string | null => {
      if (offset + length > bytes.length) return null;
      offset += length;
      return readText(bytes, offset - length, offset);
    };
    const framing = integer();
    if (framing !== null && framing !== RESPONSE_INDETERMINATE_LENGTH) {
      throw new ChannelError('channel/message-malformed', 'expected an indeterminate-length binary HTTP response');
    }
    const status = integer();
    if (status === null) return false;
    if (status < 200 || status > 599)
      throw new ChannelError('channel/message-malformed', 'expected a final status, 200 to 599');
    const headers: (readonly [string, string])[] = [];
    for (;;) {
      const nameLength = integer();
      if (nameLength === null) return false;
      if (nameLength === 0) break;
      const name = part(nameLength);
      const valueLength = name === null ? null : integer();
      const value = valueLength === null ? null : part(valueLength);
      if (name === null || value === null) return false;
      if (!NAME.test(name) || !VALUE.test(value))
        throw new ChannelError('channel/message-malformed', 'expected a lower-case header field');
      if (headers.push([name, value]) > MAX_FIELDS)
        throw new ChannelError('channel/oversize', `expected at most ${MAX_FIELDS} header fields`);
    }
    this.#head = { status, headers };
    this.#pending = bytes.subarray(offset);
    return true;
  }
}
