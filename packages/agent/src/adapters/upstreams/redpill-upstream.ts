/**
 * RedPill, NEAR AI, and every dstack vLLM proxy: verified before the first byte leaves, and every answer's signature checked over the exact
 * bytes. There is no way around either: without a standing verification nothing is forwarded, and without a good signature the
 * answer ends in an error.
 *
 * Where the report binds the service's TLS key, every connection that carries a prompt must show it. With `sealed`, prompts are encrypted to
 * the attested signing key as well. Where neither holds, whoever terminates TLS for the service sees prompts; the session says so (`channel_binding`).
 */

import { createHash } from 'node:crypto';
import { AttestationError } from '@assay/attestation';
import type { TlsDialer } from '@assay/channel';
import { concatBytes } from '@assay/encoding/bytes';
import { isCoded } from '@assay/encoding/coded-error';
import { encodeHex } from '@assay/encoding/hex';
import {
  FIELD_ENCRYPTION,
  type ProxyAttestation,
  type ProxyExchange,
  proveAnswer,
  type SealedChat,
  type SigningProxy,
  sealChat,
  UpstreamError,
  verifyProxy,
} from '@assay/upstream';
import { ServerError } from '../../errors.ts';
import type {
  ChannelDemand,
  Upstream,
  UpstreamAnswer,
  UpstreamProof,
  UpstreamRequest,
  UpstreamSession,
  UpstreamStanding,
} from '../../ports/upstream.ts';
import { forwardTo, listModels, type OpenAiUpstreamOptions } from './openai-upstream.ts';
import { reasonOf } from './refusal-reason.ts';
import { sealedBinding, tlsBinding } from './session-binding.ts';
import { signingSession } from './session-document.ts';

export interface RedpillUpstreamOptions extends OpenAiUpstreamOptions {
  /** How it is verified: policy, roots, collateral, HTTP client and clock. */
  readonly service: SigningProxy;
  /** Makes connections whose far end is known by its key. */
  readonly dialer: TlsDialer;
  readonly channel: ChannelDemand;
}

interface Verified {
  readonly session: UpstreamSession;
  readonly attested: ProxyAttestation;
  /** The same service, over connections that are bound as far as the report allows. */
  readonly service: SigningProxy;
}

/** Models one client may have verified at the same time; the oldest is verified anew after that. */
const MAX_MODELS = 64;

export function createRedpillUpstream(options: RedpillUpstreamOptions): Upstream {
  const { name, service } = options;
  const verified = new Map<string, Verified>();
  const asking = new Map<string, Promise<UpstreamStanding>>();
  const holds = ({ session }: Verified): boolean => session.expiresAt > service.now();

  const verify = async (model: string): Promise<UpstreamStanding> => {
    verified.delete(model);
    try {
      const attested = await verifyProxy(service, model);
      if (attested.result.outcome !== 'accepted') return { result: 'failed', reason: reasonOf(attested.result) };
      const origin = new URL(service.base).origin;
      const pin = attested.tlsKey !== null && origin.startsWith('https:') ? attested.tlsKey : null;
      const lack = lacking(options.channel, pin, attested);
      if (lack !== null) return { result: 'failed', reason: lack };
      const bindings = [
        ...(pin === null ? [] : [tlsBinding(origin, pin)]),
        ...(options.channel === 'sealed' ? [sealedBinding(name, attested.algorithm, attested.publicKey ?? '')] : []),
      ];
      const session = signingSession(name, origin, attested, bindings);
      if (verified.size >= MAX_MODELS) verified.delete(verified.keys().next().value ?? '');
      const bound = pin === null ? service : { ...service, fetch: options.dialer.pinned(pin) };
      verified.set(model, { session, attested, service: bound });
      return { result: 'verified', session };
    } catch (error) {
      if (!isCoded(error)) throw error;
      return { result: 'failed', reason: `${error.code}: ${error.message}` };
    }
  };

  return {
    name,
    defaultModel: options.defaultModel,
    attestable: true,
    async standing(model) {
      const known = verified.get(model);
      if (known !== undefined && holds(known)) return { result: 'verified', session: known.session };
      const asked = asking.get(model) ?? verify(model).finally(() => asking.delete(model));
      asking.set(model, asked);
      return asked;
    },
    async forward(request, standing) {
      const found = held(verified, standing);
      try {
        return await (options.channel === 'sealed' ? sealedExchange : openExchange)(options, request, found);
      } catch (error) {
        // Another key at that address: a renewed one or an intruder. Either way the next request asks for a new report.
        if (ServerError.is(error) && error.code === 'upstream/channel-mismatch') verified.delete(found.attested.model);
        throw error;
      }
    },
    sessions: () => [...verified.values()].filter(holds).map(({ session }) => session),
    models: () => listModels(options),
  } satisfies Upstream;
}

