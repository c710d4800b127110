/**
 * The JSON documents of a model's reply, out of bytes that arrive in pieces: server-sent events, JSON lines, or one document. Endpoints
 * answer a wish for a stream with any of them, and name it wrongly, so that the first byte decides, not the content type.
 *
 * What is no JSON object in a stream is no part of a reply: empty data, pings, dates, comments. A broken object is an error, because
 * the words in it would be missing from the reply.
 */

import { isEndMark } from '@assay/channel';
import { ByteBuffer } from '@assay/encoding/byte-buffer';
import { decodeUtf8 } from '@assay/encoding/bytes';
import { EncodingError } from '@assay/encoding/errors';
import { type EventStreamPart, EventStreamReader, type ServerSentEvent } from '@assay/encoding/event-stream';
import { ServerError } from '../../errors.ts';
import { providerWords } from './provider-words.ts';

/** One event of a stream; the longest seen in use are a few KiB. Bytes. */
export const MAX_EVENT_BYTES = 1024 * 1024;

export type JsonDocument = Readonly<Record<string, unknown>>;

export type ReplyPart =
  | { readonly kind: 'document'; readonly document: JsonDocument }
  /** An event that the endpoint itself calls an error, whatever its data is. */
  | { readonly kind: 'error'; readonly text: string }
  /** `[DONE]`: the reply is whole, whether or not the connection stays open. */
  | { readonly kind: 'end' };

type Framing = 'unknown' | 'events' | 'documents';

/** Reads one reply. `push` takes bytes as they arrive, `end` is called once when no more come. */
export class ReplyDocuments {
  readonly #events = new EventStreamReader(MAX_EVENT_BYTES);
  #framing: Framing = 'unknown';
  /** Bytes of a document, or of a line of one, that is not complete yet. */
  readonly #pending = new ByteBuffer();
  /** False once a line was no document of its own: then all of it is one. */
  #inLines = true;

  /** Whether the reply came as one document or as lines of them, without end mark. */
  get isDocument(): boolean {
    return this.#framing === 'documents';
  }

