/**
 * The parts of OpenAI's chat completion protocol that the agent reads, from a whole JSON reply or from a stream of server-sent
 * events (https://platform.openai.com/docs/api-reference/chat). Everything here comes from outside: sizes are bounded, members
 * are checked, and unknown ones are ignored.
 */

import { createParser } from 'eventsource-parser';
import { ServerError } from '../../errors.ts';
import type { ModelUsage } from '../../ports/model.ts';

/** One line of a stream; the longest seen in the wild are a few KiB. Bytes. */
export const MAX_LINE_BYTES = 1024 * 1024;
/** A whole reply with its framing. Bytes. */
export const MAX_REPLY_BYTES = 16 * 1024 * 1024;
/** The text of a reply. UTF-16 code units. */
export const MAX_TEXT_LENGTH = 1024 * 1024;

export interface ChatReply {
  readonly text: string;
  readonly model: string | null;
  readonly finishReason: string | null;
  readonly usage: ModelUsage;
}

const NO_USAGE: ModelUsage = { promptTokens: null, completionTokens: null, totalTokens: null };

/** Collects a streamed reply. `push` takes bytes as they arrive; `finish` gives the reply or says what is wrong with it. */
export class StreamedReply {
  readonly #decoder = new TextDecoder('utf-8', { fatal: true });
  readonly #onText: (text: string) => void;
  readonly #parser = createParser({ onEvent: (event) => this.#take(event.data) });
  #sinceLineEnd = 0;
  #text = '';
  #model: string | null = null;
  #finishReason: string | null = null;
  #usage: ModelUsage = NO_USAGE;
  #done = false;

  constructor(onText: (text: string) => void) {
    this.#onText = onText;
  }

  /** @throws {ServerError} `model/too-large` for a line beyond {@link MAX_LINE_BYTES}, `model/bad-reply` for broken content. */
  push(chunk: Uint8Array): void {
    const lastLineEnd = chunk.lastIndexOf(0x0a);
    const longest = lastLineEnd < 0 ? this.#sinceLineEnd + chunk.length : longestLine(chunk, this.#sinceLineEnd);
    this.#sinceLineEnd = lastLineEnd < 0 ? this.#sinceLineEnd + chunk.length : chunk.length - lastLineEnd - 1;
    if (longest > MAX_LINE_BYTES) {
      throw new ServerError(
        'model/too-large',
        `the model sent a line of more than ${MAX_LINE_BYTES} bytes; check what AI_API_BASE points to`,
      );
    }
    this.#parser.feed(this.#decode(chunk, true));
  }

  finish(): ChatReply {
    this.#parser.feed(this.#decode(new Uint8Array(0), false));
    this.#parser.feed('\n\n');
    if (!this.#done && this.#finishReason === null) {
      throw new ServerError('model/bad-reply', 'the model stopped in the middle of its reply; try again, or check its log');
    }
    return { text: this.#text, model: this.#model, finishReason: this.#finishReason, usage: this.#usage };
  }

  #decode(chunk: Uint8Array, stream: boolean): string {
    try {
      return this.#decoder.decode(chunk, { stream });
    } catch (cause) {
      throw new ServerError('model/bad-reply', 'the model sent bytes that are not UTF-8; check what AI_API_BASE points to', {
        cause,
      });
    }
  }

  #take(data: string): void {
    if (data === '[DONE]') {
      this.#done = true;
      return;
    }
    const chunk = parseObject(data);
    throwIfError(chunk);
    if (typeof chunk.model === 'string') this.#model = chunk.model;
    if (isObject(chunk.usage)) this.#usage = readUsage(chunk.usage);
    const choice = Array.isArray(chunk.choices) ? chunk.choices[0] : undefined;
    if (!isObject(choice)) return;
    if (typeof choice.finish_reason === 'string') this.#finishReason = choice.finish_reason;
    const delta = isObject(choice.delta) ? choice.delta : {};
    const text = textOf(delta.content) + (typeof delta.refusal === 'string' ? delta.refusal : '');
    if (text === '') return;
    this.#text += text;
    if (this.#text.length > MAX_TEXT_LENGTH) throw tooLong();
    this.#onText(text);
  }
}

