/**
 * Services that sign their answers inside a TEE as upstream: RedPill, NEAR AI, the dstack vLLM proxy. Each model's report is verified for
 * a fresh nonce before a prompt for it leaves; each answer is held back at its end until its signature verified over the exact
 * bytes; report, collateral, signature and exchange become a proof (spec/proof.md).
 *
 * Not proved: that the connection ends in the TEE. Whoever terminates TLS for the service can read prompts; every verdict says so.
 */

import { AttestationError } from '@assay/attestation';
import {
  attestProxy,
  encodeAnswerProof,
  type ProxyAttestation,
  proveAnswer,
  type SigningProxy,
} from '@assay/attestation/services';
import { bufferSource, concatBytes, decodeUtf8 } from '@assay/encoding/bytes';
import { encodeHex } from '@assay/encoding/hex';
import { trustOf } from '../connection/attestation.ts';
import { ClientError } from '../errors.ts';
import { sha256Hex } from '../judgement/digest.ts';
import { evidenceVerdict, type Verdict } from '../judgement/verdict.ts';
import type { AnswerProof, ForwardedAnswer, UpstreamOptions, VerifiedUpstream } from './upstream.ts';

const MAX_ANSWER_BYTES = 64 * 1024 * 1024;
const OPEN_CONNECTION =
  'That nobody reads prompts on the way: the report vouches for the key that signs answers, not for the connection.';

/**
 * @param url base of the service; `?model=` names the model whose report is verified first, otherwise the first one it lists.
 * @throws {ClientError} `client/attestation-refused`, `client/agent-unreachable`.
 */
export async function openSigningUpstream(url: URL, options: UpstreamOptions, kind: string): Promise<VerifiedUpstream> {
  const upstream = new SigningUpstream(url, kind, await serviceOf(url, options));
  await upstream.attested(url.searchParams.get('model') ?? (await upstream.firstModel()));
  return upstream;
}

async function serviceOf(url: URL, options: UpstreamOptions): Promise<SigningProxy> {
  const { policy, anchors } = await trustOf(options);
  return {
    base: `${url.origin}${url.pathname.replace(/\/+$/, '').replace(/\/v1$/, '')}`,
    apiKey: options.apiKey ?? null,
    fetch: options.fetch ?? ((input, init) => fetch(input, init)),
    now: options.now ?? Date.now,
    policy,
    additionalAnchors: anchors,
    endorsements: options.endorsements ?? [],
    collateral: options.collateral ?? {},
  };
}

class SigningUpstream implements VerifiedUpstream {
  readonly kind: string;
  readonly url: URL;
  readonly #service: SigningProxy;
  readonly #attested = new Map<string, ProxyAttestation>();
  #verdict: Verdict | null = null;

  constructor(url: URL, kind: string, service: SigningProxy) {
    this.url = url;
    this.kind = kind;
    this.#service = service;
  }

