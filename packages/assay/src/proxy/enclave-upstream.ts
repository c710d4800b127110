/**
 * Tinfoil's enclaves as upstream: the document of `/.well-known/tinfoil-attestation` is verified for a fresh nonce, every prompt is sealed to the HPKE
 * key it binds (EHBP), and connections show the TLS key it binds where the platform can see one. No prompt leaves in clear, and no answer
 * in clear is handed on as one.
 *
 * Not proved to others: nobody signs answers, so an answer leaves no proof for the file. Lists (`GET`) travel over TLS alone.
 */

import {
  type AnswerShape,
  ChannelError,
  postSealed,
  readPieces,
  type TlsDialer,
  toReadableStream,
  X25519,
} from '@assay/channel';
import { decodeUtf8 } from '@assay/encoding/bytes';
import { decodeHex } from '@assay/encoding/hex';
import { type AttestedService, type EnclaveAttestation, verifyEnclave } from '@assay/upstream';
import { ClientError } from '../errors.ts';
import { evidenceVerdict, type Verdict } from '../judgement/verdict.ts';
import { coded, refusedBy, serviceOf } from './attested-service.ts';
import { withChannel } from './channel-standing.ts';
import type { ForwardedAnswer, UpstreamOptions, VerifiedUpstream } from './upstream.ts';

const LIMITS = [
  'That an answer came from the enclave, to others than you: nobody signs answers there.',
  'What stands behind the enclave: the keys are those of the one that connections end in, which may be a router.',
] as const;

/** @throws {ClientError} `client/attestation-refused`, `client/agent-unreachable`. */
export async function openEnclaveUpstream(url: URL, options: UpstreamOptions, kind: string): Promise<VerifiedUpstream> {
  const upstream = new EnclaveUpstream(url, kind, await serviceOf(url, options), options.dialer ?? null);
  await upstream.attested();
  return upstream;
}

class EnclaveUpstream implements VerifiedUpstream {
  readonly kind: string;
  readonly url: URL;
  readonly #service: AttestedService;
  readonly #dialer: TlsDialer | null;
  #attested: EnclaveAttestation | null = null;
  #verdict: Verdict | null = null;

  constructor(url: URL, kind: string, service: AttestedService, dialer: TlsDialer | null) {
    this.url = url;
    this.kind = kind;
    this.#service = service;
    this.#dialer = dialer;
  }

  get verdict(): Verdict {
    if (this.#verdict === null) throw new Error('openUpstream() hands an upstream out after it was verified');
    return this.#verdict;
  }

  /** The verification that holds now. @throws {ClientError} before any prompt leaves. */
  async attested(): Promise<EnclaveAttestation> {
    const known = this.#attested;
    if (known !== null && known.expiresAt > this.#service.now()) return known;
    this.#attested = null;
    const fresh = await coded('client/attestation-refused', () => verifyEnclave(this.#service));
    const found = evidenceVerdict(fresh.result, fresh.verifiedAt);
    if (found.outcome !== 'accepted') throw refusedBy(found, this.url.origin);
    const { tlsKey, hpkeKey } = fresh;
    const pin = this.#dialer !== null && this.url.protocol === 'https:' ? tlsKey : null;
    const verdict = withChannel(found, { pin, sealedTo: hpkeKey, unpinned: 'its TLS key cannot be seen from here' });
    this.#verdict = { ...verdict, limits: [...verdict.limits, ...LIMITS] };
    this.#attested = fresh;
    return fresh;
  }

  async forward(request: Request): Promise<ForwardedAnswer> {
    const { pathname, search } = new URL(request.url);
    const url = `${this.#service.base}${pathname}${search}`;
    const { method, signal } = request;
    try {
      if (method === 'GET' || method === 'HEAD') {
        const send = this.#connection(await this.attested());
        const response = await send(url, { method, signal, headers: this.#headers(), redirect: 'error' });
        return { response, proof: Promise.resolve(null) };
      }
      const body = new Uint8Array(await request.arrayBuffer());
      const post = (): Promise<Response> => this.#post(url, body, signal);
      const response = await post().catch((error: unknown) => {
        // The enclave knows the key no more and has not opened the request: verified anew, it may be sent again (SPEC.md §5.4.3).
        if (!ChannelError.is(error) || error.code !== 'channel/key-unknown') throw error;
        this.#attested = null;
        return post();
      });
      return watched(response);
    } catch (error) {
      if (ChannelError.is(error)) this.#attested = null; // verified anew next time
      if (ChannelError.is(error) || ClientError.is(error)) throw error;
      const message = `no answer from ${this.url.origin}; check the address and the network`;
      throw new ClientError('client/agent-unreachable', message, { cause: error });
    }
  }

  async #post(url: string, body: Uint8Array, signal: AbortSignal): Promise<Response> {
    const shape = shapeOf(body);
    const attested = await this.attested();
    const key = { keyId: 0, kem: X25519.id, publicKey: decodeHex(attested.hpkeKey) };
    const headers = this.#headers();
    const { response } = await postSealed(key, { url, headers, body, signal, shape, fetch: this.#connection(attested) });
    return response;
  }

  #connection({ tlsKey }: EnclaveAttestation): typeof globalThis.fetch {
    return this.#dialer !== null && this.url.protocol === 'https:' ? this.#dialer.pinned(tlsKey) : this.#service.fetch;
  }

  #headers(): Readonly<Record<string, string>> {
    const { apiKey } = this.#service;
    return { 'content-type': 'application/json', ...(apiKey === null ? {} : { authorization: `Bearer ${apiKey}` }) };
  }
}

/** The answer with a promise that tells how its body ended: whole, or in the channel's error. */
function watched(response: Response): ForwardedAnswer {
  const { body } = response;
  if (body === null) return { response, proof: Promise.resolve(null) };
  let settle: { readonly resolve: (proof: null) => void; readonly reject: (error: unknown) => void } | undefined;
  const proof = new Promise<null>((resolve, reject) => {
    settle = { resolve, reject };
  });
  proof.catch(() => undefined); // the body ends in the same error
  const pieces = async function* (): AsyncGenerator<Uint8Array> {
    try {
      yield* readPieces(body);
      settle?.resolve(null);
    } catch (error) {
      settle?.reject(error);
      throw error;
    }
  };
  const { status, statusText, headers } = response;
  return { response: new Response(toReadableStream(pieces()), { status, statusText, headers }), proof };
}

/** What a whole answer to this request looks like; EHBP does not say where one ends. */
function shapeOf(body: Uint8Array): AnswerShape {
  try {
    const { stream } = JSON.parse(decodeUtf8(body)) as { readonly stream?: unknown };
    return stream === true ? 'events' : 'document';
  } catch (cause) {
    throw new ClientError('client/agent-refused', 'expected a JSON request; nothing was sent', { cause });
  }
}
