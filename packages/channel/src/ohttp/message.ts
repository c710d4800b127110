/**
 * Oblivious HTTP messages (RFC 9458 §4), whole and chunked (draft-ietf-ohai-chunked-ohttp-08). Requests are sent whole; answers come
 * whole or chunked. The last chunk is sealed under the additional data `final`, so that a cut stream never reads as complete.
 *
 * Not here: replay protection (the server claims each encapsulated key once) and which key is attested (the client decides).
 */

import { concatBytes, equalBytes, utf8 } from '@assay/encoding/bytes';
import { ChannelError } from '../errors.ts';
import { AEAD_AES_256_GCM, type HpkeContext, KDF_HKDF_SHA256, setupRecipient, setupSender } from '../hpke/hpke.ts';
import { type KemId, type KemKeyPair, kemById } from '../hpke/kem.ts';
import { type KeyConfig, kemOf } from './key-config.ts';
import { freshNonce, RESPONSE_NONCE_LENGTH, responseStream } from './response-key.ts';
import { decodeVarint, encodeVarint } from './varint.ts';

/** Media types by direction and form. */
export const MEDIA_TYPES = {
  request: 'message/ohttp-req',
  response: 'message/ohttp-res',
  chunkedRequest: 'message/ohttp-chunked-req',
  chunkedResponse: 'message/ohttp-chunked-res',
} as const;

/** Whole messages are read at once; a chunked answer's frames may each be this long at most. */
export const MAX_CHUNK_BYTES: number = 1024 * 1024;

/** Longest answer of one final chunk on the wire, bytes: nonce, a length of zero, ciphertext and tag. */
export const MAX_FINAL_CHUNK: number = RESPONSE_NONCE_LENGTH + 8 + MAX_CHUNK_BYTES + 16;

const HEADER_LENGTH = 7; // key id 1, KEM 2, KDF 2, AEAD 2
const TAG_LENGTH = 16; // of AES-256-GCM
const FINAL = utf8('final');
const LABELS = {
  whole: { request: utf8('message/bhttp request'), response: utf8('message/bhttp response') },
  chunked: { request: utf8('message/bhttp chunked request'), response: utf8('message/bhttp chunked response') },
} as const;

export type Form = keyof typeof LABELS;

interface Envelope {
  /** Key id, KEM, KDF and AEAD as they stand before the encapsulated key. */
  readonly header: Uint8Array;
  /** The HPKE info: label, zero, header. */
  readonly info: Uint8Array;
}

// At most 256 key ids times two KEMs times two forms.
const envelopes = new Map<string, Envelope>();

function envelopeOf({ keyId, kem }: Pick<KeyConfig, 'keyId' | 'kem'>, form: Form): Envelope {
  const name = `${form} ${keyId} ${kem}`;
  const known = envelopes.get(name);
  if (known !== undefined) return known;
  const header = Uint8Array.of(keyId, kem >> 8, kem & 0xff, 0, KDF_HKDF_SHA256, 0, AEAD_AES_256_GCM);
  const made = { header, info: concatBytes(LABELS[form].request, Uint8Array.of(0), header) };
  envelopes.set(name, made);
  return made;
}

/** Which key a request is sealed to, as its header says. */
export interface EncapsulatedHeader {
  readonly keyId: number;
  readonly kem: KemId;
}

/**
 * The header of an encapsulated request; `null` for bytes that no agent could open: another suite, or shorter than header, key and seal.
 * @example readHeader(bytes)?.keyId
 */
export function readHeader(bytes: Uint8Array): EncapsulatedHeader | null {
  const [keyId, high = 0, low = 0] = bytes;
  const kem = kemById(high * 256 + low);
  if (keyId === undefined || kem === undefined) return null;
  const { header } = envelopeOf({ keyId, kem: kem.id }, 'whole');
  const least = HEADER_LENGTH + kem.encapsulatedLength + TAG_LENGTH;
  return bytes.length >= least && equalBytes(bytes.subarray(0, HEADER_LENGTH), header) ? { keyId, kem: kem.id } : null;
}

/** What opens the answer to one request. Forget it with the request. */
export interface ResponseOpener {
  readonly encapsulated: Uint8Array;
  readonly secret: Uint8Array;
}

export interface EncapsulatedRequest {
  readonly bytes: Uint8Array;
  readonly opener: ResponseOpener;
}

/**
 * Encrypts one request to the key of `config`. With form `chunked` the request is one final chunk and the answer will be chunked.
 * @param message a binary HTTP request (RFC 9292)
 * @example const { bytes, opener } = await encapsulateRequest(config, encodeRequest(request), 'chunked')
 */
export async function encapsulateRequest(
  config: KeyConfig,
  message: Uint8Array,
  form: Form = 'whole',
): Promise<EncapsulatedRequest> {
  const kem = kemOf(config);
  const { header, info } = envelopeOf(config, form);
  const context = await setupSender(kem, config.publicKey, info);
  const sealed =
    form === 'whole' ? [await context.stream.seal(message)] : [encodeVarint(0), await context.stream.seal(message, FINAL)];
  return {
    bytes: concatBytes(header, context.encapsulated, ...sealed),
    opener: { encapsulated: context.encapsulated, secret: context.export(LABELS[form].response, RESPONSE_NONCE_LENGTH) },
  };
}

