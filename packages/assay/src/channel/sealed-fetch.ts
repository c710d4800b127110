/**
 * A `fetch` whose requests and answers are encrypted to an attested key, so that no party between this process and the enclave reads
 * or changes them: method, path, headers and body travel as Oblivious HTTP (RFC 9458, chunked).
 *
 * The caller has verified that `config.publicKey` stands in the attested keyset; nothing is negotiated here, and an answer that is
 * not encrypted is never handed on.
 */

import {
  ChannelError,
  decapsulateChunks,
  decapsulateFinalChunk,
  encapsulateRequest,
  encodeRequest,
  isFinalChunkAlone,
  type KeyConfig,
  MAX_FINAL_CHUNK,
  MEDIA_TYPES,
  RESEND_HEADER,
  ResponseDecoder,
  type ResponseHead,
  type ResponseOpener,
  readPieces,
  resendOf,
  toReadableStream,
} from '@assay/channel';
import { readAtMost } from '@assay/encoding/bounded-reader';
import { concatBytes } from '@assay/encoding/bytes';
import { ClientError } from '../errors.ts';
import { openedResponse } from './opened-response.ts';
import { type OutgoingRequest, readOutgoing } from './outgoing-request.ts';
import { brokenOff, createWire } from './wire.ts';

const NOTHING = new Uint8Array(0);

/** Options of `createSealedFetch`. */
export interface SealedFetchOptions {
  readonly config: KeyConfig;
  /** Where encapsulated requests go: the agent's gateway, or a relay in front of it. */
  readonly gateway: URL;
  readonly fetch?: typeof fetch | undefined;
  /** Without it a refused key is the end of a request. */
  readonly renewal?: KeyRenewal;
}

/** What to do when a request is refused because its key is not in use. */
export interface KeyRenewal {
  /** Digest of the keyset that `config` is from. */
  readonly keysetDigest: string;
  /**
   * Verifies the attestation again. Throws when that fails, or when the refused keyset is still the attested one; then nothing is sent
   * again.
   */
  readonly renew: (refusedDigest: string) => Promise<AttestedKey>;
}

/** A channel key that stands in an attested keyset. */
export interface AttestedKey {
  readonly config: KeyConfig;
  readonly keysetDigest: string;
}

/** A keyset may be replaced again while a request is on its way. */
const MOST_ATTEMPTS = 4;
/** Of an answer in clear that is shown as a hint. */
const MAX_HINT_BYTES = 16 * 1024;
/** Requests that change nothing may be sent again without asking. */
const SAFE: ReadonlySet<string> = new Set(['GET', 'HEAD']);

/** Sends one request through the channel and opens its answer. */
export type SealedSend = (request: OutgoingRequest) => Promise<Response>;

/**
 * A refusal comes in clear, so it proves nothing: the party that is in between may have let the request through as well. What is sent again
 * therefore names the refused request inside the channel, and the enclave answers only when it did not accept that one (spec/channel.md §6).
 *
 * @throws {ChannelError} `channel/response-unencrypted`, `channel/truncated`, `channel/decryption-failed`, `channel/key-unknown`;
 * {ClientError} `client/request-unsettled` when the refused request was accepted after all, or this is not known.
 * @example const sealed = createSealedFetch({ config, gateway: new URL('https://agent.example/ohttp') });
 */
export function createSealedFetch(options: SealedFetchOptions): typeof fetch {
  const send = createSealedSend(options);
  return async (input, init) => send(await readOutgoing(input, init));
}

/** {@link createSealedFetch} for a request that was read already. */
export function createSealedSend(options: SealedFetchOptions): SealedSend {
  const { renewal } = options;
  let key: AttestedKey = { config: options.config, keysetDigest: renewal?.keysetDigest ?? '' };
  const send = createWire(options.fetch);
  return async (request) => {
    const exchange = async (
      config: KeyConfig,
      more: readonly [string, string][],
    ): Promise<{ answer: Response; opener: ResponseOpener }> => {
      const sealed = await encapsulateRequest(config, encode(request, more), 'chunked');
      const answer = await send({
        url: options.gateway,
        sealed: { bytes: sealed.bytes, mediaType: MEDIA_TYPES.chunkedRequest },
        signal: request.signal,
      });
      return { answer, opener: sealed.opener };
    };
    const before: string[] = [];
    let current = key;
    let { answer, opener } = await exchange(current.config, []);
    while (answer.status === 422 && renewal !== undefined && before.length < MOST_ATTEMPTS - 1) {
      await answer.body?.cancel();
      before.push(resendOf(current.keysetDigest, opener.encapsulated));
      current = await renewal.renew(current.keysetDigest);
      key = current;
      ({ answer, opener } = await exchange(
        current.config,
        SAFE.has(request.method) ? [] : [[RESEND_HEADER, before.join(', ')]],
      ));
    }
    if (answer.headers.get('content-type') !== MEDIA_TYPES.chunkedResponse || !answer.body) throw await refusedInClear(answer);
    const opened = await open(answer.body, opener, { gateway: options.gateway, signal: request.signal });
    if (before.length > 0) await assertSettled(opened);
    return opened;
  };
}

/** @throws {ClientError} `client/request-unsettled` for the enclave's own word that the refused request must not be repeated. */
async function assertSettled(answer: Response): Promise<void> {
  if (answer.status !== 409 || answer.headers.get('content-type') !== 'application/problem+json') return;
  const code = await problemCodeOf(answer.clone());
  if (code === 'channel/replayed')
    throw new ClientError(
      'client/request-unsettled',
      'the request was refused on its way and yet answered; it was not repeated. Look for its receipt before you ask again',
    );
  if (code === 'channel/resend-unsettled')
    throw new ClientError(
      'client/request-unsettled',
      'the agent was started again and cannot tell whether it answered this request; it was not repeated. Ask again if that does no harm',
    );
}

