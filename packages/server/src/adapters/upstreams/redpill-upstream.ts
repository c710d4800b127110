/**
 * RedPill, and every dstack vLLM proxy: verified before the first byte leaves, and every answer's signature checked over the exact bytes.
 * There is no way around either: without a standing verification nothing is forwarded, and without a good signature the answer
 * ends in an error.
 *
 * Not closed here: whoever terminates TLS for the service sees prompts; the receipt's session says so (`channel_binding` is empty).
 */

import { createHash } from 'node:crypto';
import { AttestationError, type AttestationResult } from '@assay/attestation';
import { attestProxy, type ProxyAttestation, proveAnswer, type SigningProxy } from '@assay/attestation/services';
import { encodeHex } from '@assay/encoding/hex';
import { ServerError } from '../../errors.ts';
import type { Upstream, UpstreamAnswer, UpstreamProof, UpstreamSession, UpstreamStanding } from '../../ports/upstream.ts';
import { forwardTo, listModels, type OpenAiUpstreamOptions } from './openai-upstream.ts';
import { upstreamSession } from './session-document.ts';

export interface RedpillUpstreamOptions extends OpenAiUpstreamOptions {
  /** How it is verified: policy, roots, collateral, HTTP client and clock. */
  readonly service: SigningProxy;
}

interface Verified {
  readonly session: UpstreamSession;
  readonly attested: ProxyAttestation;
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
      const attested = await attestProxy(service, model);
      if (attested.result.outcome !== 'accepted') return { result: 'failed', reason: reasonOf(attested.result) };
      const session = upstreamSession(name, new URL(service.base).origin, attested);
      if (verified.size >= MAX_MODELS) verified.delete(verified.keys().next().value ?? '');
      verified.set(model, { session, attested });
      return { result: 'verified', session };
    } catch (error) {
      if (!AttestationError.is(error)) throw error;
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
      const { session, attested } = held(verified, standing);
      const answer = await forwardTo(options, request);
      return answer.status >= 400 ? answer : { ...answer, finish: (exchange) => prove(service, attested, session, exchange) };
    },
    sessions: () => [...verified.values()].filter(holds).map(({ session }) => session),
    models: () => listModels(options),
  } satisfies Upstream;
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
  exchange: Parameters<NonNullable<UpstreamAnswer['finish']>>[0],
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
      },
      payload: { name: 'upstream-signature', mediaType: 'application/json', bytes: document },
    };
  } catch (cause) {
    if (!AttestationError.is(cause)) throw cause;
    throw new ServerError('upstream/proof-invalid', `${cause.code}: ${cause.message}`, { cause });
  }
}

function reasonOf({ outcome, error, checks }: AttestationResult): string {
  if (error !== null) return `${error.code}: ${error.message}`;
  const failed = checks.find((check) => check.outcome === 'fail');
  return failed === undefined ? outcome : `${failed.id}: expected ${failed.expected}, got ${failed.actual}`;
}