  /** @throws {ServerError} `model/too-large` for an event beyond {@link MAX_EVENT_BYTES}, `model/bad-reply` for broken content. */
  push(piece: Uint8Array): readonly ReplyPart[] {
    if (this.#framing === 'unknown') this.#framing = framingOf(piece);
    if (this.#framing === 'documents') return this.#lines(piece);
    return coded(() => this.#events.push(piece)).flatMap(partsOf);
  }

  /** @throws {ServerError} `model/bad-reply` when what is left is no JSON. */
  end(): readonly ReplyPart[] {
    if (this.#framing !== 'documents') return coded(() => this.#events.end()).flatMap(partsOf);
    const text = decoded(this.#pending.view()).trim();
    return text === '' ? [] : documentsIn(text);
  }

  #lines(piece: Uint8Array): readonly ReplyPart[] {
    const parts: ReplyPart[] = [];
    let from = 0;
    for (let at = piece.indexOf(0x0a); at >= 0 && this.#inLines; at = piece.indexOf(0x0a, from)) {
      this.#pending.append(piece.subarray(from, at + 1));
      from = at + 1;
      const line = decoded(this.#pending.view()).trim();
      const value = line === '' ? [] : parsed(line);
      if (value === undefined) {
        this.#inLines = false;
        break;
      }
      this.#pending.take();
      parts.push(...documentsOf(value));
    }
    this.#pending.append(piece.subarray(from));
    return parts;
  }
}

/** A byte order mark and white space say nothing; a piece of nothing else leaves the question open. */
function framingOf(piece: Uint8Array): Framing {
  const first = piece.find((byte) => !isBlank(byte) && byte !== 0xef && byte !== 0xbb && byte !== 0xbf);
  if (first === undefined) return 'unknown';
  return first === 0x7b || first === 0x5b || first === 0x3c ? 'documents' : 'events';
}

function isBlank(byte: number): boolean {
  return byte === 0x20 || byte === 0x09 || byte === 0x0a || byte === 0x0d;
}

function partsOf({ bytes, event }: EventStreamPart): readonly ReplyPart[] {
  if (event === null) return strayOf(bytes);
  if (event.lines.some((line) => line.includes('\uFFFD'))) decoded(bytes);
  if (/^(?:.*[._-])?error$/i.test(event.type)) return [{ kind: 'error', text: event.lines.join('\n') }];
  const whole = event.lines.length === 1 ? undefined : parsed(event.lines.join('\n'));
  return whole === undefined ? event.lines.flatMap((line) => partOfLine(line, event)) : documentsOf(whole);
}

/** Servers also end each event with one line feed only; then every line is an event of its own. */
function partOfLine(line: string, event: ServerSentEvent): readonly ReplyPart[] {
  if (isEndMark(line)) return [{ kind: 'end' }];
  const text = line.trim();
  if (!text.startsWith('{') && !text.startsWith('[{')) return [];
  const value = parsed(text);
  if (value === undefined) throw notJson(event.lines.join('\n'));
  return documentsOf(value);
}

/** llama.cpp writes errors in a field of its own, others without any: `error: {…}`, `{"error":…}`. */
function strayOf(bytes: Uint8Array): readonly ReplyPart[] {
  const text = new TextDecoder().decode(bytes).trim();
  const json = text.startsWith('error:') ? text.slice(6).trim() : text;
  return json.startsWith('{') ? [{ kind: 'error', text: json }] : [];
}

function documentsIn(text: string): readonly ReplyPart[] {
  const whole = parsed(text);
  if (whole !== undefined) return documentsOf(whole);
  if (text.startsWith('<')) throw webPage(text);
  return text.split('\n').flatMap((line) => {
    if (line.trim() === '') return [];
    const value = parsed(line);
    if (value === undefined) throw notJson(text);
    return documentsOf(value);
  });
}

/** Gemini streams an array of documents, and its errors are one. */
function documentsOf(value: unknown): readonly ReplyPart[] {
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  return list.flatMap((document) => (isDocument(document) ? [{ kind: 'document', document } as const] : []));
}

/** JSON, or what Python writes for it: NaN and Infinity. `undefined` when it is neither. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return /NaN|Infinity/.test(text) ? parsed(withoutPythonNumbers(text)) : undefined;
  }
}

/** The same text with `null` for NaN and Infinity outside of strings; inside of them the two words are spelled with an escape. */
function withoutPythonNumbers(text: string): string {
  let inString = false;
  return text.replace(/\\.|"|-?(?:NaN|Infinity)/gs, (found) => {
    if (found === '"') inString = !inString;
    if (found.startsWith('\\') || found === '"') return found;
    return inString ? found.replace('N', '\\u004e').replace('I', '\\u0049') : 'null';
  });
}

function decoded(bytes: Uint8Array): string {
  try {
    return decodeUtf8(bytes).replace(/^\uFEFF/, '');
  } catch (cause) {
    const message = 'the model sent bytes that are not UTF-8; check what AI_API_BASE points to';
    throw new ServerError('model/bad-reply', message, { cause });
  }
}

function coded<Value>(work: () => Value): Value {
  try {
    return work();
  } catch (cause) {
    if (!EncodingError.is(cause)) throw cause;
    const message = `the model sent a line of more than ${MAX_EVENT_BYTES} bytes; check what AI_API_BASE points to`;
    throw new ServerError('model/too-large', message, { cause });
  }
}

function notJson(text: string): ServerError {
  const said = providerWords(text.slice(0, 4096), null).words;
  return new ServerError(
    'model/bad-reply',
    `the endpoint sent something that is not JSON: ${JSON.stringify((said ?? '').slice(0, 120))}; check that AI_API_BASE is an OpenAI-compatible base URL`,
  );
}

function webPage(text: string): ServerError {
  const { words } = providerWords(text, null);
  return new ServerError(
    'model/bad-reply',
    `the endpoint sent a web page${words === null ? '' : ` (${words.slice(0, 120)})`}; check that AI_API_BASE is an OpenAI-compatible base URL`,
  );
}

function isDocument(value: unknown): value is JsonDocument {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
