/**
 * Services that sign their answers inside a TEE as upstream: RedPill, NEAR AI, the dstack vLLM proxy. Each model's report is verified for
 * a fresh nonce before a prompt for it leaves; each answer is held back at its end until its signature verified over the exact
 * bytes; report, collateral, signature and exchange become a proof (spec/proof.md).
 *
 * Where the report binds the service's TLS key and the platform can see it, every connection with a prompt must show it; with `sealed`,
 * prompts are encrypted to the attested signing key as well. Where neither holds, whoever terminates TLS can read prompts, and the verdict says so.
 */

import { ChannelError, readPieces, type TlsDialer, toReadableStream } from '@assay/channel';
import { bufferSource, concatBytes, decodeUtf8 } from '@assay/encoding/bytes';
import { EncodingError } from '@assay/encoding/errors';
import { encodeHex } from '@assay/encoding/hex';
import { parseJson } from '@assay/encoding/json';
import {
  encodeAnswerProof,
  type ProxyAttestation,
  proveAnswer,
  type SealedAnswer,
  type SealedChat,
  type SigningProxy,
  sealChat,
  UpstreamError,
  verifyProxy,
} from '@assay/upstream';
import { contentOf } from '../connection/answer-content.ts';
import { ClientError } from '../errors.ts';
import { sha256Hex } from '../judgement/digest.ts';
import { evidenceVerdict, type Verdict } from '../judgement/verdict.ts';
import { coded, refusedBy, serviceOf } from './attested-service.ts';
import { type ChannelStanding, requireChannel, withChannel } from './channel-standing.ts';
import { settledBy } from './proved-answer.ts';
import type { AnswerProof, ChannelDemand, ForwardedAnswer, UpstreamOptions, VerifiedUpstream } from './upstream.ts';

const MAX_ANSWER_BYTES = 64 * 1024 * 1024;
const MAX_LIST_BYTES = 4 * 1024 * 1024;
/**
 * @param url base of the service; `?model=` names the model whose report is verified first, otherwise the first one it lists.
 * @throws {ClientError} `client/attestation-refused`, `client/agent-unreachable`.
 */
export async function openSigningUpstream(url: URL, options: UpstreamOptions, kind: string): Promise<VerifiedUpstream> {
  const { channel = 'any', dialer = null } = options;
  // RedPill's gateway shows nodes in the back, whose TLS keys are those of other addresses.
  const askTlsKey = kind !== 'redpill' || channel === 'bound';
  const upstream = new SigningUpstream(url, kind, { ...(await serviceOf(url, options)), askTlsKey }, channel, dialer);
  await upstream.attested(url.searchParams.get('model') ?? (await upstream.firstModel()));
  return upstream;
}

/** One model's verification, and the service over the connections it allows. */
interface Verified {
  readonly attested: ProxyAttestation;
  readonly service: SigningProxy;
}

class SigningUpstream implements VerifiedUpstream {
  readonly kind: string;
  readonly url: URL;
  readonly #service: SigningProxy;
  readonly #channel: ChannelDemand;
  readonly #dialer: TlsDialer | null;
  readonly #attested = new Map<string, Verified>();
  #verdict: Verdict | null = null;
  /** The service over the connections that the newest verification allows. */
  #newest: SigningProxy | null = null;

  constructor(url: URL, kind: string, service: SigningProxy, channel: ChannelDemand, dialer: TlsDialer | null) {
    this.url = url;
    this.kind = kind;
    this.#service = service;
    this.#channel = channel;
    this.#dialer = dialer;
  }

