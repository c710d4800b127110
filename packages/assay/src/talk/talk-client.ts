/**
 * A client for the tutorial "Secure Communication with TEE": `GET /attestation`, then `POST /talk` with a message that only the
 * attested key can open.
 *
 * Two forms of `/talk`. `bound` (Assay's own, the default): the answer is encrypted to this client and signed over the request's
 * nonce. `tutorial`: the answer comes in clear; its signature covers the question's text and a time, and nothing else of the request.
 * A server cannot choose the weaker form: the caller names it.
 */

import { verifySignature } from '@assay/attestation/certificates/signature';
import { bindingOf, MIN_NONCE_BYTES, openEnvelope, pythonJson, sealEnvelope } from '@assay/channel/tutorial';
import { readAtMost } from '@assay/encoding/bounded-reader';
import { concatBytes, decodeUtf8, utf8 } from '@assay/encoding/bytes';
import { isCoded } from '@assay/encoding/coded-error';
import { decodeHex, encodeHex } from '@assay/encoding/hex';
import { isJsonObject, type JsonObject, parseJson } from '@assay/encoding/json';
import { brokenOff, createWire } from '../channel/wire.ts';
import { withSlash } from '../connection/attestation.ts';
import { oneLine } from '../connection/one-line.ts';
import { ClientError } from '../errors.ts';
import { type AttestedTalkKey, type TalkAttestationOptions, verifyTalkKey } from './talk-attestation.ts';

const MAX_ANSWER_BYTES = 16 * 1024 * 1024;
const NONCE_BYTES = 32;
/** What Assay answers when the key of the request has been replaced. */
const KEY_REPLACED = /fetch \/attestation again/;

/** Options of a `TalkClient`. */
export interface TalkOptions extends TalkAttestationOptions {
  /** The caller's key for the platform. It leaves inside the envelope only, after the server was verified. */
  readonly apiKey: string;
  /** `openai`, `anthropic` or `gemini`; the server's default when left out. */
  readonly platform?: string | undefined;
  /** The platform's name of the model; the server's default when left out. */
  readonly model?: string | undefined;
  /** `bound` by default; `tutorial` for servers that know no other form. */
  readonly form?: 'bound' | 'tutorial' | undefined;
}

/** An answer signed by the attested key. */
export interface TalkAnswer {
  readonly text: string;
  readonly platform: string;
  readonly model: string;
  /** Epoch seconds by the server's clock. */
  readonly timestamp: number;
  readonly form: 'bound' | 'tutorial';
  /** Lower-case hex DER of the ECDSA signature. */
  readonly signature: string;
}

/**
 * @example
 * const tee = await TalkClient.open('https://tee.example', { apiKey, platform: 'openai', model: 'gpt-4', trust: { roots: [rootPem] } });
 * const { text } = await tee.chat('BTC price right now');
 */
export class TalkClient {
  readonly #url: URL;
  readonly #options: TalkOptions;
  #attested: AttestedTalkKey;

  private constructor(url: URL, options: TalkOptions, attested: AttestedTalkKey) {
    this.#url = url;
    this.#options = options;
    this.#attested = attested;
  }

  /**
   * Verifies the server at `url`. Nothing else leaves before the verdict.
   * @throws {ClientError} `client/attestation-refused`, `client/attestation-malformed`, `client/channel-unbound`, `client/agent-unreachable`.
   */
  static async open(url: string | URL, options: TalkOptions): Promise<TalkClient> {
    const address = new URL(url);
    return new TalkClient(address, options, await verifyTalkKey(address, options));
  }

  /** The decision that the key rests on. */
  get attested(): AttestedTalkKey {
    return this.#attested;
  }

