/**
 * Encrypted HTTP bodies in the wire format of EHBP (tinfoilsh/encrypted-http-body-protocol, SPEC.md §4): headers stay readable for
 * routers, bodies are frames of `u32 length ‖ ciphertext`.
 *
 * Weaker than OHTTP and offered for compatibility: method, path and headers are in clear, and the end of a body is not
 * authenticated. Assay's own answers therefore end with an application-level end mark (SSE `[DONE]`, a complete JSON document), which
 * the client checks.
 */

import { concatBytes, utf8 } from '@assay/encoding/bytes';
import { ChannelError } from '../errors.ts';
import type { AeadStream } from '../hpke/aead.ts';
import { setupRecipient, setupSender } from '../hpke/hpke.ts';
import { type KemKeyPair, kemById } from '../hpke/kem.ts';
import { type KeyConfig, kemOf } from '../ohttp/key-config.ts';
import { RESPONSE_NONCE_LENGTH, responseStream } from '../ohttp/response-key.ts';

export const ENCAPSULATED_KEY_HEADER = 'ehbp-encapsulated-key';
export const RESPONSE_NONCE_HEADER = 'ehbp-response-nonce';
/** `type` of the problem document with status 422 that asks a client to verify the keys again. */
export const KEY_CONFIG_PROBLEM = 'urn:ietf:params:ehbp:error:key-config';
export const MAX_FRAME_BYTES: number = 16 * 1024 * 1024;

const REQUEST_INFO = utf8('ehbp request');
const RESPONSE_LABEL = utf8('ehbp response');

/** One exchange seen from either end: seal or open the request's frames, then the answer's. */
export interface EhbpExchange {
  readonly encapsulated: Uint8Array;
  readonly request: AeadStream;
  /** The answer's stream under a nonce of 32 bytes. */
  response(nonce: Uint8Array): AeadStream;
}

/**
 * The client's end. Send `encapsulated` as lower-case hex in {@link ENCAPSULATED_KEY_HEADER}.
 * @example const { encapsulated, request } = await openExchange(config); const frame = await sealFrame(request, body)
 */
export async function openExchange(config: KeyConfig): Promise<EhbpExchange> {
  const kem = kemOf(config);
  return exchange(await setupSender(kem, config.publicKey, REQUEST_INFO));
}

/**
 * The server's end.
 * @throws {ChannelError} `channel/message-malformed`, `channel/decryption-failed`.
 * @example
 * const { request } = await acceptExchange(keyPair, encapsulated);
 * for await (const piece of openFrames(request, frames)) console.log(piece.length);
 */
export async function acceptExchange(keyPair: KemKeyPair, encapsulated: Uint8Array): Promise<EhbpExchange> {
  if (encapsulated.length !== kemById(keyPair.kem)?.encapsulatedLength) {
    throw new ChannelError('channel/message-malformed', 'expected an encapsulated key of the announced KEM');
  }
  return exchange(await setupRecipient(keyPair, encapsulated, REQUEST_INFO));
}

function exchange(context: Awaited<ReturnType<typeof setupSender>>): EhbpExchange {
  return {
    encapsulated: context.encapsulated,
    request: context.stream,
    response: (nonce) => {
      if (nonce.length !== RESPONSE_NONCE_LENGTH)
        throw new ChannelError('channel/message-malformed', 'expected a response nonce of 32 bytes');
      return responseStream(context.export(RESPONSE_LABEL, RESPONSE_NONCE_LENGTH), context.encapsulated, nonce);
    },
  };
}

/**
 * Seals one piece of a body as one frame.
 * @example
 * const { request } = await openExchange(config);
 * const frame = await sealFrame(request, utf8('{"prompt":"hi"}'));
 */
export async function sealFrame(stream: AeadStream, piece: Uint8Array): Promise<Uint8Array> {
  const sealed = await stream.seal(piece);
  const length = new Uint8Array(4);
  new DataView(length.buffer).setUint32(0, sealed.length);
  return concatBytes(length, sealed);
}

/**
 * Opens the frames of a body as they arrive.
 * @throws {ChannelError} `channel/truncated` for a cut frame, `channel/oversize`, `channel/decryption-failed`.
 * @example
 * const { request } = await acceptExchange(keyPair, encapsulated);
 * for await (const piece of openFrames(request, source)) console.log(piece.length);
 */
export async function* openFrames(stream: AeadStream, source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let pending: Uint8Array = new Uint8Array(0);
  for await (const piece of source) {
    pending = pending.length === 0 ? piece : concatBytes(pending, piece);
    while (pending.length >= 4) {
      const length = new DataView(pending.buffer, pending.byteOffset, 4).getUint32(0);
      if (length > MAX_FRAME_BYTES)
        throw new ChannelError('channel/oversize', `expected frames of at most ${MAX_FRAME_BYTES} bytes`);
      if (pending.length < 4 + length) break;
      if (length > 0) yield await stream.open(pending.subarray(4, 4 + length));
      pending = pending.subarray(4 + length);
    }
  }
  if (pending.length > 0) throw new ChannelError('channel/truncated', 'the body ends inside a frame; do not use it');
}
