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
  encodeResponse,
  encodeResponseHead,
  type Form,
  MAX_CHUNK_BYTES,
  MEDIA_TYPES,
  RESEND_HEADER,
  type ResponseHead,
  readHeader,
  readPieces,
  toReadableStream,
} from '@assay/channel';
import { readAtMost } from '@assay/encoding/bounded-reader';
import { concatBytes, joinBytes } from '@assay/encoding/bytes';
import { ServerError } from '../../errors.ts';
import type { ChannelKeys } from '../../identity/channel-keys.ts';
import { heldAnswer } from '../answers.ts';
import { readBody } from '../held-bodies.ts';
import { holdMemory } from '../held-memory.ts';
import type { HandOn } from './hand-on.ts';
import { openedRequest } from './opened-request.ts';
import { claimRefusal, openingRefusal, problem } from './refusals.ts';
import { resendRefusal } from './resend.ts';

export interface OhttpGatewayOptions {
  readonly keys: ChannelKeys;
  /** The application behind the gateway. `internal` requests come from this gateway only. */
  readonly handle: (request: Request) => Promise<Response>;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** Longest encrypted request, bytes. */
  readonly maxRequestBytes: number;
  /** The way to agents on the same store, to whose keys a request may be sealed; left out: none. */
  readonly handOn?: Pick<HandOn, 'answer'> | null | undefined;
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

/** Longest answer in the form of one message, bytes. */
const MAX_WHOLE_BYTES = 64 * 1024 * 1024;
/** Base of the addresses that the application sees. */
const ENCLAVE = 'http://enclave.invalid';
/** Paths that stand in an address unchanged: nothing to escape, no dot segments. */
const PLAIN_PATH = /^(?:\/[a-zA-Z0-9_~-][a-zA-Z0-9._~-]*)+$/;

/** Not for requests to an application (Fetch, "forbidden method"). */
const FORBIDDEN_METHODS = new Set(['CONNECT', 'TRACE', 'TRACK']);

/** RFC 9458 §5.3. */
const KEY_PROBLEM = 'https://iana.org/assignments/http-problem-types#ohttp-key';
const FORMS: Readonly<Record<string, Form>> = { [MEDIA_TYPES.request]: 'whole', [MEDIA_TYPES.chunkedRequest]: 'chunked' };

/**
 * Answers one encapsulated request.
 * @throws {ServerError} for a request that cannot be opened.
 */
export async function answerEncapsulated(request: Request, options: OhttpGatewayOptions): Promise<Response> {
  const form = FORMS[(request.headers.get('content-type') ?? '').toLowerCase()];
  if (!form) return problem(415, 'channel/message-malformed', `expected content type ${Object.keys(FORMS).join(' or ')}`);
  let opened: DecapsulatedRequest;
  let inner: InnerRequest;
  try {
    const most = options.maxRequestBytes;
    const bytes = await readBody(request, { most, sender: 'stranger', tooLong: () => tooLong(most) });
    const header = options.handOn == null ? null : readHeader(bytes);
    if (header !== null && !options.keys.has(header.keyId, Math.floor(options.now() / 1000))) {
      const answer = await options.handOn?.answer(request, bytes, header);
      if (answer != null) return answer;
    }
    opened = await options.keys.open(bytes, form, Math.floor(options.now() / 1000));
    inner = toRequest(opened.message, request);
  } catch (error) {
    if (ServerError.is(error)) throw error;
    return openingRefusal(error, 'an encapsulated HTTP request', KEY_PROBLEM);
  }
  const refused = claimRefusal(options.keys.claim(opened.encapsulated));
  if (refused !== null) return refused;
  const answer = resendRefusal(inner.resends, options.keys) ?? (await options.handle(inner.request));
  return form === 'whole' ? await wholeAnswer(opened, answer) : await chunkedAnswer(opened, answer);
}

function tooLong(limit: number): ChannelError {
  return new ChannelError('channel/oversize', `expected at most ${limit} bytes`);
}

interface InnerRequest {
  readonly request: Request;
  /** Which refused requests this one repeats, as {@link RESEND_HEADER} says. */
  readonly resends: string | null;
}

function toRequest(message: Uint8Array, envelope: Request): InnerRequest {
  const { method, authority, path, headers, body } = decodeRequest(message);
  if (FORBIDDEN_METHODS.has(method))
    throw new ChannelError('channel/message-malformed', `expected a method that carries a request, got ${method}`);
  const kept = headers.filter(([name]) => !HOP_BY_HOP.has(name) && name !== RESEND_HEADER);
  const resends = headers.filter(([name]) => name === RESEND_HEADER).map(([, value]) => value);
  kept.push([CHANNEL_HEADER, 'ohttp']);
  // The name under which the client reaches this agent, for the addresses in answers; nothing is decided by it.
  if (authority !== '') kept.push(['host', authority]);
  if (method !== 'GET' && method !== 'HEAD') kept.push(['content-length', String(body.length)]);
  // Routing needs only the path.
  const url = PLAIN_PATH.test(path) ? ENCLAVE + path : new URL(ENCLAVE + path).href;
  const request = openedRequest({ method, url, headers: kept, body, signal: () => envelope.signal });
  return { request, resends: resends.length === 0 ? null : resends.join(', ') };
}

function headOf(answer: Response): ResponseHead {
  return { status: answer.status, headers: [...answer.headers].filter(([name]) => !HOP_BY_HOP.has(name)) };
}

/** One sealed message: the answer is in memory as a whole, and bounded. Clients that expect long ones ask for the chunked form. */
async function wholeAnswer(opened: DecapsulatedRequest, answer: Response): Promise<Response> {
  const head = headOf(answer);
  const held = holdMemory('answer');
  try {
    const body = await readAtMost(answer.body, { most: MAX_WHOLE_BYTES, what: 'the answer', held, refuse: tooLongForOne });
    held.grow(body.length);
    const sealed = await encapsulateResponse(opened, encodeResponse(head, body));
    held.shrinkTo(sealed.length);
    const headers = { 'content-type': MEDIA_TYPES.response, 'cache-control': 'no-store' };
    return heldAnswer(sealed, { headers }, held);
  } catch (error) {
    held.release();
    throw error;
  }
}

function tooLongForOne(most: number): ServerError {
  return new ServerError(
    'http/answer-too-large',
    `expected an answer of at most ${most} bytes for one sealed message; ask for ${MEDIA_TYPES.chunkedResponse}`,
  );
}

/** Goes out piece by piece as it is read; a short answer goes out as one chunk. */
async function chunkedAnswer(opened: DecapsulatedRequest, answer: Response): Promise<Response> {
  const headers = { 'content-type': MEDIA_TYPES.chunkedResponse, 'cache-control': 'no-store' };
  const head = headOf(answer);
  const pieces = answer.body === null ? none() : readPieces(answer.body);
  const isStream = answer.headers.get('content-type')?.startsWith('text/event-stream') === true;
  const { first, ended } = isStream ? { first: [], ended: false } : await beginning(pieces);
  if (!ended)
    return new Response(toReadableStream(encapsulateChunks(opened, framed(head, followed(first, pieces)))), { headers });
  const sealed = await encapsulateFinalChunk(opened, encodeResponse(head, joinBytes(first)));
  return new Response(sealed as BodyInit, { headers });
}

/** Pieces up to the length of a short answer, and whether they are all of it. */
async function beginning(
  pieces: AsyncGenerator<Uint8Array>,
): Promise<{ readonly first: readonly Uint8Array[]; readonly ended: boolean }> {
  const first: Uint8Array[] = [];
  let length = 0;
  while (length < MAX_CHUNK_BYTES / 2) {
    const { done, value } = await pieces.next();
    if (done === true) return { first, ended: true };
    first.push(value);
    length += value.length;
  }
  return { first, ended: false };
}

async function* followed(first: readonly Uint8Array[], rest: AsyncGenerator<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* first;
    yield* rest;
  } finally {
    await rest.return(undefined);
  }
}

async function* none(): AsyncGenerator<Uint8Array> {}

/** A response of indeterminate length; its head goes out together with the first content. */
async function* framed(head: ResponseHead, content: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let before: Uint8Array = encodeResponseHead(head);
  for await (const part of content) {
    if (part.length === 0) continue;
    yield concatBytes(before, encodeContentChunk(part));
    before = new Uint8Array(0);
  }
  yield concatBytes(before, CONTENT_END);
}