  /**
   * One question, one answer. When the server's key was replaced, the server is verified again and the question sealed to the new one.
   * @throws {ClientError} `client/answer-forged`, `client/answer-malformed`, `client/answer-oversize`, `client/agent-refused`.
   */
  async chat(message: string): Promise<TalkAnswer> {
    try {
      return await this.#exchange(message);
    } catch (error) {
      if (!ClientError.is(error) || error.details.keyReplaced !== true) throw error;
      const renewed = await verifyTalkKey(this.#url, this.#options);
      if (encodeHex(renewed.spki) === encodeHex(this.#attested.spki)) throw error;
      this.#attested = renewed;
      return this.#exchange(message);
    }
  }

  async #exchange(message: string): Promise<TalkAnswer> {
    const { apiKey, platform, model, form = 'bound' } = this.#options;
    const { spki: peerSpki } = this.#attested;
    const { privateKey, publicKey } = await crypto.subtle.generateKey({ name: 'ECDH', namedCurve: 'P-384' }, false, [
      'deriveBits',
    ]);
    const spki = new Uint8Array(await crypto.subtle.exportKey('spki', publicKey));
    const nonce = crypto.getRandomValues(new Uint8Array(NONCE_BYTES));
    const question = utf8(JSON.stringify({ api_key: apiKey, message, platform, ai_model: model }));
    const additionalData = form === 'bound' ? bindingOf('request', nonce, spki) : undefined;
    const sealed = await sealEnvelope({ privateKey, peerSpki, nonce, additionalData }, question);
    const body = { nonce: encodeHex(nonce), public_key: encodeHex(spki), data: encodeHex(sealed) };
    const reply = await this.#post(utf8(JSON.stringify(form === 'bound' ? { ...body, v: 1 } : body)));
    const signed =
      form === 'bound' ? await openBound(reply, { privateKey, peerSpki, nonce, spki }) : await openTutorial(reply, peerSpki);
    return answerOf(signed, { message, platform, model, form });
  }

  /** @throws {ClientError} `client/agent-refused` for the server's own refusal, whatever its status. */
  async #post(bytes: Uint8Array): Promise<JsonObject> {
    const { fetch, signal } = this.#options;
    const url = new URL('talk', withSlash(this.#url));
    const answer = await createWire(fetch)({ url, sealed: { bytes, mediaType: 'application/json' }, signal });
    const tooLong = (most: number): ClientError =>
      new ClientError('client/answer-oversize', `expected an answer of at most ${most} bytes, got more; ask for less`);
    let json: unknown = null;
    try {
      json = parseJson(await readAtMost(answer.body, { most: MAX_ANSWER_BYTES, what: url.origin, refuse: tooLong }));
    } catch (cause) {
      if (!isCoded(cause)) throw brokenOff(cause, url, signal);
      if (ClientError.is(cause)) throw cause;
    }
    if (!isJsonObject(json)) throw malformed(`JSON from ${url.origin}/talk`, `status ${answer.status} with another body`);
    const words = json.error ?? json.detail;
    if (typeof words === 'string')
      throw new ClientError('client/agent-refused', `the server answered: ${oneLine(words)}; change the request`, {
        details: { status: answer.status, keyReplaced: KEY_REPLACED.test(words) },
      });
    return json;
  }
}

interface SignedAnswer {
  readonly data: JsonObject;
  readonly signature: string;
}

interface BoundRequest {
  readonly privateKey: CryptoKey;
  readonly peerSpki: Uint8Array;
  readonly nonce: Uint8Array;
  readonly spki: Uint8Array;
}

/** Signature over binding, nonce and ciphertext; then the plaintext. */
async function openBound(reply: JsonObject, { privateKey, peerSpki, nonce, spki }: BoundRequest): Promise<SignedAnswer> {
  if (reply.v !== 1)
    throw malformed('an answer in the bound form', "the tutorial's; name the form tutorial if that is enough for you");
  const [answerNonce, sealed, signature] = [bytesOf(reply, 'nonce'), bytesOf(reply, 'data'), bytesOf(reply, 'sig')];
  const additionalData = bindingOf('response', nonce, spki);
  if (answerNonce.length < MIN_NONCE_BYTES) throw malformed(`a nonce of at least ${MIN_NONCE_BYTES} bytes`, 'a shorter one');
  if (!(await isSigned(peerSpki, signature, concatBytes(additionalData, answerNonce, sealed))))
    throw forged('a signature of the attested key over this exchange', 'another one');
  const plaintext = await openEnvelope({ privateKey, peerSpki, nonce: answerNonce, additionalData }, sealed);
  const data = parseJson(decodeUtf8(plaintext));
  if (!isJsonObject(data)) throw malformed('an object in the envelope', 'another value');
  return { data, signature: encodeHex(signature) };
}

/** The tutorial's signature, over `json.dumps(data)` as its client computes it, or over the compact form that its server signs. */
async function openTutorial(reply: JsonObject, peerSpki: Uint8Array): Promise<SignedAnswer> {
  const { data } = reply;
  if (!isJsonObject(data)) throw malformed('data and sig', 'an answer without data');
  const signature = bytesOf(reply, 'sig');
  const forms = [
    pythonJson(data, { separators: 'spaced', sortKeys: false }),
    pythonJson(data, { separators: 'compact', sortKeys: true }),
  ];
  for (const form of forms)
    if (await isSigned(peerSpki, signature, utf8(form))) return { data, signature: encodeHex(signature) };
  throw forged('a signature of the attested key over the answer', 'another one');
}

function isSigned(spki: Uint8Array, signature: Uint8Array, message: Uint8Array): Promise<boolean> {
  return verifySignature({ spki, algorithm: { name: 'ECDSA', hash: 'SHA-384' }, signature, message });
}

interface Asked {
  readonly message: string;
  readonly platform: string | undefined;
  readonly model: string | undefined;
  readonly form: 'bound' | 'tutorial';
}

/** A signed answer is to this question: the text repeats it, and so do platform and model. */
function answerOf({ data, signature }: SignedAnswer, asked: Asked): TalkAnswer {
  const { platform, ai_model: model, timestamp, message, response } = data;
  if (
    typeof response !== 'string' ||
    typeof platform !== 'string' ||
    typeof model !== 'string' ||
    typeof timestamp !== 'number'
  )
    throw malformed('platform, ai_model, timestamp, message and response', 'other members');
  const same = message === asked.message && platform === (asked.platform ?? platform) && model === (asked.model ?? model);
  if (!same) throw forged('the answer to this question', 'a signed answer to another one');
  return { text: response, platform, model, timestamp, form: asked.form, signature };
}

function bytesOf(reply: JsonObject, name: string): Uint8Array {
  const hex = reply[name];
  try {
    return decodeHex(typeof hex === 'string' ? hex : 'missing');
  } catch (cause) {
    throw malformed(`hex in "${name}"`, 'something else', cause);
  }
}

function malformed(expected: string, got: string, cause?: unknown): ClientError {
  return new ClientError('client/answer-malformed', `expected ${expected}, got ${got}; do not rely on the answer`, { cause });
}

function forged(expected: string, got: string): ClientError {
  return new ClientError('client/answer-forged', `expected ${expected}, got ${got}; do not rely on the answer`);
}