/** A key pair under the key id that its configuration announces. */
export interface KeyHolder {
  readonly keyId: number;
  readonly keyPair: KemKeyPair;
}

export interface DecapsulatedRequest {
  readonly message: Uint8Array;
  /** Unique per request; claim it once to refuse replays. */
  readonly encapsulated: Uint8Array;
  readonly form: Form;
  readonly secret: Uint8Array;
}

/**
 * Opens a request of either form.
 * @throws {ChannelError} `channel/key-unknown` (fetch the key configuration again), `channel/suite-unsupported`,
 * `channel/decryption-failed`, `channel/truncated`, `channel/oversize`, `channel/message-malformed`.
 * @example
 * const request = await decapsulateRequest(bytes, 'whole', holders);
 * const answer = await encapsulateResponse(request, message);
 */
export async function decapsulateRequest(
  bytes: Uint8Array,
  form: Form,
  holders: readonly KeyHolder[],
): Promise<DecapsulatedRequest> {
  if (bytes.length < HEADER_LENGTH) throw new ChannelError('channel/truncated', 'expected an OHTTP header of 7 bytes');
  const holder = holders.find(({ keyId }) => keyId === bytes[0]);
  if (!holder) throw new ChannelError('channel/key-unknown', 'this key is not in use; fetch and verify the attestation again');
  const { header, info } = envelopeOf({ keyId: holder.keyId, kem: holder.keyPair.kem }, form);
  if (!equalBytes(bytes.subarray(0, HEADER_LENGTH), header)) {
    throw new ChannelError('channel/suite-unsupported', 'expected the KEM, KDF and AEAD of the key configuration');
  }
  const kem = kemById(holder.keyPair.kem);
  const bodyStart = HEADER_LENGTH + (kem?.encapsulatedLength ?? 0);
  if (bytes.length < bodyStart) throw new ChannelError('channel/truncated', 'expected an encapsulated key behind the header');
  const encapsulated = bytes.slice(HEADER_LENGTH, bodyStart);
  const context = await setupRecipient(holder.keyPair, encapsulated, info);
  const body = bytes.subarray(bodyStart);
  const message = form === 'whole' ? await context.stream.open(body) : await openChunks(context, body);
  return { message, encapsulated, form, secret: context.export(LABELS[form].response, RESPONSE_NONCE_LENGTH) };
}

async function openChunks(context: HpkeContext, body: Uint8Array): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for (let offset = 0; ; ) {
    const length = decodeVarint(body, offset);
    if (!length) throw new ChannelError('channel/truncated', 'the request ends before its final chunk');
    if (length.value === 0) {
      parts.push(await context.stream.open(body.subarray(length.next), FINAL));
      return concatBytes(...parts);
    }
    if (length.value > MAX_CHUNK_BYTES)
      throw new ChannelError('channel/oversize', `expected chunks of at most ${MAX_CHUNK_BYTES} bytes`);
    offset = length.next + length.value;
    if (offset > body.length) throw new ChannelError('channel/truncated', 'the request ends inside a chunk');
    parts.push(await context.stream.open(body.subarray(length.next, offset)));
  }
}

/**
 * Encrypts a whole answer to the sender of `request`.
 * @example
 * const request = await decapsulateRequest(bytes, 'whole', holders);
 * const answer = await encapsulateResponse(request, message);
 */
export async function encapsulateResponse(
  request: Pick<DecapsulatedRequest, 'encapsulated' | 'secret'>,
  message: Uint8Array,
): Promise<Uint8Array> {
  const nonce = freshNonce();
  return concatBytes(nonce, await responseStream(request.secret, request.encapsulated, nonce).seal(message));
}

/**
 * @throws {ChannelError} `channel/truncated`, `channel/decryption-failed`.
 * @example
 * const { bytes: sent, opener } = await encapsulateRequest(config, message);
 * const answer = await decapsulateResponse(opener, await post(sent));
 */
export async function decapsulateResponse(opener: ResponseOpener, bytes: Uint8Array): Promise<Uint8Array> {
  if (bytes.length < RESPONSE_NONCE_LENGTH)
    throw new ChannelError('channel/truncated', 'expected a response nonce of 32 bytes');
  const stream = responseStream(opener.secret, opener.encapsulated, bytes.subarray(0, RESPONSE_NONCE_LENGTH));
  return stream.open(bytes.subarray(RESPONSE_NONCE_LENGTH));
}

/**
 * Encrypts an answer chunk by chunk as it is produced; an empty chunk sealed as `final` ends it.
 * @example for await (const piece of encapsulateChunks(request, chunks)) console.log(piece.length)
 */
