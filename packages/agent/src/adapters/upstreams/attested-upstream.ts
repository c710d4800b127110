/**
 * A service in a TEE as upstream, whatever its kind: verified before the first byte leaves, every answer proved after its last. What is added
 * here is the session's document and the events of receipts; everything else is `@assay/upstream`.
 */

import type { VerificationResult } from '@assay/attestation';
import { ChannelError } from '@assay/channel';
import { isCoded } from '@assay/encoding/coded-error';
import {
  type AttestedService,
  type AttestedSession,
  AttestedSessions,
  listModels,
  type ServiceKind,
  UpstreamError,
} from '@assay/upstream';
import { ServerError } from '../../errors.ts';
import type { Upstream, UpstreamSession } from '../../ports/upstream.ts';
import { proofOf } from './answer-event.ts';
import { type RelayOptions, relay } from './relay.ts';
import { sessionRecord } from './session-document.ts';

export interface AttestedUpstreamOptions extends RelayOptions {
  readonly defaultModel: string;
  readonly kind: ServiceKind;
  /** How it is reached and verified. */
  readonly service: AttestedService;
}

/** Longest wait for a list of models, milliseconds. */
const LIST_MS = 5000;

/**
 * @example
 * const kind = serviceKind('redpill');
 * const upstream = createAttestedUpstream({ name: 'redpill', kind, service, base, apiKey, defaultModel, timeoutMs: 120_000 });
 */
export function createAttestedUpstream(options: AttestedUpstreamOptions): Upstream {
  const { name, defaultModel, kind, service } = options;
  const sessions = new AttestedSessions(kind, service);
  const records = new WeakMap<AttestedSession, UpstreamSession>();
  const recordOf = (session: AttestedSession): UpstreamSession => {
    const record = records.get(session) ?? sessionRecord(name, session);
    records.set(session, record);
    return record;
  };

  const listed = async (limit: AbortSignal): Promise<readonly string[]> => {
    const opening = await sessions.open(defaultModel);
    return opening.outcome === 'verified' ? listModels(opening.session, limit) : [];
  };

  return {
    name,
    defaultModel,
    attestable: true,
    async standing(model) {
      try {
        const opening = await sessions.open(model);
        if (opening.outcome === 'verified') return { result: 'verified', session: recordOf(opening.session) };
        return { result: 'failed', reason: reasonOf(opening.evidence.result) };
      } catch (error) {
        if (!isCoded(error)) throw error;
        return { result: 'failed', reason: `${error.code}: ${error.message}` };
      }
    },
    async forward({ path, body, signal, held }, standing) {
      if (standing.result === 'failed') throw notVerified(standing.reason);
      const record = standing.session;
      const session = sessions.newest().find((each) => records.get(each)?.sessionId === record.sessionId);
      if (session === undefined) throw notVerified('its verification is no longer the current one');
      const { answer, sent } = await relay(options, signal, (patience) =>
        sessions.forward(session, { path, body, signal: patience, held }).catch((cause: unknown) => {
          throw faultBefore(cause);
        }),
      );
      const { prove } = sent;
      if (prove === null) return answer;
      return {
        ...answer,
        body: coded(answer.body),
        finish: async (exchange) => {
          try {
            return proofOf(record, session, await prove(exchange), exchange);
          } catch (cause) {
            throw faultAfter(cause);
          }
        },
      };
    },
    sessions: () => sessions.current().map(recordOf),
    async models() {
      const limit = AbortSignal.timeout(LIST_MS);
      const late = new Promise<readonly string[]>((resolve) => limit.addEventListener('abort', () => resolve([])));
      const ids = await Promise.race([listed(limit), late]).catch(() => []);
      return ids.length > 0 ? ids : [defaultModel];
    },
  };
}

function notVerified(reason: string): ServerError {
  return new ServerError('upstream/not-verified', `the upstream is not verified: ${reason}; nothing was sent to it`);
}

/** The error, or the first check that failed, in one line for receipts. */
function reasonOf({ outcome, error, checks }: VerificationResult): string {
  if (error !== undefined && outcome !== 'refused') return `${error.code}: ${error.message}`;
  const failed = checks.find((check) => check.outcome === 'fail');
  return failed === undefined ? outcome : `${failed.id}: expected ${failed.expected}, got ${failed.actual}`;
}

/** A session's error before an answer, as this agent names it; a missing answer stays what it is. */
function faultBefore(cause: unknown): unknown {
  if (UpstreamError.is(cause)) {
    if (cause.code === 'service/unreachable') return cause.cause;
    if (cause.code === 'service/answer-unproved') return faultAfter(cause);
    const code = cause.code === 'e2ee/not-sealable' ? 'upstream/not-sealable' : 'upstream/not-verified';
    return new ServerError(code, `${cause.code}: ${cause.message}; nothing was sent`, { cause });
  }
  if (!ChannelError.is(cause)) return cause;
  // Another key at the address or in the enclave; or an answer that was not sealed.
  const unsealed = cause.code === 'channel/response-unencrypted' || cause.code === 'channel/message-malformed';
  return new ServerError(unsealed ? 'upstream/proof-invalid' : 'upstream/channel-mismatch', `${cause.code}: ${cause.message}`, {
    cause,
  });
}

/** A session's error within an answer or about it: the answer is not to be used. */
function faultAfter(cause: unknown): unknown {
  if (!isCoded(cause) || ServerError.is(cause)) return cause;
  return new ServerError('upstream/proof-invalid', `${cause.code}: ${cause.message}`, { cause });
}

async function* coded(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* body;
  } catch (cause) {
    throw faultAfter(cause);
  }
}
