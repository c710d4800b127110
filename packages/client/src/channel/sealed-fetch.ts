/**
 * A `fetch` whose requests and answers are encrypted to an attested key, so that nobody between this process and the enclave reads
 * or changes them: method, path, headers and body travel as Oblivious HTTP (RFC 9458, chunked).
 *
 * The caller has verified that `config.publicKey` stands in the attested keyset; nothing is negotiated here, and an answer that is
 * not encrypted is never handed on.
 */

import {
  ChannelError,
  decapsulateChunks,
  encapsulateRequest,
  encodeRequest,
  type KeyConfig,
  MEDIA_TYPES,
  RESEND_HEADER,
  ResponseDecoder,
  readPieces,
  resendOf,
  toReadableStream,
} from '@assay/channel';
import { ClientError } from '../errors.ts';

export interface SealedFetchOptions {
  readonly config: KeyConfig;
  /** Where encapsulated requests go: the agent's gateway, or a relay in front of it. */
  readonly gateway: URL;
  readonly fetch?: typeof fetch;
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

export interface AttestedKey {
  readonly config: KeyConfig;
  readonly keysetDigest: string;
}

/** A keyset may be replaced again while a request is on its way. */
const MOST_ATTEMPTS = 4;
/** Requests that change nothing may be sent again without asking. */
const SAFE: ReadonlySet<string> = new Set(['GET', 'HEAD']);

/**
 * A refusal comes in clear, so it proves nothing: whoever is in between may have let the request through as well. What is sent again
 * therefore names the refused request inside the channel, and the enclave answers only when it did not accept that one (spec/channel.md §6).
 *
 * @throws {ChannelError} `channel/response-unencrypted`, `channel/truncated`, `channel/decryption-failed`, `channel/key-unknown`;
 * {ClientError} `client/request-unsettled` when the refused request was accepted after all, or nobody can tell.
 */
export function createSealedFetch(options: SealedFetchOptions): typeof fetch {
  const { renewal } = options;
  let key: AttestedKey = { config: options.config, keysetDigest: renewal?.keysetDigest ?? '' };
  const send = options.fetch ?? fetch;
  return async (input, init) => {
    const request = new Request(input, init);
    const body = new Uint8Array(await request.arrayBuffer());
    const exchange = async (
      config: KeyConfig,
      more: readonly [string, string][],
    ): Promise<{ answer: Response; opener: Parameters<typeof decapsulateChunks>[0] }> => {
      const sealed = await encapsulateRequest(config, encode(request, body, more), 'chunked');
      const answer = await send(options.gateway, {
        method: 'POST',
        headers: { 'content-type': MEDIA_TYPES.chunkedRequest },
        body: sealed.bytes as BodyInit,
        redirect: 'error',
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
    const opened = await open(answer.body, opener, request.signal);
    if (before.length > 0) await assertSettled(opened);
    return opened;
  };
}

/** @throws {ClientError} `client/request-unsettled` for the enclave's own word that the refused request must not be repeated. */
async function assertSettled(answer: Response): Promise<void> {
  if (answer.status !== 409 || answer.headers.get('content-type') !== 'application/problem+json') return;
  const problem = (await answer
    .clone()
    .json()
    .catch(() => ({}))) as { readonly code?: unknown };
  if (problem.code === 'channel/replayed')
    throw new ClientError(
      'client/request-unsettled',
      'the request was refused on its way and yet answered; it was not repeated. Look for its receipt before you ask again',
    );
  if (problem.code === 'channel/resend-unsettled')
    throw new ClientError(
      'client/request-unsettled',
      'the agent was started anew and cannot tell whether it answered this request; it was not repeated. Ask again if that does no harm',
    );
}

function encode(request: Request, body: Uint8Array, more: readonly [string, string][]): Uint8Array {
  const url = new URL(request.url);
  return encodeRequest({
    method: request.method,
    scheme: url.protocol.slice(0, -1),
    authority: url.host,
    path: url.pathname + url.search,
    headers: [...[...request.headers].filter(([name]) => name !== RESEND_HEADER), ...more],
    body,
  });
}

/** What came in clear is not the enclave's word: it is quoted as a hint and never returned as an answer. */
async function refusedInClear(answer: Response): Promise<ChannelError> {
  const text = (await answer.text()).slice(0, 300);
  if (answer.status === 422)
    return new ChannelError('channel/key-unknown', 'the enclave does not know this key; verify its attestation again');
  return new ChannelError(
    'channel/response-unencrypted',
    `expected an encrypted answer, got status ${answer.status} in clear: ${text}`,
  );
}

async function open(
  body: ReadableStream<Uint8Array>,
  opener: Parameters<typeof decapsulateChunks>[0],
  signal: AbortSignal,
): Promise<Response> {
  const decoder = new ResponseDecoder();
  const pieces = decapsulateChunks(opener, readPieces(body, signal));
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
  const { status, headers } = decoder.head;
  const empty = status === 204 || status === 205 || status === 304;
  return new Response(empty ? null : toReadableStream(content()), {
    status,
    headers: headers.map(([name, value]) => [name, value] as [string, string]),
  });
}
