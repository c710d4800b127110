/**
 * Serves one prompt request (ACI §5, §7): reads the constraints, has the upstream verified, forwards, hands the answer on as it comes, and seals
 * the receipt before the answer ends. A refusal leaves a receipt too.
 */

import { toReadableStream } from '@assay/channel';
import type { Reservation } from '@assay/encoding/budget';
import { utf8 } from '@assay/encoding/bytes';
import { canonicalJson } from '@assay/encoding/json';
import type { Ledger, ReceiptDraft } from '@assay/ledger';
import { digestBytes } from '@assay/receipt';
import { ServerError } from '../errors.ts';
import { heldAnswer } from '../http/answers.ts';
import { holdMemory } from '../http/held-memory.ts';
import type { Upstream, UpstreamAnswer, UpstreamSession, UpstreamStanding } from '../ports/upstream.ts';
import { retryAfterHeader, retryAfterOf } from '../retry-after.ts';
import { estimatedTokens } from '../tasks/token-usage.ts';
import { passedHeaders } from './answer-headers.ts';
import type { PromptRequest } from './constraints.ts';
import { InferenceError } from './inference-error.ts';
import { servedStream } from './served-stream.ts';
import type { Surface } from './surface.ts';
import { chatIdIn, tokensIn, wholeAnswer } from './whole-answer.ts';

export interface InferencePorts {
  readonly ledger: Ledger;
  readonly upstream: Upstream;
  /** The operator serves through attested upstreams only. */
  readonly verifiedOnly: boolean;
  readonly newTaskId: () => string;
  /** Counts the tokens of an answer for the key that asked. */
  readonly spend: (access: string, tokens: number) => void;
  /** Longest answer kept in memory for hashing and proof, bytes. */
  readonly maxAnswerBytes: number;
}

export interface PromptCall {
  /** The client's endpoint, for the receipt. */
  readonly path: string;
  readonly surface: Surface;
  readonly body: Uint8Array;
  readonly access: string | null;
  readonly signal: AbortSignal;
}

/**
 * Answers a call; every answer and every refusal after the request was understood carries `x-receipt-id`.
 * @throws {ServerError} for a refusal; anything else as it came.
 */
export async function servePrompt(call: PromptCall, ports: InferencePorts): Promise<Response> {
  let prompt: PromptRequest;
  try {
    prompt = call.surface.read(call.body);
  } catch (error) {
    if (error instanceof InferenceError) return Response.json(error.body, { status: error.status });
    throw error;
  }
  const { ledger, upstream } = ports;
  const draft = ledger.open({
    taskId: ports.newTaskId(),
    task: 'inference',
    method: 'POST',
    endpoint: call.path,
    requestBody: call.body,
    nonce: null,
    model: prompt.model,
    access: call.access,
  });
  const model = prompt.model === 'default' ? upstream.defaultModel : prompt.model;
  // An upstream that has a TEE is verified before it serves, whatever the client asks (ACI §1.2).
  const required = ports.verifiedOnly || prompt.verifiedOnly || upstream.attestable;
  const standing = await upstream.standing(model);
  recordStanding(draft, standing, { required, model, upstream: upstream.name });
  const refusal = refuse(standing, prompt, required);
  if (refusal !== null) return sealRefusal(refusal, draft, ledger);
  const forwarded = prompt.forwardedBody(model);
  draft.append({ type: 'request.forwarded', body_hash: digestBytes(forwarded) });
  const kept = holdMemory('answer');
  try {
    const request = { path: call.surface.upstreamPath, body: forwarded, signal: call.signal, held: kept };
    return await respond(await upstream.forward(request, standing), { call, prompt, forwarded, draft, ports, kept });
  } catch (error) {
    kept.release();
    if (!ServerError.is(error)) throw error;
    return sealRefusal(refusalFor(error), draft, ledger);
  }
}

interface Understood {
  readonly call: PromptCall;
  readonly prompt: PromptRequest;
  readonly forwarded: Uint8Array;
  readonly draft: ReceiptDraft;
  readonly ports: InferencePorts;
  /** Memory for what the upstream keeps of the answer, until the answer is proved. */
  readonly kept: Reservation;
}

