/**
 * Finds DCAP quotes in JSON of any shape: text members in the encodings of quote-file.ts, lists of numbers, and JSON inside text,
 * plain or in base64. Not checked here: what the members around a quote mean; formats with a parser of their own come first.
 */

import { equalBytes, firstCharacter, utf8 } from '@assay/encoding/bytes';
import type { Json } from '@assay/encoding/json';
import { bytesOfBase64, jsonIn } from '../reading.ts';
import { looksLikeQuote, quoteBytes } from './quote-file.ts';

const MAX_DEPTH = 8;
const MAX_VALUES = 4096;
/** Shorter than any quote, in characters of base64 or in numbers. */
const MIN_LENGTH = 600;
const MAX_NUMBERS = 1 << 16;

export interface QuoteInJson {
  readonly quote: Uint8Array;
  /** Where it stood, members joined by dots. */
  readonly path: string;
}

/**
 * The different quotes in a JSON file; `null` when the file is no JSON object or list.
 * @throws {AttestationError} `dcap/quote-malformed` when text begins as a quote and then breaks its encoding.
 * @example quotesInJson(file)?.[0]?.path // 'attestation.quote'
 */
export function quotesInJson(file: Uint8Array): readonly QuoteInJson[] | null {
  const first = firstCharacter(file);
  if (first !== 0x7b && first !== 0x5b) return null;
  const json = jsonOf(file);
  if (json === null) return null;
  const found: QuoteInJson[] = [];
  const seen = { values: 0 };
  walk(json, [], seen, (quote, path) => {
    if (!found.some((other) => equalBytes(other.quote, quote))) found.push({ quote, path: path.join('.') });
  });
  return found;
}

function walk(
  json: Json,
  path: readonly string[],
  seen: { values: number },
  visit: (quote: Uint8Array, path: readonly string[]) => void,
): void {
  if (path.length > MAX_DEPTH || ++seen.values > MAX_VALUES) return;
  const quote = quoteOf(json);
  if (quote !== null) {
    visit(quote, path);
    return;
  }
  for (const [name, value] of insideOf(json)) walk(value, [...path, name], seen, visit);
}

function quoteOf(json: Json): Uint8Array | null {
  if (typeof json === 'string') return json.length < MIN_LENGTH ? null : quoteBytes(utf8(json));
  return Array.isArray(json) ? quoteOfNumbers(json as readonly Json[]) : null;
}

function insideOf(json: Json): readonly (readonly [string, Json])[] {
  if (typeof json === 'string') return json.length < MIN_LENGTH ? [] : [['(text)', jsonInside(json)]];
  // Long lists of numbers that are no quote are not worth a step each.
  return typeof json === 'object' && json !== null ? Object.entries(json).filter(([, value]) => typeof value !== 'number') : [];
}

function quoteOfNumbers(list: readonly Json[]): Uint8Array | null {
  if (list.length < MIN_LENGTH || list.length > MAX_NUMBERS) return null;
  const isByte = (value: Json): boolean => typeof value === 'number' && Number.isInteger(value) && value >= 0 && value < 256;
  if (!list.every(isByte)) return null;
  const bytes = Uint8Array.from(list as readonly number[]);
  return looksLikeQuote(bytes) ? bytes : null;
}

/** JSON written as text, or as base64 of text, inside JSON. */
function jsonInside(text: string): Json {
  if (/^\s*[{[]/.test(text)) return jsonOf(utf8(text));
  const bytes = /^(eyJ|ewog|ewo|W3si)/.test(text) ? bytesOfBase64(text.replace(/\s+/g, '')) : null;
  return bytes === null ? null : jsonOf(bytes);
}

function jsonOf(bytes: Uint8Array): Json {
  return jsonIn(bytes) ?? null;
}
