/**
 * A chat request with its content sealed to the attested signing key, field by field: version 2 of the vLLM proxy's protocol
 * (docs/e2ee_protocol.md §3; list content other than text goes as one sealed JSON text, which its server restores). Everything that carries words
 * is sealed or refused: the protocol leaves tools, names and the like in clear, so requests with them do not go out in this mode.
 *
 * Still readable on the way: the model's name, numeric settings, the shape of the conversation, roles and lengths.
 */

import { utf8 } from '@assay/encoding/bytes';
import { encodeHex } from '@assay/encoding/hex';
import { type Json, type JsonObject, parseJson } from '@assay/encoding/json';
import { UpstreamError } from '../../errors.ts';
import type { ReportedKeys } from '../report.ts';
import { hasText, isObject } from './clear-text.ts';
import { createFieldCipher, type FieldCipher } from './field-cipher.ts';
import { openAnswer, type SealedBody } from './opened-answer.ts';

export const FIELD_ENCRYPTION = 'vllm-proxy-e2ee/2';

export interface SealedChat {
  /** Beside the usual ones. */
  readonly headers: Readonly<Record<string, string>>;
  /** Exact bytes to send; the answer's signature is over these. */
  readonly body: Uint8Array;
  /**
   * The answer in clear, as it arrives. Pieces come out line by line for streams, and whole otherwise.
   * @throws {UpstreamError} `e2ee/answer-in-clear`, `e2ee/open-failed`.
   */
  open(answer: SealedBody): AsyncGenerator<Uint8Array>;
}

const PATH = '/v1/chat/completions';
/** Members whose text says nothing of what is asked. */
const PLAIN = new Set(['model', 'reasoning_effort', 'service_tier']);

/**
 * @param attested keys of accepted evidence.
 * @param body the request in clear, UTF-8 JSON.
 * @param now epoch milliseconds; the service takes requests within 300 s of its own clock.
 * @throws {UpstreamError} `e2ee/key-missing`, `e2ee/not-sealable`. Nothing has left then.
 * @example
 * const sealed = await sealChat(attested, '/v1/chat/completions', body, Date.now());
 * const answer = await post(sealed.headers, sealed.body);
 * for await (const piece of sealed.open(answer)) console.log(decodeUtf8(piece));
 */
export async function sealChat(
  { algorithm, publicKey }: Pick<ReportedKeys, 'algorithm' | 'publicKey'>,
  path: string,
  body: Uint8Array,
  now: number,
): Promise<SealedChat> {
  if (path !== PATH) throw notSealable(`${path}: only ${PATH} can be sealed`);
  if (publicKey === null) {
    throw new UpstreamError(
      'e2ee/key-missing',
      'expected a report with signing_public_key to seal prompts to, got none; take another service, or send in clear knowingly',
    );
  }
  const request = readRequest(body);
  const cipher = createFieldCipher(algorithm, publicKey);
  const nonce = encodeHex(crypto.getRandomValues(new Uint8Array(32)));
  const timestamp = String(Math.floor(now / 1000));
  const context = `|n=${nonce}|ts=${timestamp}`;
  const aad = (message: number, part: number | null): string =>
    `v2|req|algo=${algorithm}|model=${request.model}|m=${message}|c=${part ?? '-'}${context}`;
  const messages = await Promise.all(
    request.messages.map(async (message, index) => ({ ...message, ...(await sealContent(message, index, cipher, aad)) })),
  );
  const headers = {
    'x-signing-algo': algorithm,
    'x-client-pub-key': cipher.clientKey,
    'x-model-pub-key': publicKey,
    'x-e2ee-version': '2',
    'x-e2ee-nonce': nonce,
    'x-e2ee-timestamp': timestamp,
  };
  return {
    headers,
    body: utf8(JSON.stringify({ ...request.document, messages })),
    open: (answer) => openAnswer(answer, cipher, context),
  };
}

interface ChatRequest {
  readonly document: JsonObject;
  readonly model: string;
  readonly messages: readonly JsonObject[];
}

function readRequest(body: Uint8Array): ChatRequest {
  let document: Json;
  try {
    document = parseJson(body);
  } catch (cause) {
    throw notSealable('a body that is no JSON', { cause });
  }
  if (!isObject(document) || typeof document.model !== 'string') throw notSealable('a request that names no model');
  const { model, messages } = document;
  if (!Array.isArray(messages) || messages.length === 0 || !(messages as readonly Json[]).every(isObject))
    throw notSealable('a request without messages');
  for (const [name, value] of Object.entries(document)) {
    const known = name === 'messages' || PLAIN.has(name) || (name === 'response_format' && isPlainFormat(value));
    if (!known && hasText(value)) throw notSealable(`"${name}"`);
  }
  if (document.logprobs === true) throw notSealable('"logprobs": they come back in clear');
  return { document, model, messages: messages as readonly JsonObject[] };
}

async function sealContent(
  message: JsonObject,
  index: number,
  cipher: FieldCipher,
  aad: (message: number, part: number | null) => string,
): Promise<{ readonly content?: Json }> {
  for (const [name, value] of Object.entries(message)) {
    if (name !== 'role' && name !== 'content' && hasText(value)) throw notSealable(`"${name}" of message ${index}`);
  }
  const { content } = message;
  if (content === undefined || content === null) return {};
  const parts = typeof content === 'string' && looksLikeParts(content) ? [{ type: 'text', text: content }] : content;
  if (typeof parts === 'string') return { content: await cipher.seal(parts, aad(index, null)) };
  if (!Array.isArray(parts)) throw notSealable(`content of message ${index} that is neither text nor a list`);
  const texts = (parts as readonly Json[]).map(textOf);
  if (texts.some((text) => text === null)) return { content: await cipher.seal(JSON.stringify(parts), aad(index, null)) };
  return {
    content: await Promise.all(
      texts.map(async (text, part) => ({ type: 'text', text: await cipher.seal(text ?? '', aad(index, part)) })),
    ),
  };
}

/** The service takes text that is a JSON list for content parts; such text travels as one part instead. */
function looksLikeParts(text: string): boolean {
  try {
    return Array.isArray(JSON.parse(text));
  } catch {
    return false;
  }
}

/** The text of a part that is nothing but text. */
function textOf(part: Json): string | null {
  if (!isObject(part) || part.type !== 'text' || typeof part.text !== 'string') return null;
  return Object.keys(part).length === 2 ? part.text : null;
}

function isPlainFormat(value: Json | undefined): boolean {
  return isObject(value) && Object.keys(value).length === 1 && (value.type === 'text' || value.type === 'json_object');
}

function notSealable(what: string, options: { readonly cause?: unknown } = {}): UpstreamError {
  return new UpstreamError(
    'e2ee/not-sealable',
    `expected a chat request whose words can all be sealed, got ${what}; leave it out, or allow a pinned connection (channel "bound")`,
    options,
  );
}
