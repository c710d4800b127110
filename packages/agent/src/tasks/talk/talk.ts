/**
 * `POST /talk` of the tutorial "Secure Communication with TEE" (seed 004), and its safe form beside it.
 *
 * The tutorial's answer travels in clear and is bound to nothing but the key; its own texts are kept, so that clients written
 * from it work. The safe form (`"v": 1`) binds request and answer to nonce, client key and direction, encrypts the answer, and takes
 * each nonce once. Both leave a receipt before they answer.
 */

import { ChannelError } from '@assay/channel';
import { bindingOf, openEnvelope, pythonJson, sealEnvelope } from '@assay/channel/tutorial';
import { concatBytes, decodeUtf8, utf8 } from '@assay/encoding/bytes';
import { decodeHex, encodeHex } from '@assay/encoding/hex';
import { type Json, type JsonObject, parseJson } from '@assay/encoding/json';
import type { Ledger, ReceiptDraft } from '@assay/ledger';
import { ServerError } from '../../errors.ts';
import type { Model } from '../../ports/model.ts';
import type { TalkKeys } from './talk-keys.ts';

export const PLATFORMS = ['openai', 'anthropic', 'gemini'] as const;
export type Platform = (typeof PLATFORMS)[number];

/** Models of the tutorial's server, used when a request names none. */
const DEFAULT_MODELS: Readonly<Record<Platform, string>> = {
  openai: 'gpt-4',
  anthropic: 'claude-3-7-sonnet-20250219',
  gemini: 'gemini-2.0-flash-001',
};

export interface TalkPorts {
  /** The pairs in use, newest first; a request decrypts under one of them, which also signs its answer. */
  readonly keys: readonly TalkKeys[];
  readonly ledger: Ledger;
  /** Hex SHA-256 of the API key that asks; the receipt belongs to it. `null` when the agent has none. */
  readonly access: string | null;
  /** The model of `platform` under the caller's own key. */
  readonly modelOf: (platform: Platform, model: string, apiKey: string) => Model;
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly newTaskId: () => string;
}

/** What goes over the wire: JSON members of an answer, with the status the tutorial's server gives. */
export interface TalkReply {
  readonly status: 200 | 500;
  readonly body: JsonObject;
}

/** The tutorial's error texts, word for word; they come with status 200. */
const REFUSALS = {
  nonce: 'invalid nonce, must be at least 8 characters long',
  apiKey: 'invalid api_key',
  platform: 'invalid platform',
  model: 'invalid ai model',
} as const;

interface Question {
  readonly apiKey: string;
  readonly message: string;
  readonly platform: Platform;
  readonly model: string;
}

const text = (value: Json | undefined): string | null => (typeof value === 'string' ? value : null);

interface Envelope {
  readonly nonce: Uint8Array;
  readonly spki: Uint8Array;
  readonly data: Uint8Array;
  readonly safe: boolean;
}

/** Answers one request body. Every refusal is an answer, as in the tutorial; nothing is thrown for bad input. */
export async function talk(requestBody: Uint8Array, ports: TalkPorts, signal?: AbortSignal): Promise<TalkReply> {
  let envelope: Envelope;
  let keys: TalkKeys;
  let question: Question | { readonly refusal: string };
  try {
    const members = parseJson(requestBody) as JsonObject;
    const [nonce, spki, data] = [text(members.nonce), text(members.public_key), text(members.data)];
    if (nonce === null || spki === null || data === null)
      return refuse(500, 'expected nonce, public_key and data as hex strings');
    envelope = { nonce: decodeHex(nonce), spki: decodeHex(spki), data: decodeHex(data), safe: members.v === 1 };
    if (envelope.nonce.length < 8) return refuse(200, REFUSALS.nonce);
    const opened = await open(envelope, ports.keys);
    keys = opened.keys;
    question = readQuestion(opened.plaintext);
  } catch {
    // One text for every cause: which step failed would be an oracle.
    return refuse(500, 'the request does not decrypt; fetch /attestation again and make a new request');
  }
  if ('refusal' in question) return refuse(200, question.refusal);
  if (envelope.safe && !keys.claim(envelope.nonce, envelope.spki))
    return refuse(200, 'nonce was used before; make a new request');
  return answer(requestBody, question, envelope, keys, ports, signal);
}

function refuse(status: TalkReply['status'], error: string): TalkReply {
  return { status, body: { error } };
}

