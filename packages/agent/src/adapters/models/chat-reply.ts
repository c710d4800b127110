/**
 * A model's reply, put together from the documents it came in: chunks and whole answers of OpenAI's chat protocol
 * (https://platform.openai.com/docs/api-reference/chat), its older forms (`text`, `function_call`), and Ollama's own. Everything here comes from
 * outside: sizes are bounded, members are checked, and unknown ones are ignored.
 */

import { decodeUtf8, utf8 } from '@assay/encoding/bytes';
import { ServerError } from '../../errors.ts';
import type { ModelToolCall, ModelUsage } from '../../ports/model.ts';
import type { JsonDocument } from './reply-documents.ts';

/** Of a whole reply, its thoughts, or its calls. UTF-16 code units. */
export const MAX_TEXT_LENGTH = 1024 * 1024;
const MAX_TOOL_CALLS = 128;
/** Names go into receipts, lists and metrics. UTF-16 code units. */
export const MAX_MODEL_NAME = 256;

export interface ChatReply {
  readonly text: string;
  readonly reasoning: string;
  readonly toolCalls: readonly ModelToolCall[];
  /** The model declined, in a member of its own (`refusal`). */
  readonly refused: boolean;
  readonly model: string | null;
  /** The provider's own word; `null` when it gave none. */
  readonly finishReason: string | null;
  readonly usage: ModelUsage;
}

const NO_USAGE: ModelUsage = { promptTokens: null, completionTokens: null, totalTokens: null };

/** What one chunk adds. */
interface Delta {
  readonly text: string;
  readonly refusal: string;
  readonly reasoning: string;
  readonly calls: readonly JsonDocument[];
}

/** Takes documents in order; {@link reply} gives what they came to. */
export class ChatReplyBuilder {
  readonly #onText: (text: string) => void;
  readonly #calls = new ToolCalls();
  #text = '';
  #refused = false;
  #reasoning = '';
  /** The first half of a character that the endpoint cut in two. */
  #half = '';
  #model: string | null = null;
  #finishReason: string | null = null;
  #usage: ModelUsage = NO_USAGE;
  #sawMessage = false;
  #isWhole = false;

  /** @param onText - called with each piece of the answer, always whole characters. */
  constructor(onText: (text: string) => void) {
    this.#onText = onText;
  }

  /** Whether the reply says itself that it is whole: by a finish reason, or as a message that came in one piece. */
  get isWhole(): boolean {
    return this.#isWhole || this.#finishReason !== null;
  }

  /** Whether any document held a message, or a piece of one. */
  get sawMessage(): boolean {
    return this.#sawMessage;
  }

  /** @throws {ServerError} `model/too-large`. */
  take(document: JsonDocument): void {
    if (isModelName(document.model)) this.#model = document.model;
    this.#usage = usageIn(document) ?? this.#usage;
    const choice = choiceIn(document);
    if (choice === null) return;
    this.#isWhole ||= document.done === true;
    this.#finishReason ??= finishReasonIn(choice) ?? finishReasonIn(document);
    const message = messageIn(choice);
    if (message === null) return;
    this.#sawMessage = true;
    this.#isWhole ||= message === choice.message && document.done === undefined;
    this.#add(deltaIn(message));
  }

