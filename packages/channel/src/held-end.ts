/**
 * What of a streamed answer may be handed on before it is sealed, signed or checked, and what must wait. The party that reads a stream takes it
 * for complete at its end mark, and many clients at a `finish_reason` already; both are found event by event, so that no cut into
 * pieces, no line end and no comment behind the mark brings one out early. An event of which a part is missing waits as well.
 *
 * Reads OpenAI's chat, completion and response streams, Anthropic's messages and Ollama's chat. Not checked here: what the answer says.
 */

import { joinBytes } from '@assay/encoding/bytes';
import { EncodingError } from '@assay/encoding/errors';
import { type EventStreamPart, EventStreamReader, type ServerSentEvent } from '@assay/encoding/event-stream';
import { parseLooseJson } from '@assay/encoding/json';

/** Names of events, in their own field or as `type` in their data, behind which nothing of an answer follows. */
const LAST_EVENTS: ReadonlySet<string> = new Set([
  'response.completed',
  'response.incomplete',
  'response.failed',
  'message_stop',
  'done',
  'error',
]);

/**
 * Splits one stream.
 *
 * @example
 * const end = new HeldEnd(64 * 1024 * 1024);
 * for await (const piece of answer) controller.enqueue(end.push(piece));
 * await ledger.seal(draft);
 * controller.enqueue(end.held());
 */
export class HeldEnd {
  readonly #reader: EventStreamReader;
  #held: Uint8Array[] = [];
  #behind: Uint8Array[] = [];
  #holding = false;
  #ended = false;

  /** @param maxEventBytes - longest event, bytes. */
  constructor(maxEventBytes: number) {
    this.#reader = new EventStreamReader(maxEventBytes);
  }

  /** Whether `[DONE]` came: the answer is whole, whether or not the connection stays open. */
  get ended(): boolean {
    return this.#ended;
  }

  /**
   * Takes what arrived and gives what may go out now; often empty.
   * @throws {EncodingError} `event-stream/limit`, `json/limit`.
   */
  push(piece: Uint8Array): Uint8Array<ArrayBuffer> {
    return joinBytes(this.#reader.push(piece).flatMap((part) => this.#released(part)));
  }

  /** Everything that waited, up to and with the event of `[DONE]`. Call it once, after the last {@link push}. */
  held(): Uint8Array<ArrayBuffer> {
    this.#close();
    return joinBytes(this.#held);
  }

  /** What came behind `[DONE]`: nothing of the answer, but part of the bytes that a service signs. */
  behind(): Uint8Array<ArrayBuffer> {
    this.#close();
    return joinBytes(this.#behind);
  }

  #close(): void {
    for (const part of this.#reader.end()) {
      this.#holding = true; // an event without its blank line is the last one
      this.#released(part);
    }
  }

  #released({ bytes, event }: EventStreamPart): readonly Uint8Array[] {
    if (this.#ended) {
      this.#behind.push(bytes);
      return [];
    }
    this.#holding ||= event !== null && endsAnswer(event);
    if (!this.#holding) return [bytes];
    this.#held.push(bytes);
    this.#ended = event?.lines.some(isEndMark) === true;
    return [];
  }
}

/**
 * OpenAI's end mark, as servers in use write it: with blanks around it, in quotes, in lower case.
 * @example isEndMark('[DONE]') // true
 */
export function isEndMark(line: string): boolean {
  return /^\s*"?\[done\]/i.test(line);
}

/** Whether somebody could take the answer for complete at this event. */
function endsAnswer({ type, lines }: ServerSentEvent): boolean {
  if (LAST_EVENTS.has(type) || lines.some(isEndMark)) return true;
  const whole = parsed(lines.join('\n'));
  return whole === undefined ? lines.some((line) => finishes(parsed(line))) : finishes(whole);
}

function finishes(value: unknown): boolean {
  if (!isObject(value)) return false;
  if (typeof value.type === 'string' && LAST_EVENTS.has(value.type)) return true;
  if (value.done === true || isReason(value.stop_reason) || ('error' in value && value.error !== null)) return true;
  if (isObject(value.delta) && isReason(value.delta.stop_reason)) return true;
  return Array.isArray(value.choices) && value.choices.some((choice) => isObject(choice) && isReason(choice.finish_reason));
}

/** Some servers say an empty word, or `null`, in every chunk. */
function isReason(value: unknown): boolean {
  return value !== undefined && value !== null && value !== '' && value !== 'null';
}

/** @throws {EncodingError} `json/limit`: what cannot be looked at may say that the answer is whole. */
function parsed(text: string): unknown {
  try {
    return parseLooseJson(text);
  } catch (cause) {
    if (EncodingError.is(cause) && cause.code === 'json/limit') throw cause;
    return undefined;
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
