/**
 * What a provider says about an error, whatever the shape: OpenAI's object, Gemini's array, Anthropic's and Ollama's, FastAPI's
 * list of details, RFC 9457 problems, errors within errors (also as JSON in a string), server-sent events, web pages, plain text.
 * A person gets the provider's own words, on one line, without keys.
 */

import { maskKeys } from './masking.ts';

/** An error as a provider put it. */
export interface ProviderWords {
  /** One line; `null` when the body has no words. */
  readonly words: string | null;
  /** HTTP status in the body, for errors that come within a stream. */
  readonly status: number | null;
  /** Its own name for the error: `code`, `type` and `status` members, lower case. */
  readonly names: readonly string[];
  /** The parameter it complains about. */
  readonly param: string | null;
  /** How long it asks to wait, milliseconds. */
  readonly waitMs: number | null;
  /** All of it, for a look at the names of parameters; bounded and never shown. */
  readonly raw: string;
}

const MAX_WORDS = 400;
const MAX_RAW = 8 * 1024;
const MAX_DEPTH = 8;
/** Members that hold words, the best first. */
const MEMBERS = [
  'error',
  'errors',
  'message',
  'msg',
  'detail',
  'details',
  'error_description',
  'description',
  'error_message',
  'errorMessage',
  'Message',
  'fault',
  'faultstring',
  'reason',
  'title',
  'response',
  'body',
  'data',
] as const;

/**
 * @param body - the error's body as text, whole or its beginning.
 * @param secret - the key that was sent, to be taken out of the words.
 * @example providerWords('[{"error":{"message":"API key not valid."}}]', null).words // 'API key not valid.'
 */
export function providerWords(body: string, secret: string | null): ProviderWords {
  const value = jsonIn(body);
  const facts = { status: null, names: [], param: null, waitMs: null, ...factsOf(value) };
  const words = value === undefined ? textOf(body) : wordsOf(value, 0);
  const line = words === null ? '' : oneLine(maskKeys(words, secret));
  return { ...facts, words: line === '' ? null : line, raw: maskKeys(body.slice(0, MAX_RAW), secret) };
}

/** The JSON in a body; `undefined` when there is none. */
function jsonIn(body: string): unknown {
  const text = body.replace(/^\uFEFF/, '').trim();
  const data = text.startsWith('{') || text.startsWith('[') ? text : dataLines(text);
  for (const candidate of [data, data.split('\n')[0] ?? '']) {
    try {
      const value: unknown = JSON.parse(candidate);
      if (typeof value === 'object' && value !== null) return value;
      if (typeof value === 'string') return { message: value };
    } catch {
      // The first line may be a document of its own.
    }
  }
  return undefined;
}

/** The data of a body that is framed as an event although it is an error. */
function dataLines(text: string): string {
  return text
    .split('\n')
    .flatMap((line) => (/^(?:data|error):/.test(line) ? [line.slice(line.indexOf(':') + 1).trim()] : []))
    .join('\n');
}

function wordsOf(value: unknown, depth: number): string | null {
  if (depth > MAX_DEPTH) return null;
  if (typeof value === 'string') return wordsInString(value, depth);
  if (Array.isArray(value)) {
    const found = value.slice(0, 8).flatMap((entry: unknown) => wordsOf(entry, depth + 1) ?? []);
    return found.length === 0 ? null : [...new Set(found)].join('; ');
  }
  if (!isObject(value)) return null;
  const place = Array.isArray(value.loc) ? `${value.loc.map(String).join('.')}: ` : '';
  for (const member of MEMBERS) {
    const words = wordsOf(value[member], depth + 1);
    if (words !== null) return place + words + behindProxy(value, words, depth);
  }
  return null;
}

