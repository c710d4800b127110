/** One call of the model as a transcript: a receipt that names its session, its place in it, the attestation and the model. */

import { randomUUID } from 'node:crypto';
import { utf8 } from '@assay/encoding/bytes';
import { canonicalJson, type JsonObject } from '@assay/encoding/json';
import type { Clock, Ledger, ReceiptDraft } from '@assay/ledger';
import { digestJson } from '@assay/receipt';
import type { Model } from '../ports/model.ts';
import type { EvidenceSession } from './sessions.ts';

export interface TranscriptPorts {
  readonly model: Model;
  readonly ledger: Ledger;
  readonly clock: Clock;
}

export interface InferenceRequest {
  /** Exact bytes. */
  readonly bytes: Uint8Array;
  readonly prompt: string;
  readonly maxTokens: number;
  readonly temperature: number;
  /** How the request came. */
  readonly channel: 'ohttp' | 'ehbp' | 'http';
  readonly signal: AbortSignal;
}

/**
 * The answer, with the receipt's signature in it.
 * @throws what the model and `ledger.seal` throw.
 */
export async function transcribe(
  session: EvidenceSession,
  request: InferenceRequest,
  { model, ledger, clock }: TranscriptPorts,
): Promise<JsonObject> {
  const draft = ledger.open({
    ...{
      taskId: randomUUID(),
      task: 'inference',
      method: 'POST',
      endpoint: '/inference',
      requestBody: request.bytes,
      nonce: null,
    },
    ...{ access: session.access, model: model.model },
  });
  try {
    await draft.started;
    const begun = clock.now();
    const response = await ask(draft, request, model);
    return await session.inTurn(() => seal(draft, session, { request, response, took: clock.now() - begun }, ledger));
  } catch (error) {
    await ledger.discard(draft);
    throw error;
  }
}

async function ask(
  draft: ReceiptDraft,
  { prompt, maxTokens, temperature, signal }: InferenceRequest,
  model: Model,
): Promise<string> {
  const reply = await model.complete({
    messages: [{ role: 'user', content: prompt }],
    ...{ maxTokens, temperature, signal },
  });
  draft.append({
    ...{ type: 'model.called', provider: model.provider, model: reply.model, provenance: reply.provenance.kind },
    request_hash: draft.payload('model-request', 'application/json', reply.requestBytes),
    response_hash: draft.payload('model-response', 'application/octet-stream', reply.responseBytes),
    finish_reason: reply.finishReason,
  });
  return reply.text;
}

interface Exchange {
  readonly request: InferenceRequest;
  readonly response: string;
  /** Milliseconds. */
  readonly took: number;
}

async function seal(
  draft: ReceiptDraft,
  session: EvidenceSession,
  { request, response, took }: Exchange,
  ledger: Ledger,
): Promise<JsonObject> {
  const previous = session.transcripts.at(-1) ?? null;
  draft.payload('request', 'application/json', request.bytes);
  draft.append({
    ...{ type: 'transcript.bound', session_id: session.id, index: session.transcripts.length },
    ...{ previous_hash: previous?.digest ?? null, attestation_hash: session.attestationHash, model_hash: session.modelHash },
    ...{ session_nonce: String(session.attestation.nonce), channel: request.channel },
  });
  const answer = {
    transcript_id: draft.receiptId,
    response,
    inference_time_ms: Math.round(took),
    attestation_hash: session.attestationHash,
    model_hash: session.modelHash,
    simulated: (session.attestation.platform_info as JsonObject).simulated ?? null,
  };
  const bytes = utf8(canonicalJson(answer));
  draft.append({
    type: 'response.returned',
    body_hash: draft.payload('response', 'application/json', bytes),
    form: 'jcs-without-binding',
  });
  const { receipt } = await ledger.seal(draft);
  session.append({ receiptId: receipt.receipt_id, digest: digestJson(receipt) });
  return {
    ...answer,
    binding: { signature: receipt.signature, nonce: session.attestation.nonce ?? null, timestamp: receipt.served_at },
  };
}