async function respond(answer: UpstreamAnswer, understood: Understood): Promise<Response> {
  const { call, prompt, forwarded, draft, ports, kept } = understood;
  const { status, contentType } = answer;
  const passed = passedHeaders(answer.headers);
  const headers = { ...passed, 'content-type': contentType, 'x-receipt-id': draft.receiptId, 'cache-control': 'no-store' };
  const isStream = /^text\/event-stream\b/i.test(contentType) && call.surface.streams(prompt);
  if (status < 400 && isStream) {
    const translation = call.surface.stream(prompt);
    const spend = (tokens: number): void => spendFor(understood, tokens);
    const served = {
      answer,
      sent: forwarded,
      translation,
      draft,
      ledger: ports.ledger,
      most: ports.maxAnswerBytes,
      kept,
      spend,
    };
    return new Response(toReadableStream(servedStream(served)), { status, headers });
  }
  const held = holdMemory('answer');
  try {
    const returned = await settle(answer, held, understood);
    kept.release();
    return heldAnswer(returned.bytes, { status, headers: { ...headers, 'content-type': returned.contentType } }, held);
  } catch (error) {
    held.release();
    throw error;
  }
}

/** Reads, proves and seals an answer that is not a stream; gives what goes to the client. */
async function settle(
  answer: UpstreamAnswer,
  held: Reservation,
  understood: Understood,
): Promise<ReturnType<Surface['whole']>> {
  const { call, prompt, forwarded, draft, ports } = understood;
  const { status, contentType } = answer;
  const received = await wholeAnswer(answer.body, ports.maxAnswerBytes, held);
  const proof = answer.finish === undefined ? null : await answer.finish({ sent: forwarded, received });
  if (proof !== null) {
    if (proof.payload !== null) draft.payload(proof.payload.name, proof.payload.mediaType, proof.payload.bytes);
    draft.append(proof.event);
  }
  const returned = status < 400 ? call.surface.whole(received, prompt, contentType) : { bytes: received, contentType };
  draft.append({ type: 'response.returned', body_hash: digestBytes(returned.bytes) });
  await ports.ledger.seal(draft, { chatId: chatIdIn(returned.bytes) });
  if (status < 400) spendFor(understood, tokensIn(received) ?? estimatedTokens(forwarded.length + received.length));
  return returned;
}

function spendFor({ call: { access }, ports }: Understood, tokens: number): void {
  if (access !== null) ports.spend(access, tokens);
}

function recordStanding(
  draft: ReceiptDraft,
  standing: UpstreamStanding,
  { required, model, upstream }: { readonly required: boolean; readonly model: string; readonly upstream: string },
): void {
  if (standing.result === 'failed') {
    draft.append({
      type: 'upstream.verified',
      result: 'failed',
      required,
      model_id: model,
      reason: standing.reason,
      upstream_name: upstream,
    });
    return;
  }
  const { session } = standing;
  draft.append({ type: 'upstream.verified', result: 'verified', required, model_id: model, session_id: session.sessionId });
  draft.session('upstream-session', sessionBytes(session));
}

/** The bytes whose SHA-256 is the session's id (ACI §8). */
export function sessionBytes({ document }: UpstreamSession): Uint8Array {
  return utf8(canonicalJson(document));
}

function refuse(standing: UpstreamStanding, prompt: PromptRequest, required: boolean): InferenceError | null {
  if (standing.result === 'failed') {
    return required
      ? new InferenceError(
          503,
          'upstream_verification_failed',
          `the upstream is not verified: ${standing.reason}; nothing was forwarded`,
        )
      : null;
  }
  const { sessionIds } = prompt;
  if (sessionIds === null || sessionIds.includes(standing.session.sessionId)) return null;
  return new InferenceError(
    409,
    'session_not_accepted',
    'none of the accepted sessions can serve now; verify the current one at /v1/aci/sessions',
  );
}

function refusalFor(error: ServerError): InferenceError {
  const { code, message } = error;
  const words = `${code}: ${message}`;
  const later = retryAfterOf(error);
  switch (code) {
    case 'server/busy':
      return new InferenceError(503, 'server_busy', words, null, later);
    case 'model/not-connected':
      return new InferenceError(503, 'model_not_connected', words);
    default:
      return new InferenceError(502, 'upstream_error', words, null, later);
  }
}

async function sealRefusal(error: InferenceError, draft: ReceiptDraft, ledger: Ledger): Promise<Response> {
  const bytes = utf8(JSON.stringify(error.body));
  draft.append({ type: 'task.failed', code: error.type });
  draft.append({ type: 'response.returned', body_hash: draft.payload('response', 'application/json', bytes) });
  await ledger.seal(draft);
  return new Response(bytes, {
    status: error.status,
    headers: {
      'content-type': 'application/json',
      'x-receipt-id': draft.receiptId,
      ...retryAfterHeader(error.retryAfterSeconds),
    },
  });
}
