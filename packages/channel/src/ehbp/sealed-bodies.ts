/**
 * The client's end of EHBP as a `fetch` (tinfoilsh/encrypted-http-body-protocol SPEC.md §5.1): the body of every request is sealed to an attested HPKE
 * key, and an answer that claims success must be sealed as well. Error answers in clear are handed on as what they are: unauthenticated.
 *
 * EHBP does not authenticate the end of a body (§6.2.1). So the caller says what a whole answer looks like, and one that ends sooner is an error.
 * In clear stay method, path and headers, and the sizes of frames.
 */

import { readAtMost } from '@assay/encoding/bounded-reader';
import type { Reservation } from '@assay/encoding/budget';
import { bufferSource, concatBytes } from '@assay/encoding/bytes';
import { decodeHex, encodeHex } from '@assay/encoding/hex';
import { readPieces, toReadableStream } from '../byte-stream.ts';
import { ChannelError } from '../errors.ts';
import { HeldEnd } from '../held-end.ts';
import type { KeyConfig } from '../ohttp/key-config.ts';
import {
  ENCAPSULATED_KEY_HEADER,
  KEY_CONFIG_PROBLEM,
  openExchange,
  openFrames,
  RESPONSE_NONCE_HEADER,
  sealFrame,
} from './body.ts';

/** What the end of a whole answer looks like: one JSON document, or server-sent events up to `[DONE]`. */
export type AnswerShape = 'document' | 'events';

export interface SealedBody {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  readonly signal?: AbortSignal;
  readonly shape: AnswerShape;
  readonly fetch: typeof globalThis.fetch;
  /** Grows by what is kept of a whole answer; the caller releases it. */
  readonly held?: Reservation | undefined;
}

export interface OpenedAnswer {
  readonly response: Response;
  /** Of the exchange, lower-case hex, for records. */
  readonly encapsulatedKey: string;
  /** `null`: the answer came in clear, is an error, and no key vouches for it. */
  readonly responseNonce: string | null;
}

const MAX_DOCUMENT = 64 * 1024 * 1024;
const MAX_PROBLEM = 16 * 1024;
const MAX_EVENT_BYTES = 16 * 1024 * 1024;

/**
 * Posts one sealed body.
 * @throws {ChannelError} `channel/response-unencrypted`, `channel/key-unknown` (verify the service again), `channel/message-malformed`;
 * while the body is read `channel/decryption-failed`, `channel/truncated`, `channel/oversize`.
 * @example
 * const { response } = await postSealed(attestedKey, { url, headers, body, shape: 'document', fetch });
 */
export async function postSealed(config: KeyConfig, request: SealedBody): Promise<OpenedAnswer> {
  if (request.body.length === 0)
    throw new ChannelError('channel/message-malformed', 'expected a body to seal: EHBP leaves requests without one in clear');
  const exchange = await openExchange(config);
  const frame = await sealFrame(exchange.request, request.body);
  const encapsulatedKey = encodeHex(exchange.encapsulated);
  const answer = await request.fetch(request.url, {
    method: 'POST',
    headers: { ...request.headers, [ENCAPSULATED_KEY_HEADER]: encapsulatedKey },
    ...framed(frame),
    redirect: 'error', // a redirect could carry key and prompt elsewhere
    ...(request.signal === undefined ? {} : { signal: request.signal }),
  });
  const nonce = answer.headers.get(RESPONSE_NONCE_HEADER);
  if (nonce === null) return { response: await inClear(answer), encapsulatedKey, responseNonce: null };
  if (!/^[0-9a-f]{64}$/.test(nonce) || answer.body === null)
    throw new ChannelError('channel/message-malformed', 'expected a response nonce of 32 bytes and a body, got something else');
  const frames = openFrames(exchange.response(decodeHex(nonce)), readPieces(answer.body));
  const whole = answer.ok ? complete(frames, request) : frames;
  const { status, statusText, headers } = answer;
  const opened = new Headers(headers);
  opened.delete('content-length');
  return {
    response: new Response(toReadableStream(whole), { status, statusText, headers: opened }),
    encapsulatedKey,
    responseNonce: nonce,
  };
}

/** Without a length, as the specification wants it, where the platform can send so; browsers cannot over HTTP/1.1. */
function framed(frame: Uint8Array): RequestInit {
  if ('window' in globalThis) return { body: bufferSource(frame) };
  return { body: new Response(bufferSource(frame)).body, duplex: 'half' } as RequestInit;
}

/** An answer without a nonce: never one that claims success, and not one that asks for other keys. */
async function inClear(answer: Response): Promise<Response> {
  if (answer.ok) {
    await answer.body?.cancel();
    throw new ChannelError(
      'channel/response-unencrypted',
      'expected a sealed answer, got one in clear; stop: something between you and the enclave answered',
    );
  }
  if (answer.status !== 422) return answer;
  const text = await beginningOf(answer);
  if (!text.includes(KEY_CONFIG_PROBLEM)) return answer;
  throw new ChannelError('channel/key-unknown', 'the service does not know the key any more; verify it again, then ask again');
}

/** A short text; of a long one nothing, and the rest is not read. */
async function beginningOf(answer: Response): Promise<string> {
  try {
    return new TextDecoder().decode(await readAtMost(answer.clone().body, { most: MAX_PROBLEM, what: 'an error' }));
  } catch {
    return '';
  }
}

async function* complete(
  pieces: AsyncIterable<Uint8Array>,
  { shape, held }: Pick<SealedBody, 'shape' | 'held'>,
): AsyncGenerator<Uint8Array> {
  const kept: Uint8Array[] = [];
  const end = new HeldEnd(MAX_EVENT_BYTES);
  let length = 0;
  for await (const piece of pieces) {
    if (shape === 'document') {
      length += piece.length;
      if (length > MAX_DOCUMENT) throw new ChannelError('channel/oversize', `expected at most ${MAX_DOCUMENT} bytes`);
      held?.grow(piece.length);
      kept.push(piece);
    } else {
      const open = end.push(piece);
      if (open.length > 0) yield open;
    }
  }
  const whole = shape === 'document' ? concatBytes(...kept) : concatBytes(end.held(), end.behind());
  if (shape === 'document' ? !isDocument(whole) : !end.ended)
    throw new ChannelError('channel/truncated', 'the answer ends before it is whole; do not use it');
  if (whole.length > 0) yield whole;
}

function isDocument(bytes: Uint8Array): boolean {
  try {
    JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
    return true;
  } catch {
    return false;
  }
}