export async function* encapsulateChunks(
  request: Pick<DecapsulatedRequest, 'encapsulated' | 'secret'>,
  chunks: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  const nonce = freshNonce();
  const stream = responseStream(request.secret, request.encapsulated, nonce);
  let begun = false;
  for await (const chunk of chunks) {
    for (let offset = 0; offset < chunk.length; offset += MAX_CHUNK_BYTES / 2) {
      const sealed = await stream.seal(chunk.subarray(offset, offset + MAX_CHUNK_BYTES / 2));
      const framed = concatBytes(encodeVarint(sealed.length), sealed);
      yield begun ? framed : concatBytes(nonce, framed);
      begun = true;
    }
  }
  const end = concatBytes(encodeVarint(0), await stream.seal(new Uint8Array(0), FINAL));
  yield begun ? end : concatBytes(nonce, end);
}

/**
 * A chunked answer that is known whole: one chunk, sealed as `final`.
 * @param message at most {@link MAX_CHUNK_BYTES}.
 * @throws {ChannelError} `channel/oversize`.
 * @example const answer = await encapsulateFinalChunk(await decapsulateRequest(bytes, 'chunked', holders), message)
 */
export async function encapsulateFinalChunk(
  request: Pick<DecapsulatedRequest, 'encapsulated' | 'secret'>,
  message: Uint8Array,
): Promise<Uint8Array> {
  if (message.length > MAX_CHUNK_BYTES)
    throw new ChannelError('channel/oversize', `expected at most ${MAX_CHUNK_BYTES} bytes in one chunk`);
  const nonce = freshNonce();
  const sealed = await responseStream(request.secret, request.encapsulated, nonce).seal(message, FINAL);
  return concatBytes(nonce, encodeVarint(0), sealed);
}

/**
 * Whether a chunked answer that begins with `bytes` consists of its final chunk alone, as {@link encapsulateFinalChunk} makes them;
 * `null` as long as too few bytes are there to tell.
 * @example if (isFinalChunkAlone(bytes) === true) console.log(await decapsulateFinalChunk(opener, bytes))
 */
export function isFinalChunkAlone(bytes: Uint8Array): boolean | null {
  const length = decodeVarint(bytes, RESPONSE_NONCE_LENGTH);
  return length === null ? null : length.value === 0;
}

/**
 * Opens a whole answer that {@link isFinalChunkAlone}.
 * @throws {ChannelError} `channel/truncated`, `channel/decryption-failed` (also when it was cut), `channel/oversize`.
 * @example if (isFinalChunkAlone(bytes) === true) console.log(await decapsulateFinalChunk(opener, bytes))
 */
export async function decapsulateFinalChunk(opener: ResponseOpener, bytes: Uint8Array): Promise<Uint8Array> {
  const length = decodeVarint(bytes, RESPONSE_NONCE_LENGTH);
  if (length?.value !== 0) throw new ChannelError('channel/truncated', 'expected an answer of one final chunk');
  if (bytes.length > MAX_FINAL_CHUNK) throw new ChannelError('channel/oversize', 'the final chunk is too long');
  const stream = responseStream(opener.secret, opener.encapsulated, bytes.subarray(0, RESPONSE_NONCE_LENGTH));
  return stream.open(bytes.subarray(length.next), FINAL);
}

/**
 * Decrypts a chunked answer as it arrives; each piece is authenticated before it is yielded.
 * @throws {ChannelError} `channel/truncated` when the stream ends before its final chunk, `channel/decryption-failed`, `channel/oversize`.
 * @example for await (const piece of decapsulateChunks(opener, source)) console.log(piece.length)
 */
export async function* decapsulateChunks(
  opener: ResponseOpener,
  source: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  let pending: Uint8Array = new Uint8Array(0);
  let stream: ReturnType<typeof responseStream> | null = null;
  let final = false;
  for await (const piece of source) {
    pending = concatBytes(pending, piece);
    if (!stream) {
      if (pending.length < RESPONSE_NONCE_LENGTH) continue;
      stream = responseStream(opener.secret, opener.encapsulated, pending.subarray(0, RESPONSE_NONCE_LENGTH));
      pending = pending.subarray(RESPONSE_NONCE_LENGTH);
    }
    while (!final) {
      const length = decodeVarint(pending, 0);
      if (!length) break;
      if (length.value > MAX_CHUNK_BYTES)
        throw new ChannelError('channel/oversize', `expected chunks of at most ${MAX_CHUNK_BYTES} bytes`);
      if (length.value === 0) {
        final = true;
        pending = pending.subarray(length.next);
      } else {
        const end = length.next + length.value;
        if (pending.length < end) break;
        yield await stream.open(pending.subarray(length.next, end));
        pending = pending.subarray(end);
      }
    }
    if (pending.length > MAX_CHUNK_BYTES + 16) throw new ChannelError('channel/oversize', 'the final chunk is too long');
  }
  if (!stream || !final) throw new ChannelError('channel/truncated', 'the answer ended before its final chunk; do not use it');
  const last = await stream.open(pending, FINAL);
  if (last.length > 0) yield last;
}