  reply(): ChatReply {
    if (this.#half !== '') this.#say('\uFFFD');
    this.#half = '';
    return {
      text: wellFormed(this.#text),
      reasoning: wellFormed(this.#reasoning),
      toolCalls: this.#calls.list(),
      refused: this.#refused,
      model: this.#model,
      finishReason: this.#finishReason,
      usage: this.#usage,
    };
  }

  #add({ text, refusal, reasoning, calls }: Delta): void {
    this.#reasoning += reasoning;
    this.#refused ||= refusal !== '';
    for (const call of calls) this.#calls.add(call);
    const said = this.#half + text + refusal;
    const cut = /[\uD800-\uDBFF]$/.test(said);
    this.#half = cut ? said.slice(-1) : '';
    this.#say(wellFormed(cut ? said.slice(0, -1) : said));
    if (Math.max(this.#text.length, this.#reasoning.length, this.#calls.length) > MAX_TEXT_LENGTH) throw tooLong();
  }

  #say(text: string): void {
    if (text === '') return;
    this.#text += text;
    this.#onText(text);
  }
}

/** Calls come in pieces: by index, by id, or whole one after the other. */
class ToolCalls {
  readonly #calls: { readonly key: string; name: string; arguments: string }[] = [];

  get length(): number {
    return this.#calls.reduce((sum, call) => sum + call.name.length + call.arguments.length, 0);
  }

  add(piece: JsonDocument): void {
    const { name, arguments: given, input } = isObject(piece.function) ? piece.function : piece;
    const value = given ?? input ?? '';
    const text = typeof value === 'string' ? value : JSON.stringify(value);
    const call = this.#callOf(piece);
    if (typeof name === 'string' && name !== call.name) call.name += name;
    call.arguments += text;
  }

  list(): readonly ModelToolCall[] {
    return this.#calls.map(({ name, arguments: text }) => ({ name: wellFormed(name), arguments: wellFormed(text) }));
  }

  #callOf({ index, id }: JsonDocument): { name: string; arguments: string } {
    const newest = this.#calls.at(-1);
    const key = typeof index === 'number' ? `#${index}` : typeof id === 'string' && id !== '' ? id : (newest?.key ?? '#0');
    const known = this.#calls.find((call) => call.key === key);
    if (known !== undefined) return known;
    if (this.#calls.length >= MAX_TOOL_CALLS) throw tooLong();
    const call = { key, name: '', arguments: '' };
    this.#calls.push(call);
    return call;
  }
}

/** The first choice; Ollama's own documents and Cohere-like ones are a choice themselves. */
function choiceIn(document: JsonDocument): JsonDocument | null {
  const { choices } = document;
  if (Array.isArray(choices)) {
    const first: unknown = choices.find((choice) => isObject(choice) && (choice.index ?? 0) === 0);
    return isObject(first) ? first : null;
  }
  return isObject(document.message) || typeof document.response === 'string' || document.done === true ? document : null;
}

function messageIn(choice: JsonDocument): JsonDocument | null {
  if (isObject(choice.delta)) return choice.delta;
  if (isObject(choice.message)) return choice.message;
  const text = choice.text ?? choice.response;
  return typeof text === 'string' ? { content: text } : null;
}

/** Some servers say an empty word in every chunk. */
function finishReasonIn(holder: JsonDocument): string | null {
  const word = holder.finish_reason ?? holder.done_reason ?? holder.stop_reason;
  return typeof word === 'string' && word !== '' && word !== 'null' ? word : null;
}

function deltaIn(message: JsonDocument): Delta {
  const parts = Array.isArray(message.content) ? message.content.filter(isObject) : [];
  const thoughts = [message.reasoning_content, message.reasoning, message.thinking, message.reasoning_details];
  const beside = thoughts.map(textOf).find((text) => text !== '') ?? '';
  return {
    text: typeof message.content === 'string' ? message.content : textOf(parts.filter(isAnswer)),
    refusal: textOf(message.refusal) + textOf(parts.filter(({ type }) => type === 'refusal').map(({ refusal }) => refusal)),
    reasoning: beside + textOf(parts.filter(isThought)),
    calls: [
      ...(Array.isArray(message.tool_calls) ? message.tool_calls.filter(isObject) : []),
      ...(isObject(message.function_call) ? [message.function_call] : []),
      ...parts.filter(({ type }) => type === 'tool_use' || type === 'tool_call'),
    ],
  };
}

function isThought({ type }: JsonDocument): boolean {
  return typeof type === 'string' && /^(?:redacted_)?(?:thinking|reasoning|thought)/.test(type);
}

function isAnswer(part: JsonDocument): boolean {
  return !isThought(part) && (part.type === undefined || /text$/.test(String(part.type)));
}

/** A string, or the text of parts and parts within parts. */
function textOf(value: unknown, depth = 0): string {
  if (typeof value === 'string') return value;
  if (depth > 4) return '';
  if (Array.isArray(value)) return value.map((part) => textOf(part, depth + 1)).join('');
  if (!isObject(value)) return '';
  return textOf(value.text ?? value.thinking ?? value.reasoning ?? value.summary ?? value.content, depth + 1);
}

function usageIn(document: JsonDocument): ModelUsage | null {
  const { usage } = document;
  if (isObject(usage)) {
    return {
      promptTokens: count(usage.prompt_tokens ?? usage.input_tokens),
      completionTokens: count(usage.completion_tokens ?? usage.output_tokens),
      totalTokens: count(usage.total_tokens),
    };
  }
  const [promptTokens, completionTokens] = [count(document.prompt_eval_count), count(document.eval_count)];
  if (promptTokens === null || completionTokens === null) return null;
  return { promptTokens, completionTokens, totalTokens: promptTokens + completionTokens };
}

function count(value: unknown): number | null {
  return Number.isSafeInteger(value) && (value as number) >= 0 ? (value as number) : null;
}

/** What is longer is no name: the configured one stands then. */
function isModelName(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.length <= MAX_MODEL_NAME;
}

/** Half characters become U+FFFD: no endpoint takes them back. */
function wellFormed(text: string): string {
  return decodeUtf8(utf8(text));
}

function tooLong(): ServerError {
  return new ServerError('model/too-large', `the model wrote more than ${MAX_TEXT_LENGTH} characters; lower AI_MAX_TOKENS`);
}

function isObject(value: unknown): value is JsonDocument {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
