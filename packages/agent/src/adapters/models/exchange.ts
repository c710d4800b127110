/**
 * One request to a model's endpoint and the bytes of its answer, over plain HTTP or through an upstream that is verified first.
 * Its only clock is the caller's: Node's own limit of 300 s for headers and between two pieces is off.
 */

import { toReadableStream } from '@assay/channel';
import { ByteBuffer } from '@assay/encoding/byte-buffer';
import { ServerError } from '../../errors.ts';
import type { ModelReply } from '../../ports/model.ts';
import type { Upstream } from '../../ports/upstream.ts';
import { patientFetch } from '../patient-fetch.ts';
import { cutShort, type EndpointName, noAnswer } from './model-fault.ts';
import type { Pacing } from './patience.ts';

/** A whole reply with its framing. Bytes. */
export const MAX_REPLY_BYTES = 16 * 1024 * 1024;
/** How long a signing upstream may keep the connection open behind the end mark: its signature covers every byte. Milliseconds. */
const GRACE_MS = 5000;

export interface Endpoint extends EndpointName {
  readonly apiKey: string | null;
  /** Everything goes through this upstream when there is one; without its verification no prompt leaves. */
  readonly attested?: Upstream | undefined;
}

export interface Sent {
  readonly response: Response;
  /** What an attested upstream adds to a reply; `null` for the others. */
  readonly prove: ((reply: ModelReply) => Promise<Required<Pick<ModelReply, 'attested' | 'provenance'>>>) | null;
}

/**
 * @throws {ModelFault} when no answer came. {ServerError} `upstream/not-verified` before any byte of `body` leaves; `prove` throws
 * `upstream/proof-invalid`.
 */
export async function send(endpoint: Endpoint, body: Uint8Array, signal: AbortSignal): Promise<Sent> {
  const { attested: upstream, provider, base } = endpoint;
  if (upstream === undefined) return { response: await post(endpoint, body, signal), prove: null };
  const standing = await upstream.standing(endpoint.model);
  if (standing.result === 'failed') {
    const message = `${provider} is not verified: ${standing.reason}; nothing was sent to it`;
    throw new ServerError('upstream/not-verified', message, { details: { reason: standing.reason } });
  }
  const { session } = standing;
  const answer = await upstream.forward({ path: '/v1/chat/completions', body, signal }, standing).catch((cause: unknown) => {
    throw ServerError.is(cause) && cause.code === 'model/unreachable' && !signal.aborted ? noAnswer(endpoint, cause) : cause;
  });
  const headers = new Headers(answer.headers);
  headers.set('content-type', answer.contentType);
  return {
    response: new Response(toReadableStream(piecesOf(answer.body)), { status: answer.status, headers }),
    prove: async ({ requestBytes, responseBytes }) => {
      const proof = (await answer.finish?.({ sent: requestBytes, received: responseBytes })) ?? null;
      if (proof === null)
        throw new ServerError('upstream/proof-invalid', `${provider} gave no proof of its answer; do not use it`);
      const { sessionId, facts } = session;
      const provenance = { provider, url: base, session: sessionId, simulated: facts.simulated };
      return { attested: { session, proof }, provenance: { kind: 'attested', ...provenance } };
    },
  };
}

async function* piecesOf(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield* body;
}

async function post(endpoint: Endpoint, body: Uint8Array, signal: AbortSignal): Promise<Response> {
  try {
    return await patientFetch(`${endpoint.base}/chat/completions`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'text/event-stream, application/json',
        ...(endpoint.apiKey === null ? {} : { authorization: `Bearer ${endpoint.apiKey}` }),
      },
      body: new Uint8Array(body),
      redirect: 'error', // a redirect could carry the key and the prompt elsewhere
      signal,
    });
  } catch (cause) {
    if (signal.aborted) throw cause;
    throw noAnswer(endpoint, cause);
  }
}

export interface Reading {
  readonly most: number;
  readonly signal: AbortSignal;
  /** Takes each piece; `true` says that the reply is whole. */
  readonly onPiece?: (piece: Uint8Array) => boolean;
  /** Read on behind the end of the reply, for a while: what signs the answer signs that, too. */
  readonly lingering?: Pacing | null;
}

/**
 * The body's bytes, at most `most` of them, up to its end or to the end of the reply in it.
 * @throws {ServerError} `model/too-large`; {ModelFault} for a connection that broke.
 */
export async function readBody(response: Response, { most, signal, onPiece, lingering = null }: Reading): Promise<Uint8Array> {
  const buffer = new ByteBuffer();
  if (response.body === null) return buffer.bytes();
  const reader = (response.body as ReadableStream<Uint8Array>).getReader();
  const patience = new AbortController();
  let linger: Promise<'over'> | null = null;
  try {
    for (;;) {
      const next = reader.read();
      const step = linger === null ? await next : await Promise.race([next, linger]);
      if (step === 'over' || step.done) return buffer.bytes();
      if (buffer.length + step.value.length > most) throw tooLarge(most);
      buffer.append(step.value);
      if (onPiece?.(step.value) !== true) continue;
      if (lingering === null) return buffer.bytes();
      linger ??= lingering.sleep(GRACE_MS, patience.signal).then(
        () => 'over' as const,
        () => 'over' as const,
      );
    }
  } catch (cause) {
    if (signal.aborted || !isTransport(cause)) throw cause;
    throw cutShort(cause);
  } finally {
    patience.abort();
    void reader.cancel().catch(() => undefined);
  }
}

/** What the platform throws when a connection ends early; everything else has a code of ours. */
function isTransport(cause: unknown): boolean {
  return cause instanceof TypeError || (cause instanceof Error && !('kind' in cause));
}

function tooLarge(most: number): ServerError {
  return new ServerError(
    'model/too-large',
    `the model's endpoint sent more than ${most} bytes; check what AI_API_BASE points to`,
  );
}