/**
 * Reads a reply that came as one JSON document.
 * @throws {ServerError} `model/bad-reply`, `model/too-large`.
 */
export function parseWholeReply(bytes: Uint8Array): ChatReply {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new ServerError('model/bad-reply', 'the model sent bytes that are not UTF-8; check what AI_API_BASE points to', {
      cause,
    });
  }
  const body = parseObject(text);
  throwIfError(body);
  const choice = Array.isArray(body.choices) ? body.choices[0] : undefined;
  const message = isObject(choice) && isObject(choice.message) ? choice.message : null;
  if (message === null) {
    throw new ServerError(
      'model/bad-reply',
      'the endpoint answered without choices[0].message; check that AI_API_BASE is an OpenAI-compatible base URL',
    );
  }
  const content = textOf(message.content) + (typeof message.refusal === 'string' ? message.refusal : '');
  if (content.length > MAX_TEXT_LENGTH) throw tooLong();
  return {
    text: content,
    model: typeof body.model === 'string' ? body.model : null,
    finishReason: isObject(choice) && typeof choice.finish_reason === 'string' ? choice.finish_reason : null,
    usage: isObject(body.usage) ? readUsage(body.usage) : NO_USAGE,
  };
}

/** The upstream's own words about an error, one line, at most 200 characters, with `secret` taken out. `null` when there are none. */
export function errorText(body: string, secret: string | null): string | null {
  let found: unknown;
  try {
    const json: unknown = JSON.parse(body);
    const error = isObject(json) ? (json.error ?? json.detail ?? json.message) : null;
    found = isObject(error) ? error.message : error;
  } catch {
    return null;
  }
  if (typeof found !== 'string') return null;
  const clean = secret === null || secret === '' ? found : found.replaceAll(secret, '[key]');
  return clean
    .replace(/\b(sk|pk|rk)-[\w*.-]+/g, '[key]')
    .replace(/[\p{Cc}\s]+/gu, ' ')
    .trim()
    .slice(0, 200);
}

function longestLine(chunk: Uint8Array, carried: number): number {
  let longest = 0;
  let start = -carried;
  for (let end = chunk.indexOf(0x0a); end >= 0; end = chunk.indexOf(0x0a, end + 1)) {
    longest = Math.max(longest, end - start);
    start = end + 1;
  }
  return Math.max(longest, chunk.length - start);
}

function throwIfError(body: Readonly<Record<string, unknown>>): void {
  if (body.error === undefined || body.error === null) return;
  const words = errorText(JSON.stringify({ error: body.error }), null);
  throw new ServerError(
    'model/bad-reply',
    `the model's endpoint reported an error${words === null ? '' : `: ${words}`}; try again, or check its log`,
  );
}

function parseObject(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    if (isObject(value)) return value;
  } catch {
    // Falls through to the one error below.
  }
  throw new ServerError(
    'model/bad-reply',
    'the endpoint sent something that is not a JSON object; check that AI_API_BASE is an OpenAI-compatible base URL',
  );
}

function readUsage(usage: Readonly<Record<string, unknown>>): ModelUsage {
  const count = (value: unknown): number | null =>
    Number.isSafeInteger(value) && (value as number) >= 0 ? (value as number) : null;
  return {
    promptTokens: count(usage.prompt_tokens),
    completionTokens: count(usage.completion_tokens),
    totalTokens: count(usage.total_tokens),
  };
}

/** Content is a string, or a list of parts of which the text ones count. */
function textOf(content: unknown): string {
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) return '';
  return content.map((part) => (isObject(part) && typeof part.text === 'string' ? part.text : '')).join('');
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function tooLong(): ServerError {
  return new ServerError('model/too-large', `the model wrote more than ${MAX_TEXT_LENGTH} characters; lower AI_MAX_TOKENS`);
}
