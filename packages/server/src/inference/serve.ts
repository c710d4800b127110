/**
 * Serves one prompt request (ACI §5, §7): reads the constraints, has the upstream verified, forwards exact bytes, hands the answer
 * on as it comes, and seals the receipt before the answer ends. A refusal leaves a receipt too.
 *
 * Streams go out at once except for their end mark: the last piece is held until the receipt is durable, so that no client can take
 * an answer for complete that has none.
 */

import { toReadableStream } from '@assay/channel';
import { concatBytes, utf8 } from '@assay/encoding/bytes';
import { canonicalJson } from '@assay/encoding/json';
import { digestBytes } from '@assay/receipt';
import { ServerError } from '../errors.ts';
import type { Ledger, ReceiptDraft } from '../ports/ledger.ts';
import type { Upstream, UpstreamAnswer, UpstreamSession, UpstreamStanding } from '../ports/upstream.ts';
import { type PromptRequest, readPromptRequest } from './constraints.ts';
import { InferenceError } from './inference-error.ts';

export interface InferencePorts {
  readonly ledger: Ledger;
  readonly upstream: Upstream;
  /** The operator serves through attested upstreams only. */
  readonly verifiedOnly: boolean;
  readonly newTaskId: () => string;
  /** Longest answer kept in memory for hashing and proof, bytes. */
  readonly maxAnswerBytes: number;
}

export interface PromptCall {
  readonly path: string;
  readonly body: Uint8Array;
  readonly access: string | null;
  readonly signal: AbortSignal;
}

/** Answers a call; every answer and every refusal after the request was understood carries `x-receipt-id`. */
export async function servePrompt(call: PromptCall, ports: InferencePorts): Promise<Response> {
  let prompt: PromptRequest;
  try {
    prompt = readPromptRequest(call.body);
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
  let answer: UpstreamAnswer;
  try {
    answer = await upstream.forward({ path: call.path, body: forwarded, signal: call.signal }, standing);
  } catch (error) {
    if (!ServerError.is(error)) throw error;
    return sealRefusal(new InferenceError(502, 'upstream_error', `${error.code}: ${error.message}`), draft, ledger);
  }
  const headers = { 'content-type': answer.contentType, 'x-receipt-id': draft.receiptId, 'cache-control': 'no-store' };
  if (answer.contentType.startsWith('text/event-stream')) {
    return new Response(toReadableStream(streamSealed(answer, forwarded, draft, ports)), { status: answer.status, headers });
  }
  try {
    const received = await collect(answer.body, ports.maxAnswerBytes);
    await seal(answer, forwarded, received, draft, ports.ledger, false);
    return new Response(received as BodyInit, { status: answer.status, headers });
  } catch (error) {
    if (!ServerError.is(error)) throw error;
    return sealRefusal(new InferenceError(502, 'upstream_error', `${error.code}: ${error.message}`), draft, ledger);
  }
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

async function sealRefusal(error: InferenceError, draft: ReceiptDraft, ledger: Ledger): Promise<Response> {
  const bytes = utf8(JSON.stringify(error.body));
  draft.append({ type: 'task.failed', code: error.type });
  draft.append({ type: 'response.returned', body_hash: draft.payload('response', 'application/json', bytes) });
  await ledger.seal(draft);
  return new Response(bytes, {
    status: error.status,
    headers: { 'content-type': 'application/json', 'x-receipt-id': draft.receiptId },
  });
}

/** All of a body. @throws {ServerError} `model/too-large`. */
async function collect(body: AsyncIterable<Uint8Array>, most: number): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const piece of body) {
    length += piece.length;
    if (length > most) throw tooLarge(most);
    parts.push(piece);
  }
  return concatBytes(...parts);
}

function tooLarge(most: number): ServerError {
  return new ServerError('model/too-large', `the upstream sent more than ${most} bytes; ask for less`);
}

/** Hands a stream on, and seals before its end mark goes out. A stream that breaks leaves a receipt that says so. */
async function* streamSealed(
  answer: UpstreamAnswer,
  sent: Uint8Array,
  draft: ReceiptDraft,
  { ledger, maxAnswerBytes }: InferencePorts,
): AsyncGenerator<Uint8Array> {
  const parts: Uint8Array[] = [];
  const held: Uint8Array[] = [];
  let length = 0;
  let sealed = false;
  let failure = 'model/bad-reply';
  try {
    for await (const piece of answer.body) {
      length += piece.length;
      if (length > maxAnswerBytes) throw tooLarge(maxAnswerBytes);
      parts.push(piece);
      // The end mark and what follows it wait for the seal; everything before goes out at once.
      if (held.length > 0 || isEnd(piece)) held.push(piece);
      else yield piece;
    }
    await seal(answer, sent, concatBytes(...parts), draft, ledger, true);
    sealed = true;
    yield* held;
  } catch (error) {
    if (ServerError.is(error)) failure = error.code;
    throw error;
  } finally {
    if (!sealed) {
      draft.append({ type: 'task.failed', code: failure });
      draft.append({ type: 'response.returned', body_hash: digestBytes(concatBytes(...parts)) });
      await ledger.seal(draft);
    }
  }
}

async function seal(
  answer: UpstreamAnswer,
  sent: Uint8Array,
  received: Uint8Array,
  draft: ReceiptDraft,
  ledger: Ledger,
  streamed: boolean,
): Promise<void> {
  const proof = answer.finish === undefined ? null : await answer.finish({ sent, received });
  if (proof !== null) {
    draft.payload(proof.payload.name, proof.payload.mediaType, proof.payload.bytes);
    draft.append(proof.event);
  }
  draft.append({ type: 'response.returned', body_hash: digestBytes(received) });
  await ledger.seal(draft, { chatId: chatIdOf(received, streamed) });
}

/** The end mark on a line of its own; within an answer's text it would stand in quotes. */
function isEnd(piece: Uint8Array): boolean {
  return /(?:^|\n)data: ?\[DONE\]\s*$/.test(new TextDecoder().decode(piece.subarray(-64)));
}

/** The `id` of an OpenAI-style answer, so that the receipt is found by it as well (ACI §7.1). */
function chatIdOf(received: Uint8Array, streamed: boolean): string | null {
  const text = new TextDecoder().decode(received.subarray(0, 64 * 1024));
  const found = streamed ? /^data: ?\{[^\n]*?"id"\s*:\s*"([\w.:-]{1,128})"/m.exec(text) : null;
  if (found?.[1] !== undefined) return found[1];
  if (streamed) return null;
  try {
    const { id } = JSON.parse(new TextDecoder().decode(received)) as { readonly id?: unknown };
    return typeof id === 'string' && /^[\w.:-]{1,128}$/.test(id) ? id : null;
  } catch {
    return null;
  }
}