  get verdict(): Verdict {
    if (this.#verdict === null) throw new Error('openUpstream() hands an upstream out after it was verified');
    return this.#verdict;
  }

  async firstModel(): Promise<string> {
    const { keyBeforeVerdict, apiKey } = this.#service;
    const open = { ...this.#service, apiKey: keyBeforeVerdict === true ? apiKey : null };
    const answer = await this.#send(open, '/v1/models', { method: 'GET' });
    const id = answer.ok ? await firstIdOf(answer) : null;
    if (id !== null) return id;
    throw new ClientError(
      'client/agent-unreachable',
      `expected a list of models from ${this.url.origin}, got status ${answer.status}; name one: ${this.url.origin}/?model=…`,
    );
  }

  /** The verification of `model` that holds now. @throws {ClientError} before any prompt leaves. */
  async attested(model: string): Promise<Verified> {
    const known = this.#attested.get(model);
    if (known !== undefined && known.attested.expiresAt > this.#service.now()) return known;
    this.#attested.delete(model);
    const fresh = await coded('client/attestation-refused', () => verifyProxy(this.#service, model));
    const standing = this.#standing(fresh);
    const verdict = withChannel(evidenceVerdict(fresh.result, fresh.verifiedAt), standing);
    if (verdict.outcome !== 'accepted') throw refusedBy(verdict, `${model} at ${this.url.origin}`);
    requireChannel(this.#channel, standing, this.url.origin);
    const { pin } = standing;
    const bound = pin === null || this.#dialer === null ? this.#service : { ...this.#service, fetch: this.#dialer.pinned(pin) };
    const verified = { attested: fresh, service: bound };
    this.#attested.set(model, verified);
    this.#verdict = verdict;
    this.#newest = bound;
    return verified;
  }

  #standing({ tlsKey, publicKey }: ProxyAttestation): ChannelStanding {
    const visible = this.#dialer !== null && this.url.protocol === 'https:';
    return {
      pin: visible ? tlsKey : null,
      sealedTo: this.#channel === 'sealed' ? publicKey : null,
      unpinned: tlsKey === null ? 'its report binds no TLS key' : 'its TLS key cannot be seen from here',
    };
  }

  async forward(request: Request): Promise<ForwardedAnswer> {
    const { pathname, search } = new URL(request.url);
    const { method, signal } = request;
    if (method === 'GET' || method === 'HEAD') {
      const response = await this.#send(this.#newest ?? this.#service, pathname + search, { method, signal });
      return { response, proof: Promise.resolve(null) };
    }
    const sent = new Uint8Array(await request.arrayBuffer());
    const verified = await this.attested(modelOf(sent));
    const sealed = this.#channel === 'sealed' ? await this.#seal(verified, pathname, sent) : null;
    const wire = { sent: sealed?.body ?? sent, received: [] as Uint8Array[] };
    const init = { method, signal, body: bufferSource(wire.sent), headers: sealed?.headers ?? {} };
    const response = await this.#send(verified.service, pathname + search, init).catch((error: unknown) => {
      if (ChannelError.is(error)) this.#attested.delete(verified.attested.model); // verified anew next time
      throw error;
    });
    if (!response.ok || response.body === null) return { response, proof: Promise.resolve(null) };
    const prove = (): Promise<AnswerProof> => this.#prove(verified, wire.sent, concatBytes(...wire.received));
    const headers = { 'content-type': response.headers.get('content-type') ?? 'application/json' };
    const body = readable(response, wire.received, sealed);
    if (headers['content-type'].startsWith('text/event-stream')) {
      return settledBy(new Response(body, { headers }), prove);
    }
    const received = await new Response(body).arrayBuffer();
    const proof = await prove();
    return { response: new Response(received, { headers }), proof: Promise.resolve(proof) };
  }

  #seal({ attested }: Verified, path: string, sent: Uint8Array): Promise<SealedChat> {
    return coded('client/not-sealable', () => sealChat(attested, path, sent, this.#service.now()));
  }

  async #send({ base, apiKey, fetch }: SigningProxy, path: string, init: RequestInit): Promise<Response> {
    try {
      return await fetch(`${base}${path}`, {
        ...init,
        headers: {
          'content-type': 'application/json',
          'accept-encoding': 'identity', // signatures are over what the service sent, uncompressed
          ...(apiKey === null ? {} : { authorization: `Bearer ${apiKey}` }),
          ...(init.headers as Readonly<Record<string, string>> | undefined),
        },
        redirect: 'error', // a redirect could carry key and prompt elsewhere
      });
    } catch (cause) {
      if (ChannelError.is(cause)) throw cause;
      throw new ClientError('client/agent-unreachable', `no answer from ${base}; check the address and the network`, { cause });
    }
  }

  async #prove({ attested, service }: Verified, sent: Uint8Array, received: Uint8Array): Promise<AnswerProof> {
    const proved = await coded('client/proof-refused', () => proveAnswer(service, attested, { sent, received }));
    const { chatId, signature, document } = proved;
    const bytes = encodeAnswerProof({
      ...{ service: this.url.origin, model: attested.model, time: attested.verifiedAt, nonce: attested.nonce },
      ...{ report: attested.report, endorsements: attested.endorsements, signature: document },
      request: { hash: await sha256Hex(sent), bytes: sent },
      response: { hash: await sha256Hex(received), bytes: received },
    });
    const simulated = this.verdict.simulated ? 'SIMULATED ' : '';
    const signer = `${signature.algorithm} key ${encodeHex(signature.address)}`;
    const sealed = this.#channel === 'sealed' ? 'sealed ' : '';
    return { id: chatId, bytes, summary: `${simulated}${sealed}answer of ${attested.model} signed by the attested ${signer}` };
  }
}

/** The answer in clear; the bytes as they came, which the signature is over, are kept in `wire`. */
function readable(response: Response, wire: Uint8Array[], sealed: SealedChat | null): ReadableStream<Uint8Array> {
  let length = 0;
  const keep = new TransformStream<Uint8Array, Uint8Array>({
    transform(piece, controller) {
      length += piece.length;
      if (length > MAX_ANSWER_BYTES)
        throw new ClientError('client/proof-refused', `the answer is longer than ${MAX_ANSWER_BYTES} bytes; ask for less`);
      wire.push(piece);
      controller.enqueue(piece);
    },
  });
  const kept = (response.body as ReadableStream<Uint8Array>).pipeThrough(keep);
  if (sealed === null) return kept;
  return toReadableStream(opened(sealed, { headers: response.headers, body: readPieces(kept) }));
}

async function* opened(sealed: SealedChat, answer: SealedAnswer): AsyncGenerator<Uint8Array> {
  try {
    yield* sealed.open(answer);
  } catch (cause) {
    if (!UpstreamError.is(cause)) throw cause;
    throw new ClientError('client/proof-refused', `${cause.code}: ${cause.message}`, { cause, details: { code: cause.code } });
  }
}

/** The first model of a list; `null` for anything else. */
async function firstIdOf(answer: Response): Promise<string | null> {
  try {
    const list = parseJson(await contentOf(answer, MAX_LIST_BYTES)) as { readonly data?: readonly { readonly id?: unknown }[] };
    const id = list.data?.[0]?.id;
    return typeof id === 'string' ? id : null;
  } catch (error) {
    if (ClientError.is(error) || EncodingError.is(error)) return null;
    throw error;
  }
}

function modelOf(body: Uint8Array): string {
  try {
    const { model } = JSON.parse(decodeUtf8(body)) as { readonly model?: unknown };
    if (typeof model === 'string' && model !== '') return model;
  } catch {
    // Falls through to the one error below.
  }
  throw new ClientError('client/agent-refused', 'expected a JSON request that names its model; nothing was sent');
}
