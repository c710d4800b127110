/**
 * Encrypted bodies in EHBP's wire format (spec/channel.md §4), for clients that speak it: the headers stay readable for routers, the
 * body and the answer's body are sealed to the X25519 key of the attested keyset. Each encapsulated key is accepted once.
 */

import {
  acceptExchange,
  ChannelError,
  type EhbpExchange,
  ENCAPSULATED_KEY_HEADER,
  KEY_CONFIG_PROBLEM,
  openFrames,
  RESPONSE_NONCE_HEADER,
  readPieces,
  sealFrame,
  toReadableStream,
} from '@assay/channel';
import { concatBytes } from '@assay/encoding/bytes';
import { decodeHex, encodeHex } from '@assay/encoding/hex';
import { ServerError } from '../../errors.ts';
import type { ChannelKeys } from '../../identity/channel-keys.ts';
import { readBody } from '../held-bodies.ts';
import { claimRefusal, openingRefusal } from './refusals.ts';

export interface EhbpOptions {
  readonly keys: ChannelKeys;
  readonly handle: (request: Request) => Promise<Response>;
  /** Longest encrypted body, bytes. */
  readonly maxRequestBytes: number;
  /** `stranger` for a request without the key that this agent asks for. */
  readonly sender: 'known' | 'stranger';
  /** Epoch milliseconds. */
  readonly now: () => number;
}

/** Room for the lengths and tags of small frames, bytes. */
const FRAMES_MARGIN = 64 * 1024;

/** True when a request's body is sealed in EHBP's way. */
export function isEhbp(request: Request): boolean {
  return request.headers.has(ENCAPSULATED_KEY_HEADER);
}

/**
 * Opens the request, has it handled, and seals the answer to its sender.
 * @throws {ServerError} for a request that cannot be opened.
 */
export async function answerEhbp(request: Request, options: EhbpOptions): Promise<Response> {
  let exchange: EhbpExchange;
  let body: Uint8Array;
  try {
    ({ exchange, body } = await open(request, options));
  } catch (error) {
    if (ServerError.is(error)) throw error;
    return openingRefusal(error, 'a body sealed to a key of the attested keyset', KEY_CONFIG_PROBLEM);
  }
  const refused = claimRefusal(options.keys.claim(exchange.encapsulated));
  if (refused !== null) return refused;
  const headers = new Headers(request.headers);
  for (const name of [ENCAPSULATED_KEY_HEADER, 'content-length', 'transfer-encoding']) headers.delete(name);
  const answer = await options.handle(new Request(request.url, { method: request.method, headers, body: body as BodyInit }));
  return seal(answer, exchange);
}

/** EHBP's requests name no key, so each one in use is tried; while keysets change there are two. */
async function open(request: Request, options: EhbpOptions): Promise<{ exchange: EhbpExchange; body: Uint8Array }> {
  const encapsulated = decodeHex(request.headers.get(ENCAPSULATED_KEY_HEADER) ?? '');
  const most = options.maxRequestBytes;
  const sealed = await readSealed(request, most + most / 8 + FRAMES_MARGIN, options.sender);
  let failure: unknown = new ChannelError('channel/key-unknown', 'the channel key has expired');
  for (const baseline of options.keys.baselines(Math.floor(options.now() / 1000))) {
    try {
      const exchange = await acceptExchange(baseline, encapsulated);
      return { exchange, body: await openBody(sealed, exchange, most) };
    } catch (error) {
      failure = error;
      if (!ChannelError.is(error) || error.code !== 'channel/decryption-failed') break;
    }
  }
  throw failure;
}

async function readSealed(request: Request, most: number, sender: EhbpOptions['sender']): Promise<Uint8Array> {
  const sealed = await readBody(request, { most, sender, tooLong: () => oversize(most) });
  if (sealed.length === 0) throw new ChannelError('channel/message-malformed', 'expected a sealed body');
  return sealed;
}

function oversize(most: number): ChannelError {
  return new ChannelError('channel/oversize', `expected a body of at most ${most} bytes`);
}

async function openBody(sealed: Uint8Array, exchange: EhbpExchange, most: number): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  async function* once(): AsyncGenerator<Uint8Array> {
    yield sealed;
  }
  let length = 0;
  for await (const piece of openFrames(exchange.request, once())) {
    length += piece.length;
    if (length > most) throw oversize(most);
    parts.push(piece);
  }
  // An empty body authenticates nothing: anybody could have made the encapsulated key.
  if (length === 0) throw new ChannelError('channel/message-malformed', 'expected a sealed body that is not empty');
  return concatBytes(...parts);
}

function seal(answer: Response, exchange: EhbpExchange): Response {
  const nonce = crypto.getRandomValues(new Uint8Array(32));
  const stream = exchange.response(nonce);
  const headers = new Headers(answer.headers);
  headers.delete('content-length');
  headers.set(RESPONSE_NONCE_HEADER, encodeHex(nonce));
  const source = answer.body;
  async function* frames(): AsyncGenerator<Uint8Array> {
    if (source !== null) for await (const piece of readPieces(source)) yield await sealFrame(stream, piece);
  }
  return new Response(toReadableStream(frames()), { status: answer.status, headers });
}
