/**
 * Tinfoil's enclaves as upstream: verified before the first byte leaves, prompts sealed to the attested HPKE key (EHBP), over connections that show
 * the attested TLS key. There is no mode in which a prompt leaves in clear, and no answer in clear is taken.
 *
 * Nobody signs answers here: that one is genuine is known to this agent, because only the attested enclave can seal to this exchange, and the
 * receipt says so in its own name (`upstream.sealed`).
 */

import { createHash } from 'node:crypto';
import { type AnswerShape, ChannelError, type OpenedAnswer, postSealed, type TlsDialer, X25519 } from '@assay/channel';
import { utf8 } from '@assay/encoding/bytes';
import { isCoded } from '@assay/encoding/coded-error';
import { decodeHex } from '@assay/encoding/hex';
import { canonicalJson, parseJson } from '@assay/encoding/json';
import { type AttestedService, type EnclaveAttestation, verifyEnclave } from '@assay/upstream';
import { ServerError } from '../../errors.ts';
import type { Upstream, UpstreamAnswer, UpstreamProof, UpstreamRequest, UpstreamStanding } from '../../ports/upstream.ts';
import { forwardTo, listModels, type OpenAiUpstreamOptions } from './openai-upstream.ts';
import { reasonOf } from './refusal-reason.ts';
import { sealedBinding, tlsBinding } from './session-binding.ts';
import { enclaveSession } from './session-document.ts';

export interface TinfoilUpstreamOptions extends OpenAiUpstreamOptions {
  /** How it is verified: policy, roots, collateral, HTTP client and clock. */
  readonly service: AttestedService;
  /** Makes connections whose far end is known by its key. */
  readonly dialer: TlsDialer;
}

interface Verified {
  readonly standing: Extract<UpstreamStanding, { readonly result: 'verified' }>;
  readonly attested: EnclaveAttestation;
}

export function createTinfoilUpstream(options: TinfoilUpstreamOptions): Upstream {
  const { name, service } = options;
  const { origin } = new URL(service.base);
  let verified: Verified | null = null;
  let asking: Promise<UpstreamStanding> | null = null;
  const current = (): Verified | null => (verified !== null && verified.attested.expiresAt > service.now() ? verified : null);

  const verify = async (): Promise<UpstreamStanding> => {
    verified = null;
    try {
      if (!origin.startsWith('https:'))
        return { result: 'failed', reason: `${origin} is no https address: no TLS key can be pinned` };
      const attested = await verifyEnclave(service);
      if (attested.result.outcome !== 'accepted') return { result: 'failed', reason: reasonOf(attested.result) };
      const bindings = [tlsBinding(origin, attested.tlsKey), sealedBinding(name, 'x25519', attested.hpkeKey)];
      const standing = { result: 'verified', session: enclaveSession(name, origin, attested, bindings) } as const;
      verified = { standing, attested };
      return standing;
    } catch (error) {
      if (!isCoded(error)) throw error;
      return { result: 'failed', reason: `${error.code}: ${error.message}` };
    }
  };

  return {
    name,
    defaultModel: options.defaultModel,
    attestable: true,
    async standing() {
      const known = current();
      if (known !== null) return known.standing;
      asking ??= verify().finally(() => {
        asking = null;
      });
      return asking;
    },
    async forward(request, standing) {
      const found = verified;
      if (found === null || standing.result === 'failed' || standing.session.sessionId !== found.standing.session.sessionId) {
        const reason = standing.result === 'failed' ? standing.reason : 'its verification is no longer the current one';
        throw new ServerError('upstream/not-verified', `the upstream is not verified: ${reason}; nothing was sent to it`);
      }
      try {
        return await exchange(options, request, found);
      } catch (error) {
        // Other keys at that address: a new enclave or an intruder. Either way the next request asks for a new document.
        if (ServerError.is(error) && error.kind === 'untrusted') verified = null;
        throw error;
      }
    },
    sessions: () => {
      const known = current();
      return known === null ? [] : [known.standing.session];
    },
    models: () => listModels(options),
  } satisfies Upstream;
}

async function exchange(
  options: TinfoilUpstreamOptions,
  request: UpstreamRequest,
  { attested, standing }: Verified,
): Promise<UpstreamAnswer> {
  const shape = shapeOf(request.body);
  let opened: OpenedAnswer | null = null;
  const key = { keyId: 0, kem: X25519.id, publicKey: decodeHex(attested.hpkeKey) };
  const send: typeof globalThis.fetch = async (url, init) => {
    const { headers, signal } = init as { readonly headers: Readonly<Record<string, string>>; readonly signal: AbortSignal };
    opened = await postSealed(key, {
      ...{ url: String(url), headers, body: request.body, signal, shape },
      fetch: options.dialer.pinned(attested.tlsKey),
    });
    return opened.response;
  };
  const answer = await forwardTo(options, request, { fetch: send });
  const { encapsulatedKey, responseNonce } = opened ?? { encapsulatedKey: '', responseNonce: null };
  if (answer.status >= 400 || responseNonce === null) return { ...answer, body: coded(answer.body) };
  const { sessionId, facts } = standing.session;
  return {
    ...answer,
    body: coded(answer.body),
    finish: ({ sent, received }): Promise<UpstreamProof> => {
      const record = { encapsulated_key: encapsulatedKey, response_nonce: responseNonce };
      return Promise.resolve({
        event: {
          type: 'upstream.sealed',
          session_id: sessionId,
          sealed: 'ehbp',
          ...record,
          request_hash: digest(sent),
          response_hash: digest(received),
          simulated: facts.simulated,
        },
        payload: { name: 'upstream-channel', mediaType: 'application/json', bytes: utf8(canonicalJson(record)) },
      });
    },
  };
}

/** What a whole answer to this request looks like; EHBP does not say where one ends. */
function shapeOf(body: Uint8Array): AnswerShape {
  const { stream } = parseJson(body) as { readonly stream?: unknown };
  return stream === true ? 'events' : 'document';
}

async function* coded(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* body;
  } catch (cause) {
    if (!ChannelError.is(cause)) throw cause;
    throw new ServerError('upstream/proof-invalid', `${cause.code}: ${cause.message}`, { cause });
  }
}

function digest(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}
