/** A model's reply in the receipt of a task (spec/receipt.md §3): the exact bytes both ways, where the answer came from, and its session. */

import { utf8 } from '@assay/encoding/bytes';
import { canonicalJson } from '@assay/encoding/json';
import { ServerError } from '../errors.ts';
import type { ModelProvenance, ModelReply } from '../ports/model.ts';
import type { TaskContext } from './task.ts';
import type { TokenUsage } from './token-usage.ts';

export interface AskedModel {
  /** Names the payloads: `attempt-1`. */
  readonly place: string;
  readonly attempt: number;
  /** `sha256:` and hex. */
  readonly promptHash: string;
}

/** Records a reply. */
export function recordReply(
  { draft, ports }: TaskContext,
  { place, attempt, promptHash }: AskedModel,
  reply: ModelReply,
): void {
  const { provider, model } = ports.model;
  if (reply.attested !== undefined) {
    const { session, proof } = reply.attested;
    draft.session(`${place}/upstream-session`, utf8(canonicalJson(session.document)));
    const { sessionId } = session;
    draft.append({ type: 'upstream.verified', result: 'verified', required: true, model_id: model, session_id: sessionId });
    if (proof.payload !== null) draft.payload(`${place}/${proof.payload.name}`, proof.payload.mediaType, proof.payload.bytes);
    draft.append({ ...proof.event, attempt });
  }
  if (reply.profile !== undefined) draft.payload(`${place}/model-profile.json`, 'application/json', reply.profile);
  draft.append({
    type: 'model.called',
    attempt,
    provider,
    model: reply.model,
    ...provenanceFields(reply.provenance),
    prompt_hash: promptHash,
    request_hash: draft.payload(`${place}/model-request.json`, 'application/json', reply.requestBytes),
    response_hash: draft.payload(`${place}/model-response`, 'application/octet-stream', reply.responseBytes),
    finish_reason: reply.finishReason,
    ...usageOf(reply),
  });
}

/** Records that the model gave no reply; returns the code of `error`. */
export function recordNoReply({ draft, ports }: TaskContext, { attempt, promptHash }: AskedModel, error: unknown): string {
  const { provider, model } = ports.model;
  const code = ServerError.is(error) ? error.code : 'server/internal';
  if (ServerError.is(error) && error.code === 'upstream/not-verified') {
    const reason = String(error.details.reason ?? error.message);
    const failed = { result: 'failed', required: true, model_id: model, reason, upstream_name: provider } as const;
    draft.append({ type: 'upstream.verified', ...failed });
  }
  draft.append({ type: 'model.called', attempt, provider, model, prompt_hash: promptHash, error: code });
  return code;
}

/** Tokens of one reply. */
export function usageOf({ usage }: ModelReply): TokenUsage {
  return { prompt_tokens: usage.promptTokens, completion_tokens: usage.completionTokens, total_tokens: usage.totalTokens };
}

function provenanceFields(provenance: ModelProvenance): Readonly<Record<string, string>> {
  switch (provenance.kind) {
    case 'recorded':
      return { provenance: 'recorded', transcript_hash: `sha256:${provenance.sha256}` };
    case 'embedded':
      return {
        provenance: 'embedded',
        model_hash: `sha256:${provenance.sha256}`,
        profile_hash: `sha256:${provenance.profile}`,
      };
    case 'unverified':
      return { provenance: 'unverified', url: provenance.url };
    case 'attested':
      return { provenance: 'attested', url: provenance.url, session_id: provenance.session };
  }
}