/** `code` of a problem document; `null` for anything else. */
async function problemCodeOf(answer: Response): Promise<unknown> {
  try {
    const bytes = await readAtMost(answer.body, { most: MAX_HINT_BYTES, what: 'a problem document' });
    return (JSON.parse(new TextDecoder().decode(bytes)) as { readonly code?: unknown } | null)?.code ?? null;
  } catch {
    return null;
  }
}

function encode({ method, url, headers, body }: OutgoingRequest, more: readonly [string, string][]): Uint8Array {
  return encodeRequest({
    method,
    scheme: url.protocol.slice(0, -1),
    authority: url.host,
    path: url.pathname + url.search,
    headers: headers.has(RESEND_HEADER) || more.length > 0 ? resent(headers, more) : [...headers],
    body,
  });
}

/** Only the channel itself says which request is sent again. */
function resent(headers: Headers, more: readonly [string, string][]): readonly [string, string][] {
  return [...[...headers].filter(([name]) => name !== RESEND_HEADER), ...more];
}

/** What came in clear is not the enclave's word: it is quoted as a hint and never returned as an answer. */
async function refusedInClear(answer: Response): Promise<ChannelError> {
  const text = await hintOf(answer);
  if (answer.status === 422)
    return new ChannelError('channel/key-unknown', 'the enclave does not know this key; verify its attestation again');
  return new ChannelError(
    'channel/response-unencrypted',
    `expected an encrypted answer, got status ${answer.status} in clear: ${text}`,
  );
}

/** The beginning of a short text; nothing of a long one, which is not read. */
async function hintOf(answer: Response): Promise<string> {
  try {
    const words = await readAtMost(answer.body, { most: MAX_HINT_BYTES, what: 'an answer in clear' });
    return new TextDecoder().decode(words).slice(0, 300);
  } catch {
    return 'no short text';
  }
}

interface Line {
  readonly gateway: URL;
  readonly signal: AbortSignal | null;
}

async function open(body: ReadableStream<Uint8Array>, opener: ResponseOpener, { gateway, signal }: Line): Promise<Response> {
  const reader = body.getReader();
  let begun: Uint8Array = NOTHING;
  let alone: boolean | null = null;
  let complete = false;
  try {
    while (alone !== false) {
      const { done, value } = await reader.read();
      signal?.throwIfAborted();
      if (done) {
        complete = true;
        if (alone === null) throw new ChannelError('channel/truncated', 'the answer ended before its head');
        return await openWhole(begun, opener);
      }
      begun = begun.length === 0 ? value : concatBytes(begun, value);
      alone ??= isFinalChunkAlone(begun);
      // A first piece of many chunks may be of any length: readers hand out what they have.
      if (alone !== false && begun.length > MAX_FINAL_CHUNK)
        throw new ChannelError('channel/oversize', 'the final chunk is too long');
    }
    complete = true; // the stream below has the reader now
  } catch (cause) {
    throw brokenOff(cause, gateway, signal);
  } finally {
    if (!complete) await reader.cancel().catch(() => undefined);
  }
  reader.releaseLock();
  const arriving = unbroken(readPieces(body, signal ?? undefined), { gateway, signal });
  return openStream(decapsulateChunks(opener, continued(begun, arriving)));
}

/** The same pieces; a connection that breaks ends them in a coded error. */
async function* unbroken(pieces: AsyncGenerator<Uint8Array>, { gateway, signal }: Line): AsyncGenerator<Uint8Array> {
  try {
    yield* pieces;
  } catch (cause) {
    throw brokenOff(cause, gateway, signal);
  }
}

/** An answer that the enclave knew whole, opened in one go. */
async function openWhole(bytes: Uint8Array, opener: ResponseOpener): Promise<Response> {
  const decoder = new ResponseDecoder();
  const content = decoder.push(await decapsulateFinalChunk(opener, bytes));
  if (decoder.head === null || !decoder.ended)
    throw new ChannelError('channel/truncated', 'the answer ended before its last content; do not use it');
  const [first = NOTHING] = content;
  return toResponse(decoder.head, content.length > 1 ? concatBytes(...content) : first);
}

/** An answer that is still being made: its content is handed on piece by piece, each authenticated. */
async function openStream(pieces: AsyncGenerator<Uint8Array>): Promise<Response> {
  const decoder = new ResponseDecoder();
  const early: Uint8Array[] = [];
  while (!decoder.head) {
    const next = await pieces.next();
    if (next.done) throw new ChannelError('channel/truncated', 'the answer ended before its head');
    early.push(...decoder.push(next.value));
  }
  async function* content(): AsyncGenerator<Uint8Array> {
    yield* early;
    for await (const piece of pieces) yield* decoder.push(piece);
    if (!decoder.ended) throw new ChannelError('channel/truncated', 'the answer ended before its last content; do not use it');
  }
  return toResponse(decoder.head, toReadableStream(content()));
}

async function* continued(begun: Uint8Array, rest: AsyncGenerator<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield begun;
  yield* rest;
}

function toResponse(head: ResponseHead, body: Uint8Array | ReadableStream<Uint8Array>): Response {
  const { status } = head;
  const empty = status === 204 || status === 205 || status === 304;
  if (!empty && body instanceof Uint8Array) return openedResponse(body, head);
  return new Response(empty ? null : (body as BodyInit), { status, headers: head.headers as [string, string][] });
}