/** Words may be JSON again: gateways pass on what they got as text. */
function wordsInString(text: string, depth: number): string | null {
  const start = text.search(/[{[]/);
  if (start >= 0 && text.length < 64 * 1024) {
    const end = Math.max(text.lastIndexOf('}'), text.lastIndexOf(']'));
    try {
      const inner = wordsOf(JSON.parse(text.slice(start, end + 1)), depth + 1);
      if (inner !== null) return text.slice(0, start).trim() === '' ? inner : `${text.slice(0, start).trim()} ${inner}`;
    } catch {
      // Brackets in words, and no JSON.
    }
  }
  return text.trim() === '' ? null : textOf(text);
}

/** OpenRouter keeps the words of the provider behind it in `metadata.raw`. */
function behindProxy(value: Readonly<Record<string, unknown>>, words: string, depth: number): string {
  const raw = isObject(value.metadata) ? wordsOf(value.metadata.raw, depth + 1) : null;
  return raw === null || words.includes(raw) ? '' : `: ${raw}`;
}

/** Plain text as it is; of a web page its title and first heading, or all of its words when it has neither. */
function textOf(text: string): string | null {
  if (!/^\s*</.test(text)) return text.trim() === '' ? null : text;
  const [title, heading] = ['title', 'h1'].map((tag) => visible(between(text, tag)));
  const words = [...new Set([title, heading])].filter((part) => part !== undefined && part !== '').join(': ');
  return words || visible(text) || null;
}

function visible(html: string): string {
  const [first = '', ...rest] = html.split(/<(?:script|style)\b/i);
  const shown = rest.map((piece) => {
    const end = piece.search(/<\/(?:script|style)/i);
    return end < 0 ? '' : piece.slice(end);
  });
  return oneLine([first, ...shown].join(' ').replace(/<[^<>]*>/g, ' '));
}

function between(text: string, tag: string): string {
  const lower = text.toLowerCase();
  const open = lower.indexOf(`<${tag}`);
  const start = open < 0 ? -1 : lower.indexOf('>', open) + 1;
  const end = start <= 0 ? -1 : lower.indexOf(`</${tag}`, start);
  return end < 0 ? '' : text.slice(start, end);
}

function oneLine(text: string): string {
  const line = text.slice(0, 4 * MAX_WORDS).replace(/[\p{Cc}\s]+/gu, ' ');
  return line.trim().slice(0, MAX_WORDS).trim();
}

/** Status, names, parameter and wait of an error, from the object that holds them, at most two levels down. */
function factsOf(value: unknown): Partial<ProviderWords> {
  const first: unknown = Array.isArray(value) ? value[0] : value;
  if (!isObject(first)) return {};
  const error = isObject(first.error) ? first.error : isObject(first.response) ? factsHolder(first.response) : first;
  const numbers = [error.code, error.status, error.status_code, error.http_status, first.status, first.code].map(Number);
  const texts = [error.code, error.type, error.status, first.type].filter((word) => typeof word === 'string');
  return {
    status: numbers.find((number) => Number.isInteger(number) && number >= 400 && number < 600) ?? null,
    names: texts.map((word) => word.toLowerCase()),
    param: typeof error.param === 'string' ? error.param : null,
    waitMs: waitOf(error) ?? waitOf(first),
  };
}

function factsHolder(response: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return isObject(response.error) ? response.error : response;
}

/** Google's `RetryInfo` ("33s"), Hugging Face's `estimated_time`, `retry_after` of others (seconds). */
function waitOf(error: Readonly<Record<string, unknown>>): number | null {
  const details = Array.isArray(error.details) ? (error.details as readonly unknown[]) : [];
  const delay = details.map((entry) => (isObject(entry) ? entry.retryDelay : undefined)).find((entry) => entry !== undefined);
  const seconds = delay ?? error.retry_after ?? error.retry_after_seconds ?? error.estimated_time;
  const number = typeof seconds === 'string' ? Number(/^([0-9.]{1,12})s?$/.exec(seconds)?.[1]) : seconds;
  return typeof number === 'number' && number >= 0 ? number * 1000 : null;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
