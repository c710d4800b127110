/**
 * The body of an error answer as clients of OpenAI's API can read it. One in that shape goes on as it is; any other (an array, a string, a web
 * page, FastAPI's details) is put into it, with the provider's own words. The operator's key never goes on.
 */

import { utf8 } from '@assay/encoding/bytes';
import { maskKeys } from '../models/masking.ts';
import { providerWords } from '../models/provider-words.ts';

const MAX_ERROR_BYTES = 256 * 1024;

/**
 * @param status - HTTP status of 400 or more.
 * @param secret - the key that was sent.
 * @example refusedBody({ name: 'gemini', status: 400, body: '[{"error":{"message":"API key not valid."}}]', secret: null })
 */
export function refusedBody(answer: {
  readonly name: string;
  readonly status: number;
  readonly body: string;
  readonly secret: string | null;
}): Uint8Array<ArrayBuffer> {
  const { name, status, body, secret } = answer;
  const masked = maskKeys(body, secret);
  if (hasOpenAiShape(masked)) return utf8(masked);
  const { words, names, param } = providerWords(body, secret);
  const type = status >= 500 ? 'upstream_error' : status === 429 ? 'rate_limit_error' : 'invalid_request_error';
  const error = { message: words ?? `${name} answered HTTP ${status} without words`, type, param, code: names[0] ?? null };
  return utf8(JSON.stringify({ error }));
}

/** The beginning of an error's body; more would not be read by anyone. */
export async function beginningOf(body: AsyncIterable<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const piece of body) {
    text += decoder.decode(piece, { stream: true });
    if (text.length >= MAX_ERROR_BYTES) break;
  }
  return text + decoder.decode();
}

function hasOpenAiShape(body: string): boolean {
  try {
    const { error } = JSON.parse(body) as { readonly error?: { readonly message?: unknown } | null };
    return typeof error === 'object' && error !== null && typeof error.message === 'string';
  } catch {
    return false;
  }
}
