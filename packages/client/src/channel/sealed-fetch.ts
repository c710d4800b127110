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
  ResponseDecoder,
  readPieces,
  toReadableStream,
} from '@assay/channel';

export interface SealedFetchOptions {
  readonly config: KeyConfig;
  /** Where encapsulated requests go: the agent's gateway, or a relay in front of it. */
  readonly gateway: URL;
  readonly fetch?: typeof fetch;
  /** Called when the enclave does not know the key any more; verify its attestation again and return the new key. */
  readonly onKeyUnknown?: () => Promise<KeyConfig>;
}

/** @throws {ChannelError} `channel/response-unencrypted`, `channel/truncated`, `channel/decryption-failed`, `channel/key-unknown`. */
export function createSealedFetch(options: SealedFetchOptions): typeof fetch {
  let config = options.config;
  const send = options.fetch ?? fetch;
  return async (input, init) => {
    const request = new Request(input, init);
    const body = new Uint8Array(await request.arrayBuffer());
    const exchange = async (): Promise<{ answer: Response; opener: Parameters<typeof decapsulateChunks>[0] }> => {
      const sealed = await encapsulateRequest(config, encode(request, body), 'chunked');
      const answer = await send(options.gateway, {
        method: 'POST',
        headers: { 'content-type': MEDIA_TYPES.chunkedRequest },
        body: sealed.bytes as BodyInit,
        redirect: 'error',
        signal: request.signal,
      });
      return { answer, opener: sealed.opener };
    };
    let { answer, opener } = await exchange();
    if (answer.status === 422 && options.onKeyUnknown) {
      await answer.body?.cancel();
      config = await options.onKeyUnknown();
      ({ answer, opener } = await exchange());
    }
    if (answer.headers.get('content-type') !== MEDIA_TYPES.chunkedResponse || !answer.body) throw await refusedInClear(answer);
    return open(answer.body, opener, request.signal);
  };
}

function encode(request: Request, body: Uint8Array): Uint8Array {
  const url = new URL(request.url);
  return encodeRequest({
    method: request.method,
    scheme: url.protocol.slice(0, -1),
    authority: url.host,
    path: url.pathname + url.search,
    headers: [...request.headers],
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
