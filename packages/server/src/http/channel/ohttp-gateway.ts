/**
 * The OHTTP gateway inside the enclave (RFC 9458 §5): decrypts a request, runs it through the same application as any other, and
 * encrypts the answer to its sender. A network observer, a TLS terminator and a relay see sizes and timing only.
 *
 * Errors of the channel itself answer in clear with a problem document and never say which cryptographic step failed.
 */

import {
  ChannelError,
  CONTENT_END,
  type DecapsulatedRequest,
  decodeRequest,
  encapsulateChunks,
  encapsulateFinalChunk,
  encapsulateResponse,
  encodeContentChunk,
  encodeResponseHead,
  type Form,
  MAX_CHUNK_BYTES,
  MEDIA_TYPES,
  RESEND_HEADER,
  toReadableStream,
} from '@assay/channel';
import { concatBytes } from '@assay/encoding/bytes';
import type { ChannelKeys } from './channel-keys.ts';
import { resendRefusal } from './resend.ts';

export interface OhttpGatewayOptions {
  readonly keys: ChannelKeys;
  /** The application behind the gateway. `internal` requests come from nobody but this gateway. */
  readonly handle: (request: Request) => Promise<Response>;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** Longest encrypted request, bytes. */
  readonly maxRequestBytes: number;
}

/** Header that tells the application how a request came in; a client's own header of that name is dropped. */
export const CHANNEL_HEADER = 'assay-channel';

const HOP_BY_HOP = new Set([
  'connection',
  'content-length',
  'host',
  'transfer-encoding',
  'upgrade',
  'keep-alive',
  CHANNEL_HEADER,
]);

const FORMS: Readonly<Record<string, Form>> = { [MEDIA_TYPES.request]: 'whole', [MEDIA_TYPES.chunkedRequest]: 'chunked' };

/** Answers one encapsulated request. */
export async function answerEncapsulated(request: Request, options: OhttpGatewayOptions): Promise<Response> {
  const form = FORMS[(request.headers.get('content-type') ?? '').toLowerCase()];
  if (!form) return problem(415, 'channel/message-malformed', `expected content type ${Object.keys(FORMS).join(' or ')}`);
  let opened: DecapsulatedRequest;
  let inner: Request;
  try {
    const bytes = await readBounded(request, options.maxRequestBytes);
    opened = await options.keys.open(bytes, form, Math.floor(options.now() / 1000));
    inner = toRequest(opened.message);
  } catch (error) {
    return refusal(error);
  }
  const claim = options.keys.claim(opened.encapsulated);
  if (claim === 'replayed') return problem(409, 'channel/replayed', 'this request was answered before; make a new one');
  if (claim === 'exhausted')
    return problem(
      503,
      'channel/key-exhausted',
      'the channel key took all requests it may take; verify the attestation again in a moment',
    );
  const again = inner.headers.get(RESEND_HEADER);
  if (again !== null) inner.headers.delete(RESEND_HEADER);
  const answer = resendRefusal(again, options.keys) ?? (await options.handle(inner));
  return form === 'whole' ? await wholeAnswer(opened, answer) : await chunkedAnswer(opened, answer);
}

async function readBounded(request: Request, limit: number): Promise<Uint8Array> {
  const declared = Number(request.headers.get('content-length') ?? 0);
  if (declared > limit) throw new ChannelError('channel/oversize', `expected at most ${limit} bytes`);
  const parts: Uint8Array[] = [];
  let total = 0;
  for await (const part of request.body ?? []) {
    total += part.length;
    if (total > limit) throw new ChannelError('channel/oversize', `expected at most ${limit} bytes`);
    parts.push(part);
  }
  return parts.length === 1 && parts[0] ? parts[0] : concatBytes(...parts);
}

function toRequest(message: Uint8Array): Request {
  const { method, path, headers, body } = decodeRequest(message);
  const kept = new Headers({ [CHANNEL_HEADER]: 'ohttp' });
  for (const [name, value] of headers) if (!HOP_BY_HOP.has(name)) kept.append(name, value);
  const hasBody = method !== 'GET' && method !== 'HEAD';
  // The authority inside names this enclave; routing needs only the path.
  return new Request(new URL(path, 'http://enclave.invalid'), {
    method,
    headers: kept,
    ...(hasBody ? { body: body as BodyInit } : {}),
  });
}

function headOf(answer: Response): Uint8Array {
  const headers = [...answer.headers].filter(([name]) => !HOP_BY_HOP.has(name));
  return encodeResponseHead({ status: answer.status, headers });
}

async function wholeAnswer(opened: DecapsulatedRequest, answer: Response): Promise<Response> {
  const body = new Uint8Array(await answer.arrayBuffer());
  const content = body.length > 0 ? encodeContentChunk(body) : body;
  const sealed = await encapsulateResponse(opened, concatBytes(headOf(answer), content, CONTENT_END));
  return new Response(sealed as BodyInit, { headers: { 'content-type': MEDIA_TYPES.response, 'cache-control': 'no-store' } });
}

/** Streams go out piece by piece; any other answer is collected and goes out as one chunk. */
async function chunkedAnswer(opened: DecapsulatedRequest, answer: Response): Promise<Response> {
  const headers = { 'content-type': MEDIA_TYPES.chunkedResponse, 'cache-control': 'no-store' };
  const isStream = answer.headers.get('content-type')?.startsWith('text/event-stream') === true;
  const whole = isStream ? null : new Uint8Array(await answer.clone().arrayBuffer());
  if (whole !== null && whole.length < MAX_CHUNK_BYTES / 2) {
    const content = whole.length > 0 ? encodeContentChunk(whole) : whole;
    const sealed = await encapsulateFinalChunk(opened, concatBytes(headOf(answer), content, CONTENT_END));
    return new Response(sealed as BodyInit, { headers });
  }
  async function* plain(): AsyncGenerator<Uint8Array> {
    let before: Uint8Array = headOf(answer); // goes out together with the first content
    for await (const part of answer.body ?? []) {
      if (part.length === 0) continue;
      yield concatBytes(before, encodeContentChunk(part));
      before = new Uint8Array(0);
    }
    yield concatBytes(before, CONTENT_END);
  }
  return new Response(toReadableStream(encapsulateChunks(opened, plain())), { headers });
}

function refusal(error: unknown): Response {
  if (!ChannelError.is(error)) return problem(400, 'channel/message-malformed', 'expected an encapsulated HTTP request');
  // Key ids begin anew with every boot: what does not decrypt is most often sealed to a key from before a restart.
  if (error.code === 'channel/decryption-failed')
    return problem(422, 'channel/key-unknown', 'this key is not in use; fetch and verify the attestation again');
  const status = error.code === 'channel/oversize' ? 413 : error.code === 'channel/key-unknown' ? 422 : 400;
  return problem(status, error.code, error.message);
}

function problem(status: number, code: string, detail: string): Response {
  const type = code === 'channel/key-unknown' ? 'https://iana.org/assignments/http-problem-types#ohttp-key' : 'about:blank';
  return new Response(JSON.stringify({ type, title: 'encrypted channel refused', status, code, detail }), {
    status,
    headers: { 'content-type': 'application/problem+json' },
  });
}