async function open(
  { nonce, spki, data, safe }: Envelope,
  candidates: readonly TalkKeys[],
): Promise<{ readonly keys: TalkKeys; readonly plaintext: Uint8Array }> {
  const binding = safe ? { additionalData: bindingOf('request', nonce, spki) } : {};
  let failure: unknown;
  for (const keys of candidates) {
    try {
      const plaintext = await openEnvelope({ privateKey: keys.agreement, peerSpki: spki, nonce, ...binding }, data);
      return { keys, plaintext };
    } catch (error) {
      failure = error;
    }
  }
  throw failure ?? new ChannelError('channel/key-unknown', 'no key is in use');
}

function readQuestion(plaintext: Uint8Array): Question | { readonly refusal: string } {
  const members = parseJson(decodeUtf8(plaintext)) as JsonObject;
  const apiKey = text(members.api_key);
  if (apiKey === null || apiKey === '') return { refusal: REFUSALS.apiKey };
  const platform = members.platform === undefined ? 'openai' : PLATFORMS.find((name) => name === members.platform);
  if (!platform) return { refusal: REFUSALS.platform };
  const model = members.ai_model === undefined ? DEFAULT_MODELS[platform] : text(members.ai_model);
  if (model === null || model === '') return { refusal: REFUSALS.model };
  const message = text(members.message);
  if (message === null) throw new ChannelError('channel/message-malformed', 'expected a message');
  return { apiKey, message, platform, model };
}

async function answer(
  requestBody: Uint8Array,
  question: Question,
  { nonce, spki, safe }: Envelope,
  keys: TalkKeys,
  ports: TalkPorts,
  signal?: AbortSignal,
): Promise<TalkReply> {
  const draft = ports.ledger.open({
    taskId: ports.newTaskId(),
    task: 'talk',
    method: 'POST',
    endpoint: '/talk',
    requestBody,
    nonce: null,
    access: ports.access,
    model: question.model,
  });
  let body: JsonObject;
  try {
    const response = await ask(question, draft, ports, signal);
    const data: JsonObject = {
      platform: question.platform,
      ai_model: question.model,
      timestamp: Math.floor(ports.now() / 1000),
      message: question.message,
      response,
    };
    body = safe ? await safeAnswer(data, nonce, spki, keys) : plainAnswer(data, keys);
  } catch (error) {
    await ports.ledger.discard(draft);
    if (ServerError.is(error)) return refuse(500, `${error.code}: ${error.message}`);
    throw error;
  }
  const bytes = utf8(JSON.stringify(body));
  draft.append({ type: 'response.returned', body_hash: draft.payload('response', 'application/json', bytes) });
  await ports.ledger.seal(draft);
  return { status: 200, body };
}

async function ask(question: Question, draft: ReceiptDraft, ports: TalkPorts, signal?: AbortSignal): Promise<string> {
  const model = ports.modelOf(question.platform, question.model, question.apiKey);
  const reply = await model.complete({
    messages: [{ role: 'user', content: question.message }],
    ...(signal ? { signal } : {}),
  });
  draft.append({
    type: 'model.called',
    provider: question.platform,
    model: reply.model,
    provenance: reply.provenance.kind,
    request_hash: draft.payload('model-request', 'application/json', reply.requestBytes),
    response_hash: draft.payload('model-response', 'application/octet-stream', reply.responseBytes),
    finish_reason: reply.finishReason,
  });
  return reply.text;
}

/**
 * The tutorial's answer. `sig` covers what its client computes, `json.dumps(data)`; `sig_canonical` covers the compact, sorted form
 * that the original server signs and later clients check.
 */
function plainAnswer(data: JsonObject, keys: TalkKeys): JsonObject {
  const seed = pythonJson(data, { separators: 'spaced', sortKeys: false });
  const canonical = pythonJson(data, { separators: 'compact', sortKeys: true });
  return { sig: encodeHex(keys.sign(utf8(seed))), sig_canonical: encodeHex(keys.sign(utf8(canonical))), data };
}

/** The safe answer: encrypted to the client, signed over binding and ciphertext. */
async function safeAnswer(data: JsonObject, nonce: Uint8Array, spki: Uint8Array, keys: TalkKeys): Promise<JsonObject> {
  const binding = bindingOf('response', nonce, spki);
  const answerNonce = crypto.getRandomValues(new Uint8Array(32));
  const plaintext = utf8(pythonJson(data, { separators: 'compact', sortKeys: true }));
  const sealed = await sealEnvelope(
    { privateKey: keys.agreement, peerSpki: spki, nonce: answerNonce, additionalData: binding },
    plaintext,
  );
  return {
    v: 1,
    nonce: encodeHex(answerNonce),
    data: encodeHex(sealed),
    sig: encodeHex(keys.sign(concatBytes(binding, answerNonce, sealed))),
  };
}
