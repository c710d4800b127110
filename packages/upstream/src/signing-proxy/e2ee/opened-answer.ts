/**
 * Answers of the vLLM proxy's field encryption, opened as they arrive (docs/e2ee_protocol.md §4): whole JSON, or server-sent events. Every
 * member that can carry words must be sealed for this request; one in clear ends the answer, no matter who put it there.
 *
 * Not proved by opening: that no event is missing, repeated or moved. The signature over the whole answer shows that.
 */

import { concatBytes, decodeUtf8, utf8 } from '@assay/encoding/bytes';
import { type Json, type JsonObject, parseJson } from '@assay/encoding/json';
import { UpstreamError } from '../../errors.ts';
import { hasText, isObject } from './clear-text.ts';
import type { FieldCipher } from './field-cipher.ts';

export interface SealedBody {
  readonly headers: Headers;
  readonly body: AsyncIterable<Uint8Array>;
}

const MAX_WHOLE = 64 * 1024 * 1024;
const MAX_LINE = 4 * 1024 * 1024;
/** Members around the choices whose text is not signed. */
const PLAIN = new Set(['choices', 'id', 'object', 'model', 'system_fingerprint', 'service_tier']);
const SEALED = new Set(['content', 'reasoning_content']);
const ROLES: ReadonlySet<Json> = new Set(['assistant', 'developer', 'system', 'tool', 'user']);
const PLAIN_CHOICE = new Set(['finish_reason', 'stop_reason']);

/**
 * @param context `|n=…|ts=…` of the request, which answers carry on.
 * @throws {UpstreamError} `e2ee/answer-in-clear`, `e2ee/open-failed`.
 */
export async function* openAnswer(
  { headers, body }: SealedBody,
  cipher: FieldCipher,
  context: string,
): AsyncGenerator<Uint8Array> {
  if (headers.get('x-e2ee-applied')?.toLowerCase() !== 'true' || headers.get('x-e2ee-version') !== '2')
    throw inClear('an answer that is not marked as sealed');
  const streamed = headers.get('content-type')?.startsWith('text/event-stream') === true;
  yield* streamed ? openEvents(body, cipher, context) : openWhole(body, cipher, context);
}

async function* openWhole(body: AsyncIterable<Uint8Array>, cipher: FieldCipher, context: string): AsyncGenerator<Uint8Array> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const piece of body) {
    length += piece.length;
    if (length > MAX_WHOLE) throw malformed('an answer of endless length');
    parts.push(piece);
  }
  yield utf8(JSON.stringify(await openDocument(decodeUtf8(concatBytes(...parts)), 'message', cipher, context)));
}

async function* openEvents(body: AsyncIterable<Uint8Array>, cipher: FieldCipher, context: string): AsyncGenerator<Uint8Array> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let pending = '';
  const opened = async (line: string): Promise<string> => {
    const payload = /^data: ?(.*?)\r?$/.exec(line)?.[1]?.trim();
    if (payload === undefined) {
      if (line.startsWith(':')) return ':\n'; // a comment, of which readers need that it came, not what it says
      if (/^(\r?|event: ?\w*\r?)$/.test(line)) return `${line}\n`;
      throw inClear('a line that is no event');
    }
    if (payload === '[DONE]' || payload === '') return `${line}\n`;
    return `data: ${JSON.stringify(await openDocument(payload, 'delta', cipher, context))}\n`;
  };
  for await (const piece of body) {
    try {
      pending += decoder.decode(piece, { stream: true });
    } catch (cause) {
      throw malformed('text that is no UTF-8', { cause });
    }
    const lines = pending.split('\n');
    pending = lines.pop() ?? '';
    if (pending.length > MAX_LINE) throw malformed('a line of endless length');
    let out = '';
    for (const line of lines) out += await opened(line);
    if (out !== '') yield utf8(out);
  }
  if (pending !== '') yield utf8((await opened(pending)).slice(0, -1));
}

async function openDocument(
  text: string,
  container: 'message' | 'delta',
  cipher: FieldCipher,
  context: string,
): Promise<JsonObject> {
  let document: Json;
  try {
    document = parseJson(text);
  } catch (cause) {
    throw malformed('an event that is no JSON', { cause });
  }
  if (!isObject(document)) throw malformed('an event that is no object');
  for (const [name, value] of Object.entries(document))
    if (!PLAIN.has(name) && hasText(value)) throw inClear(`"${name}" in clear`);
  const { choices = [], model, id } = document;
  if (!Array.isArray(choices) || !(choices as readonly Json[]).every(isObject)) throw malformed('choices that are no list');
  const about = `algo=${cipher.algorithm}|model=${textOr(model)}|id=${textOr(id)}`;
  const opened = await Promise.all(
    (choices as readonly JsonObject[]).map(async (choice, index) => {
      for (const [name, value] of Object.entries(choice)) {
        const plain = name === container || PLAIN_CHOICE.has(name) || value === null || typeof value === 'number';
        if (!plain && !(Array.isArray(value) && value.length === 0)) throw inClear(`"${name}" in clear`);
      }
      const inner = choice[container] ?? {};
      if (!isObject(inner)) throw malformed(`"${container}" that is no object`);
      const members = await Promise.all(
        Object.entries(inner).map(async ([name, value]): Promise<readonly [string, Json]> => {
          if ((name === 'role' && ROLES.has(value)) || value === null || (Array.isArray(value) && value.length === 0))
            return [name, value];
          if (!SEALED.has(name) || typeof value !== 'string') throw inClear(`"${name}" in clear`);
          return [name, await cipher.open(value, `v2|resp|${about}|choice=${index}|field=${name}${context}`)];
        }),
      );
      return { ...choice, [container]: Object.fromEntries(members) };
    }),
  );
  return 'choices' in document ? { ...document, choices: opened } : document;
}

function textOr(value: Json | undefined): string {
  return typeof value === 'string' ? value : '';
}

function inClear(what: string): UpstreamError {
  return new UpstreamError(
    'e2ee/answer-in-clear',
    `expected an answer sealed for this request, got ${what}; do not use it, somebody outside the TEE may have written it`,
  );
}

function malformed(what: string, options: { readonly cause?: unknown } = {}): UpstreamError {
  return new UpstreamError('e2ee/open-failed', `expected a sealed answer, got ${what}; do not use it`, options);
}