/** What the operator demands of the channel and the report does not give; `null` when it gives enough. */
function lacking(channel: ChannelDemand, pin: string | null, { publicKey }: ProxyAttestation): string | null {
  if (channel === 'bound' && pin === null)
    return 'its report binds no TLS key of an https address, and the channel must be bound';
  if (channel === 'sealed' && publicKey === null) return 'its report shows no public key, and prompts must be sealed to one';
  return null;
}

async function openExchange(
  options: RedpillUpstreamOptions,
  request: UpstreamRequest,
  { service, attested, session }: Verified,
): Promise<UpstreamAnswer> {
  const answer = await forwardTo(options, request, { fetch: service.fetch });
  if (answer.status >= 400) return answer;
  return { ...answer, finish: (exchange) => prove(service, attested, session, exchange, {}) };
}

/** The signature is over the sealed bytes; what they opened to is what the caller hashes. */
async function sealedExchange(
  options: RedpillUpstreamOptions,
  request: UpstreamRequest,
  { service, attested, session }: Verified,
): Promise<UpstreamAnswer> {
  const sealed = await sealing(() => sealChat(attested, request.path, request.body, service.now()));
  const answer = await forwardTo(options, { ...request, body: sealed.body }, { fetch: service.fetch, headers: sealed.headers });
  if (answer.status >= 400) return answer;
  const wire: Uint8Array[] = [];
  return {
    ...answer,
    body: opened(sealed, answer, wire),
    finish: () => {
      const exchange = { sent: sealed.body, received: concatBytes(...wire) };
      return prove(service, attested, session, exchange, { sealed: FIELD_ENCRYPTION });
    },
  };
}

async function* opened(
  sealed: SealedChat,
  answer: { readonly headers: Headers; readonly body: AsyncIterable<Uint8Array> },
  wire: Uint8Array[],
): AsyncGenerator<Uint8Array> {
  const kept = (async function* () {
    for await (const piece of answer.body) {
      wire.push(piece);
      yield piece;
    }
  })();
  try {
    yield* sealed.open({ headers: answer.headers, body: kept });
  } catch (cause) {
    throw invalidProof(cause);
  }
}

async function sealing(seal: () => Promise<SealedChat>): Promise<SealedChat> {
  try {
    return await seal();
  } catch (cause) {
    if (!UpstreamError.is(cause)) throw cause;
    const code = cause.code === 'e2ee/not-sealable' ? 'upstream/not-sealable' : 'upstream/not-verified';
    throw new ServerError(code, `${cause.code}: ${cause.message}; nothing was sent`, { cause });
  }
}

/** The verification that a standing names, as long as it is one of ours and still the current one. */
function held(verified: ReadonlyMap<string, Verified>, standing: UpstreamStanding): Verified {
  const found =
    standing.result === 'verified'
      ? [...verified.values()].find(({ session }) => session.sessionId === standing.session.sessionId)
      : undefined;
  if (found !== undefined) return found;
  const reason = standing.result === 'failed' ? standing.reason : 'its verification is no longer the current one';
  throw new ServerError('upstream/not-verified', `the upstream is not verified: ${reason}; nothing was sent to it`);
}

async function prove(
  service: SigningProxy,
  attested: ProxyAttestation,
  { sessionId, facts }: UpstreamSession,
  exchange: ProxyExchange,
  how: { readonly sealed?: string },
): Promise<UpstreamProof> {
  try {
    const { chatId, signature, document } = await proveAnswer(service, attested, exchange);
    return {
      event: {
        type: 'upstream.signed',
        session_id: sessionId,
        chat_id: chatId,
        signing_address: encodeHex(signature.address),
        signing_algo: signature.algorithm,
        signed_model: signature.model,
        request_hash: `sha256:${signature.requestHash}`,
        response_hash: `sha256:${signature.responseHash}`,
        signature_hash: `sha256:${createHash('sha256').update(document).digest('hex')}`,
        simulated: facts.simulated,
        ...how,
      },
      payload: { name: 'upstream-signature', mediaType: 'application/json', bytes: document },
    };
  } catch (cause) {
    throw invalidProof(cause);
  }
}

function invalidProof(cause: unknown): unknown {
  if (!UpstreamError.is(cause) && !AttestationError.is(cause)) return cause;
  return new ServerError('upstream/proof-invalid', `${cause.code}: ${cause.message}`, { cause });
}
