/**
 * A service with evidence of its own as upstream, whatever its kind: sessions come from `@assay/upstream`, what is added here is HTTP and the
 * proof of each answer. An answer is held back at its end until it is proved; one without a signature leaves no proof for the file.
 */

import { ChannelError, isLoopbackName } from '@assay/channel';
import type { Reservation } from '@assay/encoding/budget';
import { decodeUtf8 } from '@assay/encoding/bytes';
import { encodeHex } from '@assay/encoding/hex';
import { withoutTrailing } from '@assay/encoding/text-ends';
import {
  type AnswerEvidence,
  type AttestedService,
  type AttestedSession,
  AttestedSessions,
  encodeAnswerProof,
  firstModel,
  type ServiceKind,
  type SessionAnswer,
  type SessionRequest,
} from '@assay/upstream';
import { contentOf, MAX_ANSWER_BYTES } from '../connection/answer-content.ts';
import { agentOptions } from '../connection/attestation.ts';
import { ClientError } from '../errors.ts';
import { evidenceVerdict, reasonOf, type Verdict } from '../verification/verdict.ts';
import { withChannel } from './channel-standing.ts';
import { requestBody } from './exchange-memory.ts';
import { settledBy } from './proved-answer.ts';
import type { ForwardedAnswer, ProofFile, UpstreamOptions, VerifiedUpstream } from './upstream.ts';

/**
 * @param url base of the service; `?model=` names the model whose report is verified first, otherwise the first one it lists.
 * @throws {ClientError} `client/attestation-refused`, `client/channel-unbound`; {UpstreamError} `service/…`.
 */
export async function openServiceUpstream(url: URL, options: UpstreamOptions, kind: ServiceKind): Promise<VerifiedUpstream> {
  const service = attestedServiceOf(url, options);
  const named = kind.scope === 'service' ? '' : url.searchParams.get('model');
  const upstream = new ServiceUpstream(url, kind, service, named ?? (await firstModel(service)));
  await upstream.open();
  return upstream;
}

class ServiceUpstream implements VerifiedUpstream {
  readonly kind: string;
  readonly url: URL;
  readonly #scope: ServiceKind['scope'];
  readonly #sessions: AttestedSessions;
  /** The model that was asked for last; requests that name none go over its session. */
  #model: string;
  #verdict: Verdict | null = null;

  constructor(url: URL, kind: ServiceKind, service: AttestedService, model: string) {
    this.kind = kind.name;
    this.url = url;
    this.#scope = kind.scope;
    this.#sessions = new AttestedSessions(kind, service);
    this.#model = model;
  }

  get verdict(): Verdict {
    if (this.#verdict === null) throw new Error('openUpstream() hands an upstream out after it was verified');
    return this.#verdict;
  }

  /** The session that holds now. @throws before any prompt leaves. */
  async open(model: string = this.#model): Promise<AttestedSession> {
    const opening = await this.#sessions.open(model);
    if (opening.outcome === 'refused') {
      const { result, verifiedAt } = opening.evidence;
      throw refused(evidenceVerdict(result, verifiedAt), model === '' ? this.url.origin : `${model} at ${this.url.origin}`);
    }
    const { evidence, channel, limits } = opening.session;
    const verdict = withChannel(evidenceVerdict(evidence.result, evidence.verifiedAt), channel);
    this.#verdict = { ...verdict, limits: [...verdict.limits, ...limits] };
    this.#model = model;
    return opening.session;
  }

  async forward(request: Request, held?: Reservation): Promise<ForwardedAnswer> {
    const { pathname, search } = new URL(request.url);
    const { method, signal } = request;
    const path = pathname + search;
    if (method === 'GET' || method === 'HEAD') {
      const response = await (await this.open()).get(path, signal);
      return { response, proof: Promise.resolve(null) };
    }
    const body = await requestBody(request);
    const asked = { path, body, signal, held };
    const { session, answer } = await this.#exchange(this.#scope === 'model' ? modelOf(body) : '', asked);
    const { response, prove } = answer;
    if (prove === null) return { response, proof: Promise.resolve(null) };
    const contentType = response.headers.get('content-type') ?? 'application/json';
    const headers = { 'content-type': contentType };
    const proved = async (received: Uint8Array): Promise<ProofFile | null> =>
      proofFile(session, await prove({ sent: body, received }));
    const settled = settledBy(new Response(response.body, { headers }), proved, held);
    if (contentType.startsWith('text/event-stream')) return settled;
    const whole = await contentOf(settled.response, MAX_ANSWER_BYTES); // a failure is an error answer, not a broken body
    return { response: new Response(whole as BodyInit, { headers }), proof: settled.proof };
  }

  async #exchange(
    model: string,
    request: SessionRequest,
    mayRenew = true,
  ): Promise<{ readonly session: AttestedSession; readonly answer: SessionAnswer }> {
    const session = await this.open(model);
    try {
      return { session, answer: await this.#sessions.forward(session, request) };
    } catch (error) {
      // The service does not know the key any more and has not opened the request: it may be sent again (EHBP SPEC.md §5.4.3).
      if (mayRenew && ChannelError.is(error) && error.code === 'channel/key-unknown')
        return this.#exchange(model, request, false);
      throw error;
    }
  }
}

/** The file for one answer; `null` for an answer whose genuineness cannot be shown to others. */
function proofFile({ model, channel, evidence: { result } }: AttestedSession, evidence: AnswerEvidence): ProofFile | null {
  if (evidence.type === 'sealed') return null;
  const { chatId, signature, proof } = evidence;
  const simulated = result.appraisal.simulated ? 'SIMULATED ' : '';
  const sealed = channel.sealedTo === null ? '' : 'sealed ';
  const signer = `${signature.algorithm} key ${encodeHex(signature.address)}`;
  const summary = `${simulated}${sealed}answer of ${model} signed by the attested ${signer}`;
  return { id: chatId, bytes: encodeAnswerProof(proof), summary };
}

/** How the service at `url` is reached and verified. @throws {ClientError} `client/channel-unbound` for a key over plain HTTP. */
export function attestedServiceOf(url: URL, options: UpstreamOptions): AttestedService {
  const { policy, trust, endorsements } = agentOptions(options);
  const { apiKey = null, dialer = null } = options;
  if (apiKey !== null && url.protocol !== 'https:' && !isLoopbackName(url.hostname.replace(/^\[|\]$/g, '')))
    throw new ClientError(
      'client/channel-unbound',
      `expected https to send a key to ${url.host}, got ${url.protocol.slice(0, -1)}; this kind of service takes it next to the sealed prompt`,
    );
  return {
    base: `${url.origin}${withoutTrailing(url.pathname, '/').replace(/\/v1$/, '')}`,
    apiKey,
    keyBeforeVerdict: options.keyBeforeVerdict,
    fetch: dialer?.open ?? options.fetch ?? ((input, init) => fetch(input, init)),
    dialer,
    channel: options.channel ?? 'any',
    now: options.now ?? Date.now,
    sleep: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
    policy,
    trust: { roots: trust.anchors },
    endorsements,
    collateral: options.collateral ?? {},
  };
}

function refused(verdict: Verdict, who: string): ClientError {
  return new ClientError(
    'client/attestation-refused',
    `${who} is ${verdict.outcome}: ${reasonOf(verdict)}. No prompt was sent to it.`,
    { details: { verdict } },
  );
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