  get verdict(): Verdict {
    if (this.#verdict === null) throw new ClientError('client/not-connected', 'use the upstream that openUpstream() returned');
    return this.#verdict;
  }

  async firstModel(): Promise<string> {
    const answer = await this.#send('/v1/models', { method: 'GET' });
    const { data } = (answer.ok ? await answer.json() : {}) as { readonly data?: readonly { readonly id?: unknown }[] };
    const id = data?.[0]?.id;
    if (typeof id === 'string') return id;
    throw new ClientError(
      'client/agent-unreachable',
      `expected a list of models from ${this.url.origin}, got status ${answer.status}; name one: ${this.url.origin}/?model=…`,
    );
  }

  /** The verification of `model` that holds now. @throws {ClientError} before any prompt leaves. */
  async attested(model: string): Promise<ProxyAttestation> {
    const known = this.#attested.get(model);
    if (known !== undefined && known.expiresAt > this.#service.now()) return known;
    this.#attested.delete(model);
    const fresh = await coded('client/attestation-refused', () => attestProxy(this.#service, model));
    const found = evidenceVerdict(fresh.result, fresh.verifiedAt);
    const verdict: Verdict = { ...found, limits: [...found.limits, OPEN_CONNECTION] };
    if (verdict.outcome !== 'accepted') {
      const failed = verdict.checks.find(({ outcome }) => outcome === 'fail');
      const reason = verdict.error?.message ?? `${failed?.id}: expected ${failed?.expected}, got ${failed?.actual}`;
      throw new ClientError(
        'client/attestation-refused',
        `${model} at ${this.url.origin} is ${verdict.outcome}: ${reason}. No prompt was sent to it.`,
        { details: { verdict } },
      );
    }
    this.#attested.set(model, fresh);
    this.#verdict = verdict;
    return fresh;
  }

  async forward(request: Request): Promise<ForwardedAnswer> {
    const { pathname, search } = new URL(request.url);
    const { method, signal } = request;
    if (method === 'GET' || method === 'HEAD') {
      return { response: await this.#send(pathname + search, { method, signal }), proof: Promise.resolve(null) };
    }
    const sent = new Uint8Array(await request.arrayBuffer());
    const attested = await this.attested(modelOf(sent));
    const response = await this.#send(pathname + search, { method, signal, body: bufferSource(sent) });
    if (!response.ok || response.body === null) return { response, proof: Promise.resolve(null) };
    const prove = (received: Uint8Array): Promise<AnswerProof> => this.#prove(attested, sent, received);
    const headers = { 'content-type': response.headers.get('content-type') ?? 'application/json' };
    if (headers['content-type'].startsWith('text/event-stream')) {
      const { body, proof } = heldBack(response.body, prove);
      return { response: new Response(body, { headers }), proof };
    }
    const received = new Uint8Array(await response.arrayBuffer());
    const proof = await prove(received);
    return { response: new Response(received, { headers }), proof: Promise.resolve(proof) };
  }

  async #send(path: string, init: RequestInit): Promise<Response> {
    const { base, apiKey, fetch } = this.#service;
    try {
      return await fetch(`${base}${path}`, {
        ...init,
        headers: {
          'content-type': 'application/json',
          'accept-encoding': 'identity', // signatures are over what the service sent, uncompressed
          ...(apiKey === null ? {} : { authorization: `Bearer ${apiKey}` }),
        },
        redirect: 'error', // a redirect could carry key and prompt elsewhere
      });
    } catch (cause) {
      throw new ClientError('client/agent-unreachable', `no answer from ${base}; check the address and the network`, { cause });
    }
  }

  async #prove(attested: ProxyAttestation, sent: Uint8Array, received: Uint8Array): Promise<AnswerProof> {
    const proved = await coded('client/proof-refused', () => proveAnswer(this.#service, attested, { sent, received }));
    const { chatId, signature, document } = proved;
    const bytes = encodeAnswerProof({
      ...{ service: this.url.origin, model: attested.model, time: attested.verifiedAt, nonce: attested.nonce },
      ...{ report: attested.report, endorsements: attested.endorsements, signature: document },
      request: { hash: await sha256Hex(sent), bytes: sent },
      response: { hash: await sha256Hex(received), bytes: received },
    });
    const simulated = this.verdict.simulated ? 'SIMULATED ' : '';
    const signer = `${signature.algorithm} key ${encodeHex(signature.address)}`;
    return { id: chatId, bytes, summary: `${simulated}answer of ${attested.model} signed by the attested ${signer}` };
  }
}

/** Hands a stream on except for its end, which goes out when the whole answer is proved. */
function heldBack(
  body: ReadableStream<Uint8Array>,
  prove: (received: Uint8Array) => Promise<AnswerProof>,
): { readonly body: ReadableStream<Uint8Array>; readonly proof: Promise<AnswerProof> } {
  const parts: Uint8Array[] = [];
  const held: Uint8Array[] = [];
  const tail = new TextDecoder('latin1');
  let length = 0;
  let seen = '';
  let settle: TransformStream<Uint8Array, Uint8Array> | undefined;
  const proof = new Promise<AnswerProof>((resolve, reject) => {
    settle = new TransformStream({
      transform(piece, controller) {
        length += piece.length;
        if (length > MAX_ANSWER_BYTES)
          throw new ClientError('client/proof-refused', `the answer is longer than ${MAX_ANSWER_BYTES} bytes; ask for less`);
        parts.push(piece);
        seen = (seen + tail.decode(piece)).slice(-(piece.length + 8));
        if (held.length > 0 || seen.includes('[DONE]')) held.push(piece);
        else controller.enqueue(piece);
      },
      async flush(controller) {
        try {
          resolve(await prove(concatBytes(...parts)));
        } catch (error) {
          reject(error);
          throw error;
        }
        for (const piece of held) controller.enqueue(piece);
      },
    });
  });
  proof.catch(() => undefined); // the body ends in the same error
  if (settle === undefined) throw new Error('a promise runs its executor at once');
  return { body: body.pipeThrough(settle), proof };
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

/** Errors of the evidence under a code of this package; what cannot be reached keeps its meaning. */
async function coded<Value>(
  code: 'client/attestation-refused' | 'client/proof-refused',
  work: () => Promise<Value>,
): Promise<Value> {
  try {
    return await work();
  } catch (cause) {
    if (!AttestationError.is(cause)) throw cause;
    const away = cause.code === 'service/unreachable' || (cause.code === 'service/refused' && code !== 'client/proof-refused');
    throw new ClientError(away ? 'client/agent-unreachable' : code, `${cause.code}: ${cause.message}`, {
      cause,
      details: { code: cause.code },
    });
  }
}
